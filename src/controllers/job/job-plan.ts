import type { Job, JobCondition, JobStatus } from '../../api/batch/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { isPodActive, isPodReady, podRestarts } from '../pods/pod-state.ts';
import { formatIndexes, indexOfPod, parseIndexes } from './completion-indexes.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const backoffMsMin = 10_000;
const backoffMsMax = 600_000;

/** What a sync of a Job comes to. */
export interface JobPlan {
  readonly status: JobStatus;
  /** Pods whose end stands in `status`, so that they need not be kept for it. */
  readonly release: readonly Pod[];
  readonly remove: readonly Pod[];
  /** One entry a pod to make: its completion index, or undefined where pods are all the same. */
  readonly create: readonly (number | undefined)[];
  /** Set when this sync ends the Job. */
  readonly finished?: JobCondition;
  readonly requeueAfterMs?: number;
}

export function finishedCondition(job: Job): JobCondition | undefined {
  return job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/**
 * Each pod's end is counted exactly once, whatever is killed in between (upstream's job tracking): first its uid stands
 * in `uncountedTerminatedPods`, then its finalizer goes, then it moves into the count.
 */
export function planJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const tally = countEnds(job, pods);
  const active = pods.filter(isPodActive);
  const { suspend = false } = job.spec ?? {};
  const startTime = job.status?.startTime ?? (suspend ? undefined : rfc3339(now));
  const verdict = suspend && active.length === 0 ? undefined : verdictOf(job, tally, pods, startTime, now);
  const wanted = wantedActive(job, tally);
  const surplus =
    suspend || verdict !== undefined ? active : newestFirst(active).slice(0, Math.max(0, active.length - wanted));
  const delayMs = backoffDelayMs(job, pods, tally, now);
  const mayCreate = !suspend && verdict === undefined && delayMs === 0;
  const missing = mayCreate ? Math.max(0, wanted - active.length - stopping(job, pods)) : 0;
  const create = missing === 0 ? [] : chooseIndexes(job, tally, active, missing);
  const isOver = verdict !== undefined && active.length === 0 && stoppingPods(pods).length === 0;
  const conditions = conditionsFor(job, verdict, isOver, now);
  const remaining = deadlineMs(job, startTime, now);
  const requeueAfterMs = delayMs > 0 && verdict === undefined ? delayMs : remaining;
  const counts = {
    active: verdict === undefined ? active.length - surplus.length + create.length : 0,
    ready: active.filter(isPodReady).length,
  };
  return {
    status: statusOf(job, tally, {
      ...counts,
      terminating: stoppingPods(pods).length,
      startTime,
      conditions,
      isOver,
      now,
      verdict,
    }),
    release: tally.release,
    remove: surplus,
    create,
    ...(isOver ? { finished: verdict } : {}),
    ...(requeueAfterMs === undefined || verdict !== undefined ? {} : { requeueAfterMs }),
  };
}

interface Tally {
  /** Counted for good. */
  readonly succeeded: number;
  readonly failed: number;
  readonly uncounted: { readonly succeeded: string[]; readonly failed: string[] };
  readonly completed: ReadonlySet<number>;
  readonly release: Pod[];
}

function countEnds(job: Job, pods: readonly Pod[]): Tally {
  const status = job.status ?? {};
  const tracked = new Map(pods.filter(isTracked).map((pod) => [pod.metadata.uid ?? '', pod]));
  const old = status.uncountedTerminatedPods ?? {};
  const stillSucceeded = (old.succeeded ?? []).filter((uid) => tracked.has(uid));
  const stillFailed = (old.failed ?? []).filter((uid) => tracked.has(uid));
  const completed = new Set(parseIndexes(status.completedIndexes ?? ''));
  const uncounted = { succeeded: [...stillSucceeded], failed: [...stillFailed] };
  const release = [...stillSucceeded, ...stillFailed].map((uid) => tracked.get(uid)).filter((pod) => pod !== undefined);
  const known = new Set(release);
  for (const pod of tracked.values()) {
    if (known.has(pod)) continue;
    const { uid = '', deletionTimestamp } = pod.metadata;
    if (pod.status?.phase === 'Succeeded') {
      uncounted.succeeded.push(uid);
      const index = indexOfPod(pod);
      if (index !== undefined) completed.add(index);
    } else if (pod.status?.phase === 'Failed') uncounted.failed.push(uid);
    else if (deletionTimestamp !== undefined && (pod.spec?.nodeName ?? '') === '') uncounted.failed.push(uid);
    else continue;
    release.push(pod);
  }
  return {
    succeeded: (status.succeeded ?? 0) + (old.succeeded ?? []).length - stillSucceeded.length,
    failed: (status.failed ?? 0) + (old.failed ?? []).length - stillFailed.length,
    uncounted,
    completed,
    release,
  };
}

function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) === true;
}

function succeededOf(job: Job, tally: Tally): number {
  return job.spec?.completionMode === 'Indexed'
    ? tally.completed.size
    : tally.succeeded + tally.uncounted.succeeded.length;
}

function failedOf(tally: Tally): number {
  return tally.failed + tally.uncounted.failed.length;
}

interface Verdict extends JobCondition {
  readonly type: 'Complete' | 'Failed';
}

function verdictOf(
  job: Job,
  tally: Tally,
  pods: readonly Pod[],
  startTime: string | undefined,
  now: number,
): Verdict | undefined {
  // Decided in an earlier sync, waiting for the last pods to stop.
  const target = job.status?.conditions?.find(({ type, status }) => type === 'FailureTarget' && status === 'True');
  if (target !== undefined) return { ...target, type: 'Failed' };
  const { backoffLimit = 6, completions, activeDeadlineSeconds } = job.spec ?? {};
  const made = (type: Verdict['type'], reason: string, message: string): Verdict => {
    const time = rfc3339(now);
    return { type, status: 'True', lastProbeTime: time, lastTransitionTime: time, reason, message };
  };
  const restarts = restartsOf(job, pods);
  if (failedOf(tally) > backoffLimit || restarts > backoffLimit || (restarts > 0 && restarts >= backoffLimit)) {
    return made('Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const ranMs = startTime === undefined ? 0 : now - Date.parse(startTime);
  if (activeDeadlineSeconds !== undefined && ranMs >= activeDeadlineSeconds * 1000) {
    return made('Failed', 'DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  const succeeded = succeededOf(job, tally);
  const isDone =
    completions === undefined ? succeeded > 0 && pods.filter(isPodActive).length === 0 : succeeded >= completions;
  return isDone ? made('Complete', 'CompletionsReached', 'Reached expected number of succeeded pods') : undefined;
}

/** Containers that restart in place count towards the limit as pods that fail do. */
function restartsOf(job: Job, pods: readonly Pod[]): number {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return 0;
  return pods.filter(isPodActive).reduce((total, pod) => total + podRestarts(pod), 0);
}

function wantedActive(job: Job, tally: Tally): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  const succeeded = succeededOf(job, tally);
  if (completions !== undefined) return Math.min(parallelism, Math.max(0, completions - succeeded));
  // A work queue: the first success says that there is nothing left to start.
  return succeeded > 0 ? 0 : parallelism;
}

/** Pods that stop count as active until they are gone, where a replacement must wait for that. */
function stopping(job: Job, pods: readonly Pod[]): number {
  return job.spec?.podReplacementPolicy === 'Failed' ? stoppingPods(pods).length : 0;
}

function stoppingPods(pods: readonly Pod[]): Pod[] {
  return pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp !== undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
}

function chooseIndexes(job: Job, tally: Tally, active: readonly Pod[], count: number): (number | undefined)[] {
  if (job.spec?.completionMode !== 'Indexed') return Array.from({ length: count }, () => undefined);
  const taken = new Set([...tally.completed, ...active.map(indexOfPod)]);
  const chosen: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && chosen.length < count; index++) {
    if (!taken.has(index)) chosen.push(index);
  }
  return chosen;
}

/** How long until a failed pod is replaced: the wait doubles with each failure since the last success. */
function backoffDelayMs(job: Job, pods: readonly Pod[], tally: Tally, now: number): number {
  const failures = failedOf(tally);
  if (failures === 0) return 0;
  let lastFailure = 0;
  for (const pod of pods) {
    if (pod.status?.phase !== 'Failed') continue;
    lastFailure = Math.max(lastFailure, endOf(pod));
  }
  if (lastFailure === 0 || job.spec?.backoffLimit === 0) return 0;
  const waitMs = Math.min(backoffMsMin * 2 ** (failures - 1), backoffMsMax);
  return Math.max(0, lastFailure + waitMs - now);
}

function endOf(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) =>
    Date.parse(state?.terminated?.finishedAt ?? ''),
  );
  const known = ends.filter((end) => !Number.isNaN(end));
  return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
}

function deadlineMs(job: Job, startTime: string | undefined, now: number): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || startTime === undefined) return undefined;
  return Math.max(0, Date.parse(startTime) + seconds * 1000 - now) + 1;
}

function conditionsFor(job: Job, verdict: Verdict | undefined, isOver: boolean, now: number): JobCondition[] {
  let conditions = job.status?.conditions ?? [];
  const put = (condition: JobCondition): void => {
    const present = conditions.find(({ type }) => type === condition.type);
    if (present?.status === condition.status) return;
    conditions = [...conditions.filter(({ type }) => type !== condition.type), condition];
  };
  const time = rfc3339(now);
  const suspended = { type: 'Suspended', lastProbeTime: time, lastTransitionTime: time };
  if (job.spec?.suspend === true && verdict === undefined) {
    put({ ...suspended, status: 'True', reason: 'JobSuspended', message: 'Job suspended' });
  } else if (conditions.some(({ type, status }) => type === 'Suspended' && status === 'True')) {
    put({ ...suspended, status: 'False', reason: 'JobResumed', message: 'Job resumed' });
  }
  if (verdict !== undefined) {
    put({ ...verdict, type: verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget' });
    if (isOver) put(verdict);
  }
  return conditions;
}

interface StatusFacts {
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
  readonly startTime: string | undefined;
  readonly conditions: JobCondition[];
  readonly isOver: boolean;
  readonly verdict: Verdict | undefined;
  readonly now: number;
}

function statusOf(job: Job, tally: Tally, facts: StatusFacts): JobStatus {
  // An ended Job has nothing uncounted: what is known of its pods is moved into the counts with the last write.
  const { uncounted } = facts.isOver ? { uncounted: { succeeded: [], failed: [] } } : tally;
  const succeeded =
    job.spec?.completionMode === 'Indexed'
      ? tally.completed.size
      : tally.succeeded + (facts.isOver ? tally.uncounted.succeeded.length : 0);
  const failed = tally.failed + (facts.isOver ? tally.uncounted.failed.length : 0);
  const completionTime = facts.isOver && facts.verdict?.type === 'Complete' ? rfc3339(facts.now) : undefined;
  return {
    ...(facts.startTime === undefined ? {} : { startTime: facts.startTime }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(facts.active === 0 ? {} : { active: facts.active }),
    ...(succeeded === 0 ? {} : { succeeded }),
    ...(failed === 0 ? {} : { failed }),
    ...(tally.completed.size === 0 ? {} : { completedIndexes: formatIndexes(tally.completed) }),
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length === 0 ? {} : { succeeded: uncounted.succeeded }),
      ...(uncounted.failed.length === 0 ? {} : { failed: uncounted.failed }),
    },
    ready: facts.isOver ? 0 : facts.ready,
    terminating: facts.isOver ? 0 : facts.terminating,
    ...(facts.conditions.length === 0 ? {} : { conditions: facts.conditions }),
  };
}

function newestFirst(pods: readonly Pod[]): Pod[] {
  const created = ({ metadata }: Pod): string => metadata.creationTimestamp ?? '';
  return [...pods].sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)) || (created(a) > created(b) ? -1 : 1));
}
