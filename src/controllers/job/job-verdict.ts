import type { Job, JobCondition } from '../../api/batch/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { isPodActive, podRestarts } from '../pods/pod-state.ts';
import { parseIndexes } from './completion-indexes.ts';
import { failedOf, succeededOf, type Tally } from './job-tally.ts';

/** How a Job ends. */
export interface Verdict extends JobCondition {
  readonly type: 'Complete' | 'Failed';
}

export interface VerdictFacts {
  readonly tally: Tally;
  readonly pods: readonly Pod[];
  readonly startTime: string | undefined;
  readonly now: number;
}

/** Undefined: the Job goes on. What was decided once stands, however the pods end meanwhile. */
export function verdictOf(job: Job, facts: VerdictFacts): Verdict | undefined {
  const { tally, pods, startTime, now } = facts;
  const decided = (condition: string): JobCondition | undefined =>
    job.status?.conditions?.find(({ type, status }) => type === condition && status === 'True');
  const target = decided('FailureTarget');
  if (target !== undefined) return { ...target, type: 'Failed' };
  const met = decided('SuccessCriteriaMet');
  if (met !== undefined) return { ...met, type: 'Complete' };
  const made = (type: Verdict['type'], reason: string, message: string): Verdict => {
    const time = rfc3339(now);
    return { type, status: 'True', lastProbeTime: time, lastTransitionTime: time, reason, message };
  };
  const {
    backoffLimit = 6,
    completions,
    activeDeadlineSeconds,
    backoffLimitPerIndex,
    maxFailedIndexes,
  } = job.spec ?? {};
  if (tally.ruling !== undefined) return made('Failed', 'PodFailurePolicy', tally.ruling);
  const restarts = restartsOf(job, pods);
  if (failedOf(tally) > backoffLimit || restarts > backoffLimit || (restarts > 0 && restarts >= backoffLimit)) {
    return made('Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const ranMs = startTime === undefined ? 0 : now - Date.parse(startTime);
  if (activeDeadlineSeconds !== undefined && ranMs >= activeDeadlineSeconds * 1000) {
    return made('Failed', 'DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  const rule = metRule(job, tally.completed);
  if (rule !== undefined) return made('Complete', 'SuccessPolicy', `Matched rules at index ${rule}`);
  if (backoffLimitPerIndex !== undefined) {
    const failed = tally.failedIndexes.size;
    if (maxFailedIndexes !== undefined && failed > maxFailedIndexes) {
      return made(
        'Failed',
        'MaxFailedIndexesExceeded',
        'Job has exceeded the specified maximal number of failed indexes',
      );
    }
    if (failed > 0 && failed + tally.completed.size >= (completions ?? 0)) {
      return made('Failed', 'FailedIndexes', 'Job has failed indexes');
    }
  }
  const succeeded = succeededOf(job, tally);
  const isDone =
    completions === undefined ? succeeded > 0 && pods.filter(isPodActive).length === 0 : succeeded >= completions;
  return isDone ? made('Complete', 'CompletionsReached', 'Reached expected number of succeeded pods') : undefined;
}

/** The first rule of the success policy that the completed indexes meet. */
function metRule(job: Job, completed: ReadonlySet<number>): number | undefined {
  const rules = job.spec?.successPolicy?.rules ?? [];
  const index = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
    const done = wanted === undefined ? completed.size : wanted.filter((one) => completed.has(one)).length;
    return done >= (succeededCount ?? wanted?.length ?? Number.POSITIVE_INFINITY);
  });
  return index < 0 ? undefined : index;
}

/** Containers that restart in place count towards the limit as pods that fail do. */
function restartsOf(job: Job, pods: readonly Pod[]): number {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return 0;
  return pods.filter(isPodActive).reduce((total, pod) => total + podRestarts(pod), 0);
}
