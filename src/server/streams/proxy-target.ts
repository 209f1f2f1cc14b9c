import type { Pod, Service } from '../../api/core/v1/types.generated.ts';
import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { badRequest, notFound, serviceUnavailable } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import { hostOf } from './pod-target.ts';

/** Where a proxied request goes: a port of a pod, by way of the pod's host. */
export interface ProxyTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

interface NamedPort {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number, a name, or `''`. */
  readonly port: string;
}

/** `name`, `name:port` or `scheme:name:port`, as upstream's SplitSchemeNamePort. */
export function parseProxyName(text: string): NamedPort {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] =
    parts.length === 1 ? ['', parts[0], ''] : parts.length === 2 ? ['', parts[0], parts[1]] : parts;
  if (parts.length > 3 || name === '' || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) {
    throw badRequest(`invalid proxy request ${JSON.stringify(text)}`);
  }
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

export function podTarget({ info }: RequestContext, objects: ObjectAccess): ProxyTarget {
  const { scheme, name, port } = parseProxyName(info.name);
  const found = objects.get({ group: '', resource: 'pods' }, info.namespace, name);
  if (found === undefined) throw notFound({ group: '', resource: 'pods' }, name);
  const pod = as<Pod>(found);
  const number = port === '' ? (pod.spec?.containers?.[0]?.ports?.[0]?.containerPort ?? 80) : podPort(pod, port);
  return { scheme, host: hostOf(pod), namespace: info.namespace, pod: name, port: number };
}

function podPort(pod: Pod, port: string): number {
  if (/^[0-9]+$/.test(port)) return Number(port);
  for (const { ports } of pod.spec?.containers ?? []) {
    const named = ports?.find(({ name }) => name === port);
    if (named !== undefined) return named.containerPort;
  }
  throw badRequest(`pod ${JSON.stringify(pod.metadata.name)} has no port ${JSON.stringify(port)}`);
}

/** Any ready endpoint of the service. Throws 503 when there is none. */
export function serviceTarget({ info }: RequestContext, objects: ObjectAccess): ProxyTarget {
  const { scheme, name, port } = parseProxyName(info.name);
  const found = objects.get({ group: '', resource: 'services' }, info.namespace, name);
  if (found === undefined) throw notFound({ group: '', resource: 'services' }, name);
  const portName = servicePortName(as<Service>(found), port);
  const targets = endpointsOf(objects, info.namespace, name, portName);
  const target = targets[Math.floor(Math.random() * targets.length)];
  if (target === undefined) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(info.name)}`);
  return { scheme, namespace: info.namespace, ...target };
}

/** Endpoints know a service's ports by name only. */
function servicePortName(service: Service, port: string): string {
  const ports = service.spec?.ports ?? [];
  if (port === '') {
    const [only] = ports;
    if (only !== undefined && ports.length === 1) return only.name ?? '';
    throw serviceUnavailable(`no service port specified for service ${JSON.stringify(service.metadata.name)}`);
  }
  const found = ports.find((candidate) => candidate.name === port || String(candidate.port) === port);
  if (found === undefined) {
    throw serviceUnavailable(
      `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(service.metadata.name)}`,
    );
  }
  return found.name ?? '';
}

function endpointsOf(
  objects: ObjectAccess,
  namespace: string,
  service: string,
  portName: string,
): { host: string; pod: string; port: number }[] {
  const targets: { host: string; pod: string; port: number }[] = [];
  for (const object of objects.list({ group: 'discovery.k8s.io', resource: 'endpointslices' }, namespace)) {
    if (object.metadata.labels?.['kubernetes.io/service-name'] !== service) continue;
    const slice = as<EndpointSlice>(object);
    const port = slice.ports?.find(({ name }) => (name ?? '') === portName)?.port;
    if (port === undefined) continue;
    for (const { conditions, nodeName, targetRef } of slice.endpoints ?? []) {
      if (conditions?.ready === false || nodeName === undefined || targetRef?.kind !== 'Pod') continue;
      targets.push({ host: nodeName, pod: targetRef.name ?? '', port });
    }
  }
  return targets;
}
