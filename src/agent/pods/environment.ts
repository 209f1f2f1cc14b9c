import type { Container, EnvVar, Pod, Service } from '../../api/core/v1/types.generated.ts';
import { type DownwardFacts, podField, resourceField } from './downward-fields.ts';
import { expand } from './expansion.ts';

export interface EnvironmentVariable {
  readonly name: string;
  readonly value: string;
}

/** Where the values come from; a missing object or key that is not optional throws with upstream's words. */
export interface EnvironmentSources {
  configMap(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  secret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined>;
  services(namespace: string): readonly Service[];
  readonly facts: DownwardFacts;
}

/** The container cannot be made because of its own configuration: waiting reason CreateContainerConfigError. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError';
}

/** The variables of a container in upstream's order of precedence: services, envFrom, env. */
export async function containerEnvironment(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<EnvironmentVariable[]> {
  const namespace = pod.metadata.namespace ?? '';
  const serviceVariables = new Map<string, string>();
  addServices(serviceVariables, pod, sources.services(namespace));
  const result = new Map<string, string>();
  await addEnvFrom(result, namespace, container, sources);
  for (const variable of container.env ?? []) {
    const value = await variableValue(
      pod,
      container,
      variable,
      sources,
      (name) => result.get(name) ?? serviceVariables.get(name),
    );
    if (value !== undefined) result.set(variable.name, value);
  }
  for (const [name, value] of serviceVariables) if (!result.has(name)) result.set(name, value);
  return [...result].map(([name, value]) => ({ name, value }));
}

async function addEnvFrom(
  result: Map<string, string>,
  namespace: string,
  container: Container,
  sources: EnvironmentSources,
): Promise<void> {
  for (const source of container.envFrom ?? []) {
    const prefix = source.prefix ?? '';
    const reference = source.configMapRef ?? source.secretRef;
    if (reference === undefined) continue;
    const kind = source.configMapRef !== undefined ? 'configmap' : 'secret';
    const name = reference.name ?? '';
    const values = await (kind === 'configmap' ? sources.configMap(namespace, name) : sources.secret(namespace, name));
    if (values === undefined) {
      if (reference.optional === true) continue;
      throw new ContainerConfigError(`${kind} "${name}" not found`);
    }
    for (const [key, value] of Object.entries(values)) result.set(prefix + key, value);
  }
}

async function variableValue(
  pod: Pod,
  container: Container,
  { value, valueFrom }: EnvVar,
  sources: EnvironmentSources,
  lookup: (name: string) => string | undefined,
): Promise<string | undefined> {
  if (valueFrom === undefined || valueFrom === null) return expand(value ?? '', lookup);
  if (valueFrom.fieldRef !== undefined) return podField(pod, valueFrom.fieldRef.fieldPath, sources.facts);
  if (valueFrom.resourceFieldRef !== undefined) {
    return resourceField(pod, valueFrom.resourceFieldRef, container, sources.facts);
  }
  const reference = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef;
  if (reference === undefined) return undefined;
  const isSecret = valueFrom.secretKeyRef !== undefined;
  const namespace = pod.metadata.namespace ?? '';
  const name = reference.name ?? '';
  const values = await (isSecret ? sources.secret(namespace, name) : sources.configMap(namespace, name));
  const found = values?.[reference.key];
  if (found !== undefined) return found;
  if (reference.optional === true) return undefined;
  if (values === undefined) throw new ContainerConfigError(`${isSecret ? 'secret' : 'configmap'} "${name}" not found`);
  const kind = isSecret ? 'Secret' : 'ConfigMap';
  throw new ContainerConfigError(`couldn't find key ${reference.key} in ${kind} ${namespace}/${name}`);
}

/** `<NAME>_SERVICE_HOST` and its kin, for the pod's namespace, and always for `default/kubernetes`. */
function addServices(result: Map<string, string>, pod: Pod, services: readonly Service[]): void {
  const links = pod.spec?.enableServiceLinks !== false;
  for (const service of services) {
    const { clusterIP, ports = [] } = service.spec ?? {};
    if (clusterIP === undefined || clusterIP === '' || clusterIP === 'None') continue;
    const isMaster = service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes';
    if (!isMaster && (!links || service.metadata.namespace !== pod.metadata.namespace)) continue;
    const prefix = (service.metadata.name ?? '').toUpperCase().replaceAll('-', '_');
    const first = ports[0];
    if (first === undefined) continue;
    result.set(`${prefix}_SERVICE_HOST`, clusterIP);
    result.set(`${prefix}_SERVICE_PORT`, String(first.port));
    for (const port of ports) {
      if (port.name === undefined || port.name === '') continue;
      result.set(`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port));
    }
    const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? 'TCP';
      const url = `${protocol.toLowerCase()}://${host}:${port.port}`;
      if (index === 0) result.set(`${prefix}_PORT`, url);
      const base = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
      result.set(base, url);
      result.set(`${base}_PROTO`, protocol.toLowerCase());
      result.set(`${base}_PORT`, String(port.port));
      result.set(`${base}_ADDR`, clusterIP);
    }
  }
}
