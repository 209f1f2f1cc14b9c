import { isDns1123Label, isValidPortName, isValidPortNum } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notFoundValue,
  notSupported,
  required,
} from '../../field-errors.ts';
import { validateContainerResources } from './container-resources.ts';
import { validateEnv, validateEnvFrom } from './env-validation.ts';
import { validateLifecycle, validateProbes } from './handler-validation.ts';
import { validateMounts } from './mount-validation.ts';
import { validateSecurityContext } from './security-validation.ts';
import type { Container, ContainerPort, EphemeralContainer, PodSpec, Volume } from './types.generated.ts';

/** What the containers of one pod spec share while they are validated. */
interface PodContext {
  readonly spec: PodSpec;
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly claimNames: ReadonlySet<string>;
  readonly gracePeriodSeconds: number;
  readonly path: FieldPath;
  readonly errors: FieldError[];
}

/** Containers, init containers and ephemeral containers of a spec. */
export function validateAllContainers(pod: PodContext): void {
  const { spec, path, errors } = pod;
  const names = new Set<string>();
  validateContainers(pod, names);
  if (spec.initContainers) validateInitContainers(pod, names);
  if (spec.ephemeralContainers && spec.ephemeralContainers.length > 0) {
    for (const container of spec.initContainers ?? []) names.add(container.name);
    validateEphemeralContainers(spec.ephemeralContainers, names, pod, path, errors);
  }
}

const restartPolicies: readonly string[] = ['Always', 'OnFailure', 'Never'];

function validateContainers(pod: PodContext, names: Set<string>): void {
  const { spec, path, errors } = pod;
  const containers = spec.containers ?? [];
  if (containers.length === 0) return void errors.push(required(path.child('containers')));
  const hostPorts = new Set<string>();
  for (let index = 0; index < containers.length; index++) {
    const container = containers[index];
    if (container === undefined) continue;
    const at = path.at('containers', index);
    validateContainer(container, pod, at);
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    validateLifecycle(container, pod.gracePeriodSeconds, at, errors);
    validateProbes(container, at, errors);
    validateContainerRestartPolicy(container, at, errors);
    validateHostPorts(container, hostPorts, at, errors);
  }
}

function validateInitContainers(pod: PodContext, names: ReadonlySet<string>): void {
  const { spec, path, errors } = pod;
  const seen = new Set<string>();
  const hostPorts = new Set<string>();
  spec.initContainers?.forEach((container, index) => {
    const at = path.at('initContainers', index);
    validateContainer(container, pod, at);
    if (names.has(container.name) || seen.has(container.name)) {
      errors.push(duplicate(at.child('name'), container.name));
    } else if (container.name) seen.add(container.name);
    validateContainerRestartPolicy(container, at, errors);
    if (container.restartPolicy === 'Always') {
      validateLifecycle(container, pod.gracePeriodSeconds, at, errors);
      validateProbes(container, at, errors);
    } else {
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
        if (!container[field]) continue;
        const detail = 'may not be set for init containers without restartPolicy=Always';
        errors.push(forbiddenField(at.child(field), detail));
      }
    }
    // One init container runs at a time, so only its own host ports can collide.
    hostPorts.clear();
    validateHostPorts(container, hostPorts, at, errors);
  });
}

function validateContainerRestartPolicy(container: Container, path: FieldPath, errors: FieldError[]): void {
  const { restartPolicy, restartPolicyRules = [] } = container;
  if (restartPolicy && !restartPolicies.includes(restartPolicy)) {
    errors.push(notSupported(path.child('restartPolicy'), restartPolicy, restartPolicies));
  }
  if (restartPolicyRules.length > 0 && !restartPolicy) {
    errors.push(required(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'));
  }
}

/** Fields of an ephemeral container that only a container with a life of its own may have. */
const notEphemeral = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
] as const;

function validateEphemeralContainers(
  containers: readonly EphemeralContainer[],
  others: ReadonlySet<string>,
  pod: PodContext,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  containers.forEach((container, index) => {
    const at = path.at('ephemeralContainers', index);
    validateContainer(container, pod, at);
    if (others.has(container.name) || seen.has(container.name)) {
      errors.push(duplicate(at.child('name'), container.name));
    }
    seen.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFoundValue(at.child('targetContainerName'), target));
    for (const field of notEphemeral) {
      const value = container[field];
      if (value === undefined || value === null || isEmpty(value)) continue;
      errors.push(forbiddenField(at.child(field), 'cannot be set for an Ephemeral Container'));
    }
    container.volumeMounts?.forEach((mount, position) => {
      const mountAt = at.at('volumeMounts', position);
      if (mount.subPath) {
        errors.push(forbiddenField(mountAt.child('subPath'), 'cannot be set for an Ephemeral Container'));
      }
      if (mount.subPathExpr) {
        errors.push(forbiddenField(mountAt.child('subPathExpr'), 'cannot be set for an Ephemeral Container'));
      }
    });
  });
}

function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

const pullPolicies: readonly string[] = ['Always', 'IfNotPresent', 'Never'];
const messagePolicies: readonly string[] = ['File', 'FallbackToLogsOnError'];
const resizePolicies: readonly string[] = ['NotRequired', 'RestartContainer'];

function validateContainer(container: Container | EphemeralContainer, pod: PodContext, path: FieldPath): void {
  const { errors } = pod;
  const { name, image, imagePullPolicy = '', terminationMessagePolicy = '' } = container;
  if (!name) errors.push(required(path.child('name')));
  else {
    const problems = isDns1123Label(name);
    if (problems.length > 0) invalidEach(errors, path.child('name'), name, problems);
  }
  if (!image) errors.push(required(path.child('image')));
  if (!messagePolicies.includes(terminationMessagePolicy)) {
    const at = path.child('terminationMessagePolicy');
    errors.push(
      terminationMessagePolicy === '' ? required(at) : notSupported(at, terminationMessagePolicy, messagePolicies),
    );
  }
  validatePorts(container.ports, path, errors);
  validateEnv(container.env, path, errors);
  validateEnvFrom(container.envFrom, path, errors);
  validateMounts(container, pod.volumes, path, errors);
  if (!pullPolicies.includes(imagePullPolicy)) {
    const at = path.child('imagePullPolicy');
    errors.push(imagePullPolicy === '' ? required(at) : notSupported(at, imagePullPolicy, pullPolicies));
  }
  validateContainerResources(container.resources, pod.claimNames, path.child('resources'), errors);
  validateResizePolicy(container, pod.spec.restartPolicy, path, errors);
  validateSecurityContext(container.securityContext, path.child('securityContext'), errors);
}

function validateResizePolicy(
  container: Container | EphemeralContainer,
  podRestartPolicy: string | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  container.resizePolicy?.forEach(({ resourceName, restartPolicy }, index) => {
    const at = path.child('resizePolicy');
    if (seen.has(resourceName)) errors.push(duplicate(at.index(index), resourceName));
    seen.add(resourceName);
    if (resourceName !== 'cpu' && resourceName !== 'memory') {
      if (!resourceName) errors.push(required(at));
      else errors.push(notSupported(at, resourceName, ['cpu', 'memory']));
    }
    if (!restartPolicy) errors.push(required(at));
    else if (!resizePolicies.includes(restartPolicy)) errors.push(notSupported(at, restartPolicy, resizePolicies));
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(invalidValue(at, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    }
  });
}

const protocols: readonly string[] = ['SCTP', 'TCP', 'UDP'];

function validatePorts(ports: readonly ContainerPort[] | undefined, path: FieldPath, errors: FieldError[]): void {
  if (ports === undefined || ports === null) return;
  const names = new Set<string>();
  for (let index = 0; index < ports.length; index++) {
    const port = ports[index];
    if (port === undefined) continue;
    const at = path.at('ports', index);
    if (port.name) {
      const problems = isValidPortName(port.name);
      if (problems.length > 0) invalidEach(errors, at.child('name'), port.name, problems);
      else if (names.has(port.name)) errors.push(duplicate(at.child('name'), port.name));
      else names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(at.child('containerPort')));
    else invalidEach(errors, at.child('containerPort'), port.containerPort, isValidPortNum(port.containerPort));
    if (port.hostPort) invalidEach(errors, at.child('hostPort'), port.hostPort, isValidPortNum(port.hostPort));
    if (!port.protocol) errors.push(required(at.child('protocol')));
    else if (!protocols.includes(port.protocol)) {
      errors.push(notSupported(at.child('protocol'), port.protocol, protocols));
    }
  }
}

function validateHostPorts(container: Container, seen: Set<string>, path: FieldPath, errors: FieldError[]): void {
  container.ports?.forEach((port, index) => {
    if (!port.hostPort) return;
    const text = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
    if (seen.has(text)) errors.push(duplicate(path.at('ports', index).child('hostPort'), text));
    seen.add(text);
  });
}

/** What holds for the images of pods but not of templates. */
export function validateImageSpaces(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const) {
    spec[list]?.forEach(({ image }, index) => {
      if (image === undefined || image === image.trim()) return;
      const at = path.at(list, index).child('image');
      errors.push(invalidValue(at, image, 'must not have leading or trailing whitespace'));
    });
  }
}
