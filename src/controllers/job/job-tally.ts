import type { Job } from '../../api/batch/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { indexOfPod, parseIndexes } from './completion-indexes.ts';
import { ruleOn } from './pod-failure-policy.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
/** How often its index had failed before the pod was made. */
export const indexFailuresAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredFailuresAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

/** The pods of a Job that have ended, those counted for good and those whose count is being written. */
export interface Tally {
  readonly succeeded: number;
  readonly failed: number;
  readonly uncounted: { readonly succeeded: string[]; readonly failed: string[] };
  readonly completed: ReadonlySet<number>;
  /** Indexes that may not be tried again. */
  readonly failedIndexes: ReadonlySet<number>;
  /** Failures of an index so far, for the next pod of it. */
  readonly indexFailures: ReadonlyMap<number, number>;
  /** Pods whose end stands in the tally, so that they need not be kept for it. */
  readonly release: Pod[];
  /** Why a rule ends the Job. */
  readonly ruling: string | undefined;
}

/**
 * Each pod's end is counted exactly once, whatever is killed in between (upstream's job tracking): first its uid stands
 * in `uncountedTerminatedPods`, then its finalizer goes, then it moves into the count.
 */
export function tallyEnds(job: Job, pods: readonly Pod[]): Tally {
  const status = job.status ?? {};
  const tracked = new Map(pods.filter(isTracked).map((pod) => [pod.metadata.uid ?? '', pod]));
  const old = status.uncountedTerminatedPods ?? {};
  const stillSucceeded = (old.succeeded ?? []).filter((uid) => tracked.has(uid));
  const stillFailed = (old.failed ?? []).filter((uid) => tracked.has(uid));
  const completed = new Set(parseIndexes(status.completedIndexes ?? ''));
  const uncounted = { succeeded: [...stillSucceeded], failed: [...stillFailed] };
  const release = [...stillSucceeded, ...stillFailed].map((uid) => tracked.get(uid)).filter((pod) => pod !== undefined);
  const known = new Set(release);
  // What the success policy made superfluous has not failed.
  const isDecided = hasCondition(job, 'SuccessCriteriaMet');
  let ruling: string | undefined;
  for (const pod of tracked.values()) {
    if (known.has(pod)) continue;
    const end = endOf(job, pod);
    if (end === undefined) continue;
    const { uid = '' } = pod.metadata;
    const index = indexOfPod(pod);
    if (end === 'succeeded') {
      uncounted.succeeded.push(uid);
      if (index !== undefined) completed.add(index);
    } else if (end === 'failed') {
      const { counts, message } = ruleOn(job, pod);
      ruling ??= message;
      if (counts && !isDecided) uncounted.failed.push(uid);
    }
    release.push(pod);
  }
  return {
    succeeded: (status.succeeded ?? 0) + (old.succeeded ?? []).length - stillSucceeded.length,
    failed: (status.failed ?? 0) + (old.failed ?? []).length - stillFailed.length,
    uncounted,
    completed,
    ...failuresByIndex(job, pods, completed),
    release,
    ruling,
  };
}

/** How the pod ended; `interrupted` counts for nothing. */
function endOf(job: Job, pod: Pod): 'succeeded' | 'failed' | 'interrupted' | undefined {
  const isSuspended = job.spec?.suspend === true && pod.metadata.deletionTimestamp !== undefined;
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' && !isSuspended) return 'succeeded';
  if (!isFailed(job, pod)) return phase === 'Succeeded' ? 'interrupted' : undefined;
  return isSuspended ? 'interrupted' : 'failed';
}

/** A pod that is being deleted counts as failed at once, unless its end must be known first. */
export function isFailed(job: Job, { metadata, spec, status }: Pod): boolean {
  if (status?.phase === 'Failed') return true;
  if (metadata.deletionTimestamp === undefined || status?.phase === 'Succeeded') return false;
  // Never started, it has no end to wait for.
  return !replacesOnlyFailed(job) || (spec?.nodeName ?? '') === '';
}

export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy !== undefined;
}

function failuresByIndex(
  job: Job,
  pods: readonly Pod[],
  completed: ReadonlySet<number>,
): Pick<Tally, 'failedIndexes' | 'indexFailures'> {
  const limit = job.spec?.backoffLimitPerIndex;
  const failedIndexes = new Set(parseIndexes(job.status?.failedIndexes ?? ''));
  const indexFailures = new Map<number, number>();
  if (limit === undefined) return { failedIndexes, indexFailures };
  for (const pod of pods) {
    const index = indexOfPod(pod);
    if (index === undefined || !isFailed(job, pod)) continue;
    const before = Number(pod.metadata.annotations?.[indexFailuresAnnotation] ?? 0);
    const { action, counts } = ruleOn(job, pod);
    const failures = counts ? before + 1 : before;
    indexFailures.set(index, Math.max(indexFailures.get(index) ?? 0, failures));
    const isOver = action === 'FailIndex' || (counts && before >= limit);
    if (isOver && !completed.has(index)) failedIndexes.add(index);
  }
  return { failedIndexes, indexFailures };
}

/** The annotations by which a pod of an index knows how often the index failed. */
export function indexFailureAnnotations(failures: number): Record<string, string> {
  return { [indexFailuresAnnotation]: String(failures), [ignoredFailuresAnnotation]: '0' };
}

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) === true;
}

export function hasCondition({ status }: Job, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
}

export function succeededOf(job: Job, tally: Tally): number {
  return job.spec?.completionMode === 'Indexed'
    ? tally.completed.size
    : tally.succeeded + tally.uncounted.succeeded.length;
}

export function failedOf(tally: Tally): number {
  return tally.failed + tally.uncounted.failed.length;
}
