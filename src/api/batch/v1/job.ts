import { equal } from '../../../machinery/json.ts';
import { humanDuration } from '../../../machinery/time.ts';
import { containersColumn, imagesColumn, selectorColumn } from '../../apps/v1/columns.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { isConditionTrue } from '../../conditions.ts';
import { applyPodTemplateDefaults } from '../../core/v1/pod-defaults.ts';
import { templateWarnings } from '../../pod-template.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { validateJob, validateJobStatusUpdate, validateJobUpdate } from './job-validation.ts';
import type { Job } from './types.generated.ts';

const backoffLimitDefault = 6;
const hugeCompletions = 100_000;
const hugeParallelism = 10_000;
const hugeWarning =
  'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might ' +
  'not be able to track completedIndexes when a big number of indexes fail';
const int32Max = 2_147_483_647;

export const jobResource: ResourceDefinition = defineResource<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  resource: 'jobs',
  categories: ['all'],
  schema: 'batch/v1.Job',
  columns: [
    nameColumn,
    column<Job>('Status', statusCell),
    column<Job>('Completions', completionsCell),
    column<Job>('Duration', durationCell),
    ageColumn,
    containersColumn,
    imagesColumn,
    selectorColumn,
  ],
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },
  generation: ['spec'],
  statusSubresource: { validateUpdate: validateJobStatusUpdate },
  defaultPropagation: 'orphan',
  prepareForCreate(job) {
    const given = job.spec?.template?.metadata?.labels;
    // Labels that a job has from its template stay the template's, the generated ones included.
    const shares = equal(job.metadata.labels ?? {}, given ?? {});
    generateSelector(job);
    const labels = job.spec?.template?.metadata?.labels;
    if (shares && labels !== undefined) job.metadata.labels = { ...labels };
  },
  defaults: applyJobDefaults,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  warnings: jobWarnings,
});

/**
 * Gives the pods of the job labels that no other has, and a selector for them, unless the user manages both. Needs
 * `metadata.uid`, which the server sets before a strategy is called.
 */
export function generateSelector(job: Job): void {
  const spec = job.spec;
  if (spec?.template === undefined || spec.manualSelector === true) return;
  const { name, uid = '' } = job.metadata;
  const template = spec.template;
  const labels: Record<string, string> = { ...template.metadata?.labels };
  const generated = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  for (const [key, value] of Object.entries(generated)) labels[key] ??= value;
  template.metadata = { ...template.metadata, labels } as NonNullable<typeof template.metadata>;
  const selector = spec.selector ?? {};
  selector.matchLabels = { ...selector.matchLabels };
  selector.matchLabels['batch.kubernetes.io/controller-uid'] ??= uid;
  spec.selector = selector;
}

function jobWarnings(job: Job, old?: Job): string[] {
  const { completions = 0, parallelism = 0, completionMode } = job.spec;
  const isHuge = completionMode === 'Indexed' && completions > hugeCompletions && parallelism > hugeParallelism;
  return isHuge ? [hugeWarning, ...templateWarnings(job, old)] : templateWarnings(job, old);
}

function applyJobDefaults(job: Job): void {
  job.spec ??= { template: {} };
  const spec = job.spec;
  spec.template ??= {};
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? backoffLimitDefault : int32Max;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ??= 'True';
  }
  applyPodTemplateDefaults(spec.template);
  const labels = spec.template.metadata?.labels;
  if (labels !== undefined && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels };
}

function statusCell({ metadata, status }: Job): string {
  const conditions = status?.conditions;
  if (isConditionTrue(conditions, 'Complete')) return 'Complete';
  if (isConditionTrue(conditions, 'Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (isConditionTrue(conditions, 'Suspended')) return 'Suspended';
  if (isConditionTrue(conditions, 'FailureTarget')) return 'FailureTarget';
  if (isConditionTrue(conditions, 'SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: Job, now: number): string {
  if (status?.startTime === undefined) return '';
  const start = Date.parse(status.startTime);
  return humanDuration((status.completionTime === undefined ? now : Date.parse(status.completionTime)) - start);
}
