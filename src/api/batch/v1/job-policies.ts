import { isQualifiedName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { checkRequiredChoice } from '../../field-checks.ts';
import { duplicate, type FieldPath, invalidEach, invalidValue, required, tooMany } from '../../field-errors.ts';
import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from './types.generated.ts';

const rulesMax = 20;
const exitCodesMax = 255;
const patternsMax = 20;
const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

export function checkPodFailurePolicy(errors: FieldError[], path: FieldPath, spec: JobSpec): void {
  if (spec.podFailurePolicy === undefined) return;
  const rulesPath = path.child('podFailurePolicy').child('rules');
  const rules = spec.podFailurePolicy.rules ?? [];
  if (rules.length > rulesMax) errors.push(tooMany(rulesPath, rules.length, rulesMax));
  rules.forEach((rule, index) => {
    checkFailureRule(errors, rulesPath.index(index), rule, spec);
  });
}

function checkFailureRule(errors: FieldError[], path: FieldPath, rule: PodFailurePolicyRule, spec: JobSpec): void {
  checkRequiredChoice(errors, path.child('action'), rule.action, actions);
  if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalidValue(path.child('action'), rule.action, 'requires the backoffLimitPerIndex to be set'));
  }
  const { onExitCodes, onPodConditions = [] } = rule;
  if (onExitCodes === undefined && onPodConditions.length === 0) {
    errors.push(invalidValue(path, rule, 'specifying one of OnExitCodes and OnPodConditions is required'));
  } else if (onExitCodes !== undefined && onPodConditions.length > 0) {
    errors.push(invalidValue(path, rule, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (onExitCodes !== undefined) checkExitCodes(errors, path.child('onExitCodes'), onExitCodes, spec);
  if (onPodConditions.length > patternsMax) {
    errors.push(tooMany(path.child('onPodConditions'), onPodConditions.length, patternsMax));
  }
  onPodConditions.forEach(({ type, status }, index) => {
    const at = path.at('onPodConditions', index);
    invalidEach(errors, at.child('type'), type ?? '', isQualifiedName(type ?? ''));
    checkRequiredChoice(errors, at.child('status'), status, ['False', 'True', 'Unknown']);
  });
}

function checkExitCodes(
  errors: FieldError[],
  path: FieldPath,
  { operator, values = [], containerName }: NonNullable<PodFailurePolicyRule['onExitCodes']>,
  spec: JobSpec,
): void {
  checkRequiredChoice(errors, path.child('operator'), operator, ['In', 'NotIn']);
  if (containerName !== undefined) {
    const pod = spec.template?.spec;
    const names = [...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ name }) => name);
    if (!names.includes(containerName)) {
      const detail = 'must be one of the container or initContainer names in the pod template';
      errors.push(invalidValue(path.child('containerName'), containerName, detail));
    }
  }
  const valuesPath = path.child('values');
  if (values.length === 0) errors.push(invalidValue(valuesPath, values, 'at least one value is required'));
  else if (values.length > exitCodesMax) errors.push(tooMany(valuesPath, values.length, exitCodesMax));
  const seen = new Set<number>();
  values.forEach((value, index) => {
    const at = valuesPath.index(index);
    if (operator === 'In' && value === 0) {
      errors.push(invalidValue(at, value, 'must not be 0 for the In operator'));
    }
    if (seen.has(value)) errors.push(duplicate(at, value));
    else if (index > 0 && value < (values[index - 1] ?? 0)) {
      errors.push(invalidValue(valuesPath, values, 'must be ordered'));
    }
    seen.add(value);
  });
}

export function checkSuccessPolicy(errors: FieldError[], path: FieldPath, spec: JobSpec): void {
  const policy = spec.successPolicy;
  if (policy === undefined) return;
  if (spec.completionMode !== 'Indexed') {
    errors.push(invalidValue(path.child('successPolicy'), policy, 'requires indexed completion mode'));
    return;
  }
  const rulesPath = path.child('successPolicy').child('rules');
  const rules = policy.rules ?? [];
  if (rules.length === 0) errors.push(required(rulesPath, 'at least one rules must be specified'));
  if (rules.length > rulesMax) errors.push(tooMany(rulesPath, rules.length, rulesMax));
  rules.forEach((rule, index) => {
    checkSuccessRule(errors, rulesPath.index(index), rule, spec.completions ?? 0);
  });
}

function checkSuccessRule(errors: FieldError[], path: FieldPath, rule: SuccessPolicyRule, completions: number): void {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined) {
    errors.push(required(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  let total = completions;
  if (succeededIndexes !== undefined) {
    const at = path.child('succeededIndexes');
    const count = countIndexes(succeededIndexes, completions);
    if (typeof count === 'string')
      errors.push(invalidValue(at, succeededIndexes, `error parsing succeededIndexes: ${count}`));
    else total = count;
  }
  if (succeededCount === undefined) return;
  const at = path.child('succeededCount');
  if (succeededCount < 0) errors.push(invalidValue(at, succeededCount, 'must be greater than or equal to 0'));
  if (succeededCount > total) {
    const of =
      succeededIndexes === undefined ? 'completions' : 'the number of indexes in the specified succeededIndexes field';
    errors.push(invalidValue(at, succeededCount, `must be less than or equal to ${total} (the number of ${of})`));
  }
}

/** How many indexes `1,3-5` names; a text that says what is wrong with it. */
function countIndexes(text: string, completions: number): number | string {
  let count = 0;
  let last = -1;
  if (text === '') return count;
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return `cannot convert string to integer for index: "${part}"`;
    const start = Number(match[1]);
    const end = match[2] === undefined ? start : Number(match[2]);
    if (start <= last) return `non-increasing order, previous: ${last}, current: ${start}`;
    if (end < start) return `non-increasing order, previous: ${start}, current: ${end}`;
    if (end >= completions) return `too large index: "${part}"`;
    count += end - start + 1;
    last = end;
  }
  return count;
}
