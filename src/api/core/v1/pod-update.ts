import { isIP } from 'node:net';
import { clone, equal } from '../../../machinery/json.ts';
import { isDns1123Subdomain, rangeProblem } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { type FieldPath, forbiddenField, invalidEach, invalidValue, specPath, statusPath } from '../../field-errors.ts';
import { qosClassOf } from './pod-qos.ts';
import { validatePod } from './pod-validation.ts';
import type { Container, ContainerStatus, Pod, PodSpec } from './types.generated.ts';

const ipProblem = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const int32Max = 2147483647;

const changeableFields = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** Nearly all of a pod's spec is fixed at creation; mirrors ValidatePodUpdate. */
export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors = validatePod(pod);
  if (pod.spec === undefined || pod.spec === null || old.spec === undefined) return errors;
  if (equal(pod.spec, old.spec)) return errors;
  if (!sameNumberOfContainers(pod.spec, old.spec, errors)) return errors;
  if (!validateDeadline(pod.spec, old.spec, errors)) return errors;
  validateAddedTolerations(pod.spec, old.spec, errors);
  validateRemovedGates(pod.spec, old.spec, errors);
  validateAddedSelector(pod.spec, old.spec, errors);
  const changed = fieldsOtherThanChangeable(pod.spec, old.spec);
  if (changed.length > 0) {
    const detail = `pod updates may not change fields other than ${changeableFields}\n${describe(pod.spec, old.spec, changed)}`;
    errors.push(forbiddenField(specPath, detail));
  }
  return errors;
}

function sameNumberOfContainers(spec: PodSpec, old: PodSpec, errors: FieldError[]): boolean {
  let isSame = true;
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list] ?? []).length === (old[list] ?? []).length) continue;
    errors.push(forbiddenField(specPath.child(list), 'pod updates may not add or remove containers'));
    isSame = false;
  }
  return isSame;
}

function validateDeadline(spec: PodSpec, old: PodSpec, errors: FieldError[]): boolean {
  const before = old.activeDeadlineSeconds;
  const after = spec.activeDeadlineSeconds;
  const path = specPath.child('activeDeadlineSeconds');
  if (after !== undefined && after !== null) {
    if (after < 0 || after > int32Max) errors.push(invalidValue(path, after, rangeProblem(0, int32Max)));
    else if (before !== undefined && before < after) {
      errors.push(invalidValue(path, after, 'must be less than or equal to previous value'));
    } else return true;
    return false;
  }
  if (before === undefined) return true;
  errors.push(invalidValue(path, null, 'must not update from a positive integer to nil value'));
  return false;
}

function validateAddedTolerations(spec: PodSpec, old: PodSpec, errors: FieldError[]): void {
  const now = spec.tolerations ?? [];
  for (const toleration of old.tolerations ?? []) {
    const { tolerationSeconds: _seconds, ...rest } = toleration;
    const isKept = now.some((candidate) => {
      const { tolerationSeconds: _other, ...same } = candidate;
      return equal(same, rest);
    });
    if (isKept) continue;
    const detail = 'existing toleration can not be modified except its tolerationSeconds';
    errors.push(forbiddenField(specPath.child('tolerations'), detail));
    return;
  }
}

function validateRemovedGates(spec: PodSpec, old: PodSpec, errors: FieldError[]): void {
  const before = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  spec.schedulingGates?.forEach(({ name }, index) => {
    if (before.has(name)) return;
    const detail = 'only deletion is allowed, but found new scheduling gate';
    errors.push(forbiddenField(specPath.at('schedulingGates', index).child('name'), `${detail} '${name}'`));
  });
}

/** Only of a gated pod; of any other the selector may not change at all. */
function validateAddedSelector(spec: PodSpec, old: PodSpec, errors: FieldError[]): void {
  if ((old.schedulingGates ?? []).length === 0) return;
  const before = old.nodeSelector ?? {};
  if (Object.keys(before).every((label) => spec.nodeSelector?.[label] === before[label])) return;
  const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
  errors.push(invalidValue(specPath.child('nodeSelector'), spec.nodeSelector ?? null, detail));
}

/** The top-level fields of the spec that differ once everything that may change has been made the same. */
function fieldsOtherThanChangeable(spec: PodSpec, old: PodSpec): string[] {
  const munged = clone(spec);
  for (const list of ['containers', 'initContainers'] as const) {
    munged[list]?.forEach((container, index) => {
      const image = old[list]?.[index]?.image;
      if (image !== undefined) container.image = image;
    });
  }
  copyOrDelete(munged, old, 'activeDeadlineSeconds');
  copyOrDelete(munged, old, 'schedulingGates');
  copyOrDelete(munged, old, 'tolerations');
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    copyOrDelete(munged, old, 'terminationGracePeriodSeconds');
  }
  if ((old.schedulingGates ?? []).length > 0) {
    // A gated pod is not seen by the scheduler yet, so where it may go can still be narrowed.
    copyOrDelete(munged, old, 'nodeSelector');
    const { nodeAffinity: _ours, ...affinity } = munged.affinity ?? {};
    const kept = old.affinity?.nodeAffinity;
    munged.affinity = kept === undefined ? affinity : { ...affinity, nodeAffinity: kept };
  }
  const fields = new Set([...Object.keys(munged), ...Object.keys(old)]) as Set<keyof PodSpec>;
  return [...fields].filter((field) => !isSame(munged[field], old[field]));
}

/** Empty and absent mean the same to upstream's types. */
function isSame(a: unknown, b: unknown): boolean {
  return equal(a, b) || (isNothing(a) && isNothing(b));
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function copyOrDelete<K extends keyof PodSpec>(spec: PodSpec, old: PodSpec, field: K): void {
  if (old[field] === undefined) delete spec[field];
  else spec[field] = old[field];
}

/** The lines of a diff of what changed: `-` was, `+` is asked for. */
function describe(spec: PodSpec, old: PodSpec, fields: readonly string[]): string {
  const lines = ['  core.PodSpec{'];
  for (const field of fields) {
    const before = (old as unknown as Record<string, unknown>)[field];
    const after = (spec as unknown as Record<string, unknown>)[field];
    if (before !== undefined) lines.push(`-   ${field}: ${JSON.stringify(before)},`);
    if (after !== undefined) lines.push(`+   ${field}: ${JSON.stringify(after)},`);
  }
  lines.push('  }', '');
  return lines.join('\n');
}

/** A write of `status`: addresses are addresses, and a container that has finished for good does not come back. */
export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const nominated = pod.status?.nominatedNodeName ?? '';
  if (nominated !== '' && nominated !== old.status?.nominatedNodeName) {
    invalidEach(errors, statusPath.child('nominatedNodeName'), nominated, isDns1123Subdomain(nominated));
  }
  for (const list of ['podIPs', 'hostIPs'] as const) {
    pod.status?.[list]?.forEach(({ ip }, index) => {
      if (isIP(ip) === 0) errors.push(invalidValue(statusPath.at(list, index), ip, ipProblem));
    });
  }
  const policy = old.spec?.restartPolicy;
  if (policy === 'Always' || policy === undefined) return errors;
  const rules = restartRuled(old.spec);
  for (const list of ['containerStatuses', 'initContainerStatuses'] as const) {
    const before = new Map((old.status?.[list] ?? []).map((status) => [status.name, status]));
    pod.status?.[list]?.forEach((status, index) => {
      if (rules.has(status.name)) return;
      const path = statusPath.at(list, index).child('state');
      validateTermination(status, before.get(status.name), policy, path, errors);
    });
  }
  return errors;
}

function restartRuled(spec: PodSpec): ReadonlySet<string> {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const ruled = containers.filter((container) => container.restartPolicy !== undefined);
  return new Set(ruled.map((container) => container.name));
}

function validateTermination(
  status: ContainerStatus,
  before: ContainerStatus | undefined,
  policy: string,
  path: FieldPath,
  errors: FieldError[],
): void {
  const ended = before?.state?.terminated;
  if (!ended || status.state?.terminated) return;
  if (policy === 'OnFailure' && ended.exitCode !== 0) return;
  errors.push(forbiddenField(path, 'may not be transitioned to non-terminated state'));
}

/** `pods/ephemeralcontainers`: what is there stays as it is; more may be added. */
export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors = validatePod(pod);
  const path = specPath.child('ephemeralContainers');
  const now = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const container of old.spec?.ephemeralContainers ?? []) {
    const same = now.get(container.name);
    if (same === undefined) {
      errors.push(forbiddenField(path, `existing ephemeral containers "${container.name}" may not be removed\n`));
    } else if (!equal(same, container)) {
      errors.push(forbiddenField(path, `existing ephemeral containers "${container.name}" may not be changed\n`));
    }
  }
  return errors;
}

/** `pods/resize`: only CPU and memory of containers that are there, within the same QoS class. */
export function validatePodResize(pod: Pod, old: Pod): FieldError[] {
  const errors = validatePod(pod);
  if (pod.spec === undefined || old.spec === undefined) return errors;
  if (qosClassOf(pod.spec) !== (old.status?.qosClass ?? qosClassOf(old.spec))) {
    errors.push(
      invalidValue(specPath, old.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing'),
    );
  }
  for (const list of ['containers', 'initContainers'] as const) {
    pod.spec[list]?.forEach((container, index) => {
      validateResizedContainer(container, old.spec[list]?.[index], specPath.at(list, index), errors);
    });
  }
  return errors;
}

function validateResizedContainer(
  container: Container,
  before: Container | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const list of ['limits', 'requests'] as const) {
    const now = container.resources?.[list] ?? {};
    const was = before?.resources?.[list] ?? {};
    const at = path.child('resources').child(list);
    for (const name of new Set([...Object.keys(now), ...Object.keys(was)])) {
      if (now[name] === was[name]) continue;
      if (name !== 'cpu' && name !== 'memory') {
        errors.push(forbiddenField(specPath, 'only cpu and memory resources are mutable'));
      } else if (now[name] === undefined) {
        errors.push(forbiddenField(at, `resource ${list} cannot be removed`));
      }
    }
  }
}
