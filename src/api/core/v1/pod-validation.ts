import { isIP } from 'node:net';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, rangeProblem } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  metadataPath,
  notSupported,
  required,
  specPath,
} from '../../field-errors.ts';
import { validateLabels } from '../../label-validation.ts';
import { validateContainerResourceName, validateResourceQuantityValue } from './container-resources.ts';
import { validateAllContainers, validateImageSpaces } from './container-validation.ts';
import { validatePodDns } from './dns-validation.ts';
import { validatePodLevelResources } from './pod-resources.ts';
import { checkQuantity } from './resource-list.ts';
import {
  validateAffinity,
  validateSchedulingGates,
  validateTolerations,
  validateTopologySpread,
} from './scheduling-validation.ts';
import { validatePodSecurityContext } from './security-validation.ts';
import type { Pod, PodResourceClaim, PodSpec, PodTemplateSpec } from './types.generated.ts';
import { validateVolumes } from './volume-validation.ts';

const noNames: ReadonlySet<string> = new Set();
const restartPolicies: readonly string[] = ['Always', 'OnFailure', 'Never'];
const preemptionPolicies: readonly string[] = ['PreemptLowerPriority', 'Never'];
const int32Max = 2147483647;
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

/** A new pod. */
export function validatePodCreate(pod: Pod): FieldError[] {
  const errors = validatePod(pod);
  const { spec } = pod;
  if (spec === undefined || spec === null) return errors;
  if (spec.ephemeralContainers && spec.ephemeralContainers.length > 0) {
    errors.push(forbiddenField(specPath.child('ephemeralContainers'), 'cannot be set on create'));
  }
  if (spec.nodeName && spec.schedulingGates && spec.schedulingGates.length > 0) {
    const detail = 'cannot be set until all schedulingGates have been cleared';
    errors.push(forbiddenField(specPath.child('nodeName'), detail));
  }
  return errors;
}

/** What holds for every pod, new or changed. */
export function validatePod(pod: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = pod;
  if (spec === undefined || spec === null) return [required(specPath.child('containers'))];
  validatePodSpec(spec, specPath, errors);
  if (!spec.serviceAccountName) validateNoTokens(spec, errors);
  validateImageSpaces(spec, specPath, errors);
  const cost = pod.metadata.annotations?.[deletionCost];
  if (cost !== undefined && !isInt32(cost)) {
    errors.push(invalidValue(metadataPath.child('annotations').key(deletionCost), cost, 'must be a 32bit integer'));
  }
  return errors;
}

/** The template of a controller: the labels that its pods will carry, and their spec. */
export function validatePodTemplate(
  template: PodTemplateSpec | undefined | null,
  path: FieldPath,
  errors: FieldError[] = [],
): FieldError[] {
  validateLabels(template?.metadata?.labels, path.child('labels'), errors);
  validateAnnotationKeys(template?.metadata?.annotations, path.child('annotations'), errors);
  const spec = template?.spec;
  if (spec === undefined || spec === null) {
    errors.push(required(path.child('spec').child('containers')));
    return errors;
  }
  validatePodSpec(spec, path.child('spec'), errors);
  if (spec.ephemeralContainers && spec.ephemeralContainers.length > 0) {
    const at = path.child('spec').child('ephemeralContainers');
    errors.push(forbiddenField(at, 'ephemeral containers not allowed in pod template'));
  }
  return errors;
}

/** Mirrors ValidatePodSpec: all errors of a spec that has its defaults. */
export function validatePodSpec(spec: PodSpec, path: FieldPath, errors: FieldError[] = []): FieldError[] {
  const volumes = validateVolumes(spec.volumes, path, errors);
  const claimNames = spec.resourceClaims ? validateResourceClaims(spec.resourceClaims, path, errors) : noNames;
  const gracePeriodSeconds = spec.terminationGracePeriodSeconds ?? 0;
  validateAllContainers({ spec, volumes, claimNames, gracePeriodSeconds, path, errors });
  if (spec.resources) validatePodLevelResources(spec, path.child('resources'), errors);
  const { restartPolicy = '' } = spec;
  if (!restartPolicies.includes(restartPolicy)) {
    const at = path.child('restartPolicy');
    errors.push(restartPolicy === '' ? required(at) : notSupported(at, restartPolicy, restartPolicies));
  }
  validatePodDns(spec, path, errors);
  validatePodSecurityContext(spec, path, errors);
  validateScheduling(spec, path, errors);
  validateNames(spec, path, errors);
  if (spec.readinessGates) {
    spec.readinessGates.forEach(({ conditionType }, index) => {
      const at = path.at('readinessGates', index).child('conditionType');
      invalidEach(errors, at, conditionType, isQualifiedName(conditionType ?? ''));
    });
  }
  validateNumbers(spec, path, errors);
  return errors;
}

function validateScheduling(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  if (spec.nodeSelector) validateLabels(spec.nodeSelector, path.child('nodeSelector'), errors);
  if (spec.affinity) validateAffinity(spec.affinity, path.child('affinity'), errors);
  if (spec.tolerations) validateTolerations(spec.tolerations, path, errors);
  if (spec.topologySpreadConstraints) validateTopologySpread(spec.topologySpreadConstraints, path, errors);
  if (spec.schedulingGates) validateSchedulingGates(spec.schedulingGates, path, errors);
  const { preemptionPolicy } = spec;
  if (preemptionPolicy && !preemptionPolicies.includes(preemptionPolicy)) {
    errors.push(notSupported(path.child('preemptionPolicy'), preemptionPolicy, preemptionPolicies));
  }
}

function validateNames(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  subdomain(spec.serviceAccountName, 'serviceAccountName', path, errors);
  subdomain(spec.nodeName, 'nodeName', path, errors);
  subdomain(spec.priorityClassName, 'priorityClassName', path, errors);
  subdomain(spec.runtimeClassName, 'runtimeClassName', path, errors);
  if (spec.hostname) invalidEach(errors, path.child('hostname'), spec.hostname, isDns1123Label(spec.hostname));
  if (spec.subdomain) invalidEach(errors, path.child('subdomain'), spec.subdomain, isDns1123Label(spec.subdomain));
  if (spec.hostnameOverride) {
    const at = path.child('hostnameOverride');
    invalidEach(errors, at, spec.hostnameOverride, isDns1123Subdomain(spec.hostnameOverride));
    if (spec.hostNetwork === true) errors.push(forbiddenField(at, 'may not be specified when hostNetwork is true'));
  }
  spec.hostAliases?.forEach(({ ip, hostnames = [] }, index) => {
    const at = path.at('hostAliases', index);
    if (isIP(ip ?? '') === 0) {
      const detail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
      errors.push(invalidValue(at.child('ip'), ip, detail));
    }
    hostnames.forEach((name, position) => {
      invalidEach(errors, at.at('hostnames', position), name, isDns1123Subdomain(name));
    });
  });
  if (spec.os && spec.os.name !== 'linux' && spec.os.name !== 'windows') {
    const at = path.child('os').child('name');
    errors.push(spec.os.name ? notSupported(at, spec.os.name, ['linux', 'windows']) : required(at));
  }
}

function subdomain(value: string | undefined, field: string, path: FieldPath, errors: FieldError[]): void {
  if (value === undefined || value === null || value === '') return;
  const problems = isDns1123Subdomain(value);
  if (problems.length > 0) invalidEach(errors, path.child(field), value, problems);
}

function validateNumbers(spec: PodSpec, path: FieldPath, errors: FieldError[]): void {
  const { activeDeadlineSeconds: deadline, overhead } = spec;
  if (deadline !== undefined && deadline !== null && (deadline < 1 || deadline > int32Max)) {
    errors.push(invalidValue(path.child('activeDeadlineSeconds'), deadline, rangeProblem(1, int32Max)));
  }
  for (const name of Object.keys(overhead ?? {})) {
    const at = path.child('overhead').key(name);
    const value = overhead?.[name];
    validateContainerResourceName(name, at, errors);
    if (checkQuantity(value, at, errors)) validateResourceQuantityValue(name, value, at, errors);
  }
}

function validateResourceClaims(
  claims: readonly PodResourceClaim[],
  path: FieldPath,
  errors: FieldError[],
): ReadonlySet<string> {
  const names = new Set<string>();
  claims.forEach((claim, index) => {
    const at = path.at('resourceClaims', index);
    if (!claim.name) errors.push(required(at.child('name')));
    else if (names.has(claim.name)) errors.push(duplicate(at.child('name'), claim.name));
    else invalidEach(errors, at.child('name'), claim.name, isDns1123Label(claim.name));
    names.add(claim.name);
    const { resourceClaimName, resourceClaimTemplateName } = claim;
    const detail = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
    if (resourceClaimName && resourceClaimTemplateName) {
      errors.push(
        invalidValue(at, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'),
      );
    } else if (!resourceClaimName && !resourceClaimTemplateName) errors.push(invalidValue(at, claim, detail));
  });
  return names;
}

function isInt32(text: string): boolean {
  return /^(?:0|-?[1-9][0-9]*)$/.test(text) && Number(text) >= -int32Max - 1 && Number(text) <= int32Max;
}

/** A projected token is of the pod's service account, so there must be one. */
function validateNoTokens(spec: PodSpec, errors: FieldError[]): void {
  spec.volumes?.forEach((volume, index) => {
    volume.projected?.sources?.forEach((source, position) => {
      if (!source.serviceAccountToken) return;
      const at = specPath.at('volumes', index).child('projected').at('sources', position).child('serviceAccountToken');
      errors.push(forbiddenField(at, 'must not be specified when serviceAccountName is not set'));
    });
  });
}

function validateAnnotationKeys(
  annotations: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  for (const key of Object.keys(annotations ?? {})) {
    invalidEach(errors, path, key, isQualifiedName(key.toLowerCase()));
  }
}
