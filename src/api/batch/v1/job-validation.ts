import { clone, equal } from '../../../machinery/json.ts';
import { selectorFromSet } from '../../../machinery/labels.ts';
import { isDns1123Label, isDomainPrefixedPath } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { validatePodTemplate } from '../../core/v1/pod-validation.ts';
import type { PodTemplateSpec } from '../../core/v1/types.generated.ts';
import { checkImmutable, checkNonnegative, checkRequiredChoice } from '../../field-checks.ts';
import {
  type FieldPath,
  invalidEach,
  invalidValue,
  metadataPath,
  notSupported,
  required,
  specPath,
  statusPath,
} from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import { checkSelectorMatchesTemplate } from '../../pod-template.ts';
import { checkPodFailurePolicy, checkSuccessPolicy } from './job-policies.ts';
import type { Job, JobSpec } from './types.generated.ts';

const restartPolicies = ['OnFailure', 'Never'];
const managedByLengthMax = 63;
const indexedParallelismMax = 100_000;
const indexedCompletionsMax = 100_000;

export function validateJob(job: Job): FieldError[] {
  const errors = validateJobSpecOf(job);
  checkGeneratedSelector(errors, job);
  const { spec, metadata } = job;
  if (spec.completionMode === 'Indexed' && spec.completions !== undefined && spec.completions > 0) {
    const hostname = `${metadata.name}-${spec.completions - 1}`;
    for (const problem of isDns1123Label(hostname)) {
      const detail = `will not able to create pod with invalid DNS label: ${hostname}: ${problem}`;
      errors.push(invalidValue(metadataPath.child('name'), metadata.name, detail));
    }
  }
  return errors;
}

export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const errors = validateJobSpecOf(job);
  const { spec } = job;
  checkCompletions(errors, spec, old.spec);
  checkImmutable(errors, specPath.child('selector'), spec.selector, old.spec.selector);
  checkTemplate(errors, spec.template, old);
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    checkImmutable(errors, specPath.child(field), spec[field], old.spec[field]);
  }
  return errors;
}

export function validateJobStatusUpdate({ status = {} }: Job): FieldError[] {
  const errors: FieldError[] = [];
  const { active, succeeded, failed, ready, terminating } = status;
  for (const [field, value] of Object.entries({ active, succeeded, failed, ready, terminating })) {
    checkNonnegative(errors, statusPath.child(field), value);
  }
  return errors;
}

function validateJobSpecOf({ spec }: Job): FieldError[] {
  const errors: FieldError[] = [];
  checkJobSpec(errors, specPath, spec);
  if (spec.selector === undefined) errors.push(required(specPath.child('selector')));
  else validateLabelSelector(spec.selector, specPath.child('selector'), errors);
  checkSelectorMatchesTemplate(errors, specPath.child('template'), spec.selector, spec.template);
  return errors;
}

/** What holds for a job's spec alone and inside a CronJob, where there is no selector yet. */
export function checkJobSpec(errors: FieldError[], path: FieldPath, spec: JobSpec): void {
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    checkNonnegative(errors, path.child(field), spec[field]);
  }
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(required(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  }
  if (spec.managedBy !== undefined) {
    const at = path.child('managedBy');
    invalidEach(errors, at, spec.managedBy, isDomainPrefixedPath(spec.managedBy));
    if (spec.managedBy.length > managedByLengthMax) {
      errors.push({
        type: 'tooLong',
        field: at.toString(),
        detail: `may not be more than ${managedByLengthMax} bytes`,
      });
    }
  }
  checkCompletionMode(errors, path, spec);
  checkReplacementPolicy(errors, path.child('podReplacementPolicy'), spec);
  checkPodFailurePolicy(errors, path, spec);
  checkSuccessPolicy(errors, path, spec);
  checkJobTemplate(errors, path.child('template'), spec);
}

function checkCompletionMode(errors: FieldError[], path: FieldPath, spec: JobSpec): void {
  // Inside a CronJob the mode is not defaulted.
  if (spec.completionMode === undefined) return;
  checkRequiredChoice(errors, path.child('completionMode'), spec.completionMode, ['Indexed', 'NonIndexed']);
  if (spec.completionMode === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      const value = spec[field];
      if (value !== undefined) errors.push(invalidValue(path.child(field), value, 'requires indexed completion mode'));
    }
    return;
  }
  if (spec.completionMode !== 'Indexed') return;
  if (spec.completions === undefined) {
    errors.push(required(path.child('completions'), 'when completion mode is Indexed'));
  }
  if ((spec.parallelism ?? 0) > indexedParallelismMax) {
    const detail = `must be less than or equal to ${indexedParallelismMax} when completion mode is Indexed`;
    errors.push(invalidValue(path.child('parallelism'), spec.parallelism, detail));
  }
  if (spec.backoffLimitPerIndex === undefined || spec.completions === undefined) return;
  if (spec.maxFailedIndexes !== undefined && spec.maxFailedIndexes > spec.completions) {
    errors.push(
      invalidValue(path.child('maxFailedIndexes'), spec.maxFailedIndexes, `must be less than or equal to completions`),
    );
  }
  if (spec.completions > indexedCompletionsMax && spec.maxFailedIndexes === undefined) {
    errors.push(
      required(path.child('maxFailedIndexes'), `must be specified when completions is above ${indexedCompletionsMax}`),
    );
  }
}

function checkReplacementPolicy(errors: FieldError[], path: FieldPath, spec: JobSpec): void {
  const policy = spec.podReplacementPolicy;
  if (policy === undefined) return;
  const supported = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed'];
  if (!supported.includes(policy)) errors.push(notSupported(path, policy, supported));
}

function checkJobTemplate(errors: FieldError[], path: FieldPath, spec: JobSpec): void {
  errors.push(...validatePodTemplate(spec.template, path));
  const policy = spec.template?.spec?.restartPolicy ?? '';
  const at = path.child('spec').child('restartPolicy');
  // A template that says nothing was defaulted to Always, so both mean that the user must choose.
  if (policy === '' || policy === 'Always') errors.push(required(at, 'valid values: "OnFailure", "Never"'));
  else if (!restartPolicies.includes(policy)) errors.push(notSupported(at, policy, restartPolicies));
  else if (spec.podFailurePolicy !== undefined && policy !== 'Never') {
    const detail = 'only "Never" is supported when podFailurePolicy is specified';
    errors.push(invalidValue(at, policy, detail));
  }
}

/** The pods of a job that chose no selector itself must carry what `generateSelector` gives. */
function checkGeneratedSelector(errors: FieldError[], { metadata, spec }: Job): void {
  if (spec.manualSelector === true || spec.selector === undefined) return;
  const { uid = '', name } = metadata;
  if (uid === '') errors.push(required(metadataPath.child('uid')));
  const labels = spec.template?.metadata?.labels ?? {};
  const expected: Record<string, string> = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  const labelsPath = specPath.child('template').child('metadata').child('labels');
  for (const [key, value] of Object.entries(expected)) {
    const found = labels[key];
    if (found === undefined) errors.push(required(labelsPath.key(key), `must be '${value}'`));
    else if (found !== value) errors.push(invalidValue(labelsPath.key(key), labels, `must be '${value}'`));
  }
  const generated = selectorFromSet(expected).requirements.map(({ key }) => key);
  const chosen = spec.selector.matchLabels ?? {};
  const isGenerated = Object.entries(chosen).every(
    ([key, value]) => generated.includes(key) && expected[key] === value,
  );
  if (!isGenerated)
    errors.push(invalidValue(specPath.child('selector'), spec.selector, '`selector` not auto-generated'));
}

/** Completions may only change together with parallelism, and only of an indexed job. */
function checkCompletions(errors: FieldError[], spec: JobSpec, old: JobSpec): void {
  if (equal(spec.completions, old.completions)) return;
  const path = specPath.child('completions');
  const isElastic =
    spec.completionMode === 'Indexed' && spec.completions !== undefined && old.completions !== undefined;
  if (!isElastic) checkImmutable(errors, path, spec.completions, old.completions);
  else if (spec.completions !== spec.parallelism) {
    errors.push(
      invalidValue(path, spec.completions, `can only be modified in tandem with ${specPath.child('parallelism')}`),
    );
  }
}

/** Where pods go may still be changed while the job is suspended and has not started any. */
function checkTemplate(errors: FieldError[], template: PodTemplateSpec, old: Job): void {
  const path = specPath.child('template');
  if (equal(template, old.spec.template)) return;
  const isPlaceable = old.spec.suspend === true && old.status?.startTime === undefined;
  if (isPlaceable && equal(withoutPlacement(template), withoutPlacement(old.spec.template))) return;
  errors.push(invalidValue(path, template, 'field is immutable'));
}

function withoutPlacement(template: PodTemplateSpec): unknown {
  const copy = clone(template);
  delete copy.metadata?.labels;
  delete copy.metadata?.annotations;
  const spec = copy.spec;
  if (spec !== undefined) {
    delete spec.nodeSelector;
    delete spec.tolerations;
    delete spec.schedulingGates;
    delete spec.affinity;
  }
  return { ...copy, metadata: {} };
}
