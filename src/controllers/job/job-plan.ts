import type { Job, JobCondition, JobStatus } from '../../api/batch/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { isPodActive, isPodReady } from '../pods/pod-state.ts';
import { formatIndexes, indexOfPod } from './completion-indexes.ts';
import { failedOf, replacesOnlyFailed, succeededOf, type Tally, tallyEnds } from './job-tally.ts';
import { type Verdict, verdictOf } from './job-verdict.ts';

const backoffMsMin = 10_000;
const backoffMsMax = 600_000;

export interface NewPod {
  /** Its completion index; absent where pods are all the same. */
  readonly index?: number;
  /** How often the index failed before; absent where that is not limited. */
  readonly failures?: number;
}

/** What a sync of a Job comes to. */
export interface JobPlan {
  readonly status: JobStatus;
  /** Pods whose end stands in `status`, so that they need not be kept for it. */
  readonly release: readonly Pod[];
  readonly remove: readonly Pod[];
  /** One entry a pod to make. */
  readonly create: readonly NewPod[];
  /** Set when this sync ends the Job. */
  readonly finished?: JobCondition;
  readonly requeueAfterMs?: number;
}

export function finishedCondition(job: Job): JobCondition | undefined {
  return job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/** One sync of a Job: what has ended is counted, and what follows from it. */
export function planJob(job: Job, pods: readonly Pod[], now: number): JobPlan {
  const tally = tallyEnds(job, pods);
  const active = pods.filter(isPodActive);
  const { suspend = false } = job.spec ?? {};
  const startTime = startTimeOf(job, now);
  const verdict = suspend && active.length === 0 ? undefined : verdictOf(job, { tally, pods, startTime, now });
  const wanted = wantedActive(job, tally);
  const surplus =
    suspend || verdict !== undefined ? active : newestFirst(active).slice(0, Math.max(0, active.length - wanted));
  const delays = backoffDelays(job, pods, tally, now);
  const mayCreate = !suspend && verdict === undefined && delays.all === 0;
  const missing = mayCreate ? Math.max(0, wanted - active.length - stopping(job, pods)) : 0;
  const create = missing === 0 ? [] : choosePods(job, { tally, pods, delays }, missing);
  const waiting = [delays.all, ...delays.byIndex.values()].filter((ms) => ms > 0);
  const delayMs = waiting.length === 0 ? 0 : Math.min(...waiting);
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

function wantedActive(job: Job, tally: Tally): number {
  const { parallelism = 1, completions } = job.spec ?? {};
  const succeeded = succeededOf(job, tally);
  if (completions !== undefined) {
    return Math.min(parallelism, Math.max(0, completions - succeeded - tally.failedIndexes.size));
  }
  // A work queue: the first success says that there is nothing left to start.
  return succeeded > 0 ? 0 : parallelism;
}

/** Pods that stop count as active until they are gone, where a replacement must wait for that. */
function stopping(job: Job, pods: readonly Pod[]): number {
  return replacesOnlyFailed(job) ? stoppingPods(pods).length : 0;
}

function stoppingPods(pods: readonly Pod[]): Pod[] {
  return pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp !== undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed',
  );
}

interface ChoiceFacts {
  readonly tally: Tally;
  readonly pods: readonly Pod[];
  readonly delays: BackoffDelays;
}

function choosePods(job: Job, { tally, pods, delays }: ChoiceFacts, count: number): NewPod[] {
  if (job.spec?.completionMode !== 'Indexed') return Array.from({ length: count }, () => ({}));
  const isLimited = job.spec.backoffLimitPerIndex !== undefined;
  const held = pods.filter((pod) => isPodActive(pod) || (replacesOnlyFailed(job) && stoppingPods([pod]).length > 0));
  const taken = new Set([...tally.completed, ...tally.failedIndexes, ...held.map(indexOfPod)]);
  const chosen: NewPod[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && chosen.length < count; index++) {
    if (taken.has(index) || (delays.byIndex.get(index) ?? 0) > 0) continue;
    chosen.push({ index, ...(isLimited ? { failures: tally.indexFailures.get(index) ?? 0 } : {}) });
  }
  return chosen;
}

/** How long until a failed pod is replaced, in ms. */
interface BackoffDelays {
  readonly all: number;
  /** Where each index fails for itself. */
  readonly byIndex: ReadonlyMap<number, number>;
}

/** The wait doubles with each failure. */
function backoffDelays(job: Job, pods: readonly Pod[], tally: Tally, now: number): BackoffDelays {
  const byIndex = new Map<number, number>();
  if (job.spec?.backoffLimitPerIndex !== undefined) {
    for (const [index, failures] of tally.indexFailures) {
      const own = pods.filter((pod) => indexOfPod(pod) === index);
      byIndex.set(index, delayAfter(failures, lastFailure(own), now));
    }
    return { all: 0, byIndex };
  }
  const all = job.spec?.backoffLimit === 0 ? 0 : delayAfter(failedOf(tally), lastFailure(pods), now);
  return { all, byIndex };
}

function delayAfter(failures: number, last: number, now: number): number {
  if (failures === 0 || last === 0) return 0;
  return Math.max(0, last + Math.min(backoffMsMin * 2 ** (failures - 1), backoffMsMax) - now);
}

/** 0 for none. */
function lastFailure(pods: readonly Pod[]): number {
  let last = 0;
  for (const pod of pods) if (pod.status?.phase === 'Failed') last = Math.max(last, endOf(pod));
  return last;
}

/** A Job that is resumed starts anew: its deadline does not run while it is suspended. */
function startTimeOf({ spec, status }: Job, now: number): string | undefined {
  if (spec?.suspend === true) return status?.startTime;
  const wasSuspended = status?.conditions?.some((one) => one.type === 'Suspended' && one.status === 'True') === true;
  return wasSuspended ? rfc3339(now) : (status?.startTime ?? rfc3339(now));
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
    ...(job.spec?.backoffLimitPerIndex === undefined ? {} : { failedIndexes: formatIndexes(tally.failedIndexes) }),
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
