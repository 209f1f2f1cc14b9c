import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidLabelValue } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  duplicate,
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  required,
} from '../../field-errors.ts';
import { validateLabelName, validateLabelSelector } from '../../label-validation.ts';
import type {
  Affinity,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  PodSchedulingGate,
  Toleration,
  TopologySpreadConstraint,
} from './types.generated.ts';

const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const requiredTerms = 'requiredDuringSchedulingIgnoredDuringExecution';

export function validateAffinity(affinity: Affinity, path: FieldPath, errors: FieldError[]): void {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity) validateNodeAffinity(nodeAffinity, path.child('nodeAffinity'), errors);
  if (podAffinity) validatePodAffinity(podAffinity, path.child('podAffinity'), errors);
  if (podAntiAffinity) validatePodAffinity(podAntiAffinity, path.child('podAntiAffinity'), errors);
}

function validateNodeAffinity(affinity: NodeAffinity, path: FieldPath, errors: FieldError[]): void {
  const { requiredDuringSchedulingIgnoredDuringExecution: selector } = affinity;
  if (selector) validateNodeSelector(selector, path.child(requiredTerms), errors);
  affinity.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, preference }, index) => {
    const at = path.at(preferred, index);
    validateWeight(weight, at, errors);
    validateNodeSelectorTerm(preference, at.child('preference'), false, errors);
  });
}

export function validateNodeSelector(selector: NodeSelector, path: FieldPath, errors: FieldError[]): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) {
    errors.push(required(path.child('nodeSelectorTerms'), 'must have at least one node selector term'));
  }
  terms.forEach((term, index) => {
    validateNodeSelectorTerm(term, path.at('nodeSelectorTerms', index), true, errors);
  });
}

function validateNodeSelectorTerm(
  term: NodeSelectorTerm | undefined,
  path: FieldPath,
  isRequired: boolean,
  errors: FieldError[],
): void {
  term?.matchExpressions?.forEach((requirement, index) => {
    validateNodeExpression(requirement, path.at('matchExpressions', index), isRequired, errors);
  });
  term?.matchFields?.forEach((requirement, index) => {
    validateNodeField(requirement, path.at('matchFields', index), errors);
  });
}

function validateNodeExpression(
  requirement: NodeSelectorRequirement,
  path: FieldPath,
  isRequired: boolean,
  errors: FieldError[],
): void {
  const { key, operator, values = [] } = requirement;
  const at = path.child('values');
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(forbiddenField(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(invalidValue(path.child('operator'), operator, 'not a valid selector operator'));
  }
  validateLabelName(key, path.child('key'), errors);
  // A preference that no label can meet only never counts, so upstream lets it be.
  if (!isRequired) return;
  values.forEach((value, index) => {
    invalidEach(errors, path.at('values', index), value, isValidLabelValue(value));
  });
}

function validateNodeField(requirement: NodeSelectorRequirement, path: FieldPath, errors: FieldError[]): void {
  const { key, operator, values = [] } = requirement;
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length !== 1) {
      const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
      errors.push(required(path.child('values'), detail));
    }
  } else errors.push(invalidValue(path.child('operator'), operator, 'not a valid selector operator'));
  if (key !== 'metadata.name') {
    errors.push(invalidValue(path.child('key'), key, 'not a valid field selector key'));
    return;
  }
  values.forEach((value, index) => {
    invalidEach(errors, path.at('values', index), value, isDns1123Subdomain(value));
  });
}

function validatePodAffinity(affinity: PodAffinity, path: FieldPath, errors: FieldError[]): void {
  affinity.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, index) => {
    validatePodAffinityTerm(term, path.at(requiredTerms, index), errors);
  });
  affinity.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, podAffinityTerm }, index) => {
    const at = path.at(preferred, index);
    validateWeight(weight, at, errors);
    validatePodAffinityTerm(podAffinityTerm, at.child('podAffinityTerm'), errors);
  });
}

function validateWeight(weight: number, path: FieldPath, errors: FieldError[]): void {
  if (!(weight > 0 && weight <= 100)) {
    errors.push(invalidValue(path.child('weight'), weight, 'must be in the range 1-100'));
  }
}

function validatePodAffinityTerm(given: PodAffinityTerm | undefined, path: FieldPath, errors: FieldError[]): void {
  const term: Partial<PodAffinityTerm> = given ?? {};
  validateLabelSelector(term.labelSelector, path.child('labelSelector'), errors);
  validateLabelSelector(term.namespaceSelector, path.child('namespaceSelector'), errors);
  term.namespaces?.forEach((namespace) => {
    invalidEach(errors, path.child('namespace'), namespace, isDns1123Label(namespace));
  });
  for (const field of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    term[field]?.forEach((key, index) => {
      validateLabelName(key, path.at(field, index), errors);
      if (term.labelSelector !== undefined) return;
      errors.push(forbiddenField(path.child(field), 'must not be specified when labelSelector is not set'));
    });
  }
  if (!term.topologyKey) errors.push(required(path.child('topologyKey'), 'can not be empty'));
  validateLabelName(term.topologyKey ?? '', path.child('topologyKey'), errors);
}

const effects: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function validateTolerations(tolerations: readonly Toleration[], path: FieldPath, errors: FieldError[]): void {
  for (let index = 0; index < tolerations.length; index++) {
    const toleration = tolerations[index];
    if (toleration !== undefined) validateToleration(toleration, path.at('tolerations', index), errors);
  }
}

function validateToleration(toleration: Toleration, path: FieldPath, errors: FieldError[]): void {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  if (key !== '') validateLabelName(key, path.child('key'), errors);
  else if (operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalidValue(path.child('operator'), operator, detail));
  }
  if (tolerationSeconds !== undefined && tolerationSeconds !== null && effect !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(invalidValue(path.child('effect'), effect, detail));
  }
  if (operator === '' || operator === 'Equal') {
    const problems = isValidLabelValue(value);
    if (problems.length > 0) errors.push(invalidValue(path.child('operator'), value, problems.join(';')));
  } else if (operator === 'Exists') {
    if (value !== '') {
      const detail = "value must be empty when `operator` is 'Exists'";
      errors.push(invalidValue(path.child('operator'), value, detail));
    }
  } else errors.push(notSupported(path.child('operator'), operator, ['Equal', 'Exists']));
  if (effect !== '' && !effects.includes(effect)) errors.push(notSupported(path.child('effect'), effect, effects));
}

const whenUnsatisfiableValues: readonly string[] = ['DoNotSchedule', 'ScheduleAnyway'];
const inclusionPolicies: readonly string[] = ['Honor', 'Ignore'];

export function validateTopologySpread(
  constraints: readonly TopologySpreadConstraint[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  constraints.forEach((constraint, index) => {
    const at = path.at('topologySpreadConstraints', index);
    validateSpread(constraint, at, errors);
    const pair = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push(duplicate(at.child('{topologyKey, whenUnsatisfiable}'), pair));
    seen.add(pair);
  });
}

function validateSpread(constraint: TopologySpreadConstraint, path: FieldPath, errors: FieldError[]): void {
  const { maxSkew, minDomains, topologyKey, whenUnsatisfiable } = constraint;
  if (!(maxSkew > 0)) errors.push(invalidValue(path.child('maxSkew'), maxSkew, 'must be greater than zero'));
  if (!topologyKey) errors.push(required(path.child('topologyKey'), 'can not be empty'));
  else validateLabelName(topologyKey, path.child('topologyKey'), errors);
  if (!whenUnsatisfiableValues.includes(whenUnsatisfiable)) {
    errors.push(notSupported(path.child('whenUnsatisfiable'), whenUnsatisfiable, whenUnsatisfiableValues));
  }
  if (minDomains !== undefined && minDomains !== null) {
    const at = path.child('minDomains');
    if (minDomains <= 0) errors.push(invalidValue(at, minDomains, 'must be greater than zero'));
    if (whenUnsatisfiable !== 'DoNotSchedule') {
      const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
      errors.push(invalidValue(at, minDomains, detail));
    }
  }
  for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    const policy = constraint[field];
    if (policy && !inclusionPolicies.includes(policy)) {
      errors.push(notSupported(path.child(field), policy, inclusionPolicies));
    }
  }
  const labels = constraint.labelSelector?.matchLabels ?? {};
  constraint.matchLabelKeys?.forEach((key, index) => {
    const at = path.at('matchLabelKeys', index);
    validateLabelName(key, at, errors);
    if (constraint.labelSelector === undefined) {
      errors.push(forbiddenField(path.child('matchLabelKeys'), 'must not be specified when labelSelector is not set'));
    } else if (Object.hasOwn(labels, key)) {
      errors.push(invalidValue(at, key, 'exists in both matchLabelKeys and labelSelector'));
    }
  });
  validateLabelSelector(constraint.labelSelector, path.child('labelSelector'), errors);
}

export function validateSchedulingGates(
  gates: readonly PodSchedulingGate[],
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  gates.forEach(({ name }, index) => {
    const at = path.at('schedulingGates', index);
    invalidEach(errors, at, name, isQualifiedName(name ?? ''));
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
  });
}
