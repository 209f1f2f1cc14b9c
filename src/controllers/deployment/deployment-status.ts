import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../api/apps/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { fenceposts, replicasOf, totalReplicas } from './rollout-plan.ts';

/** What upstream takes for "no deadline". */
const noDeadlineSeconds = 2 ** 31 - 1;

export interface ConditionFacts {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export function conditionOf(
  { conditions }: { conditions?: DeploymentCondition[] },
  type: string,
): DeploymentCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** The conditions with this one in; as they were when it says nothing new. */
export function withCondition(
  conditions: readonly DeploymentCondition[],
  { type, status, reason, message }: ConditionFacts,
  now: number,
): DeploymentCondition[] {
  const present = conditions.find((condition) => condition.type === type);
  if (present?.status === status && present.reason === reason) return [...conditions];
  const time = rfc3339(now);
  const lastTransitionTime = present?.status === status ? (present.lastTransitionTime ?? time) : time;
  const others = conditions.filter((condition) => condition.type !== type);
  return [...others, { type, status, lastUpdateTime: time, lastTransitionTime, reason, message }];
}

export function hasProgressDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== noDeadlineSeconds;
}

/** The counts and the Available condition, without what the rollout says of its progress. */
export function countedStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const sum = (count: (set: ReplicaSet) => number | undefined): number =>
    all.reduce((total, set) => total + (count(set) ?? 0), 0);
  const available = sum((set) => set.status?.availableReplicas);
  const ready = sum((set) => set.status?.readyReplicas);
  const replicas = sum((set) => set.status?.replicas);
  const updated = newest?.status?.replicas ?? 0;
  const unavailable = Math.max(0, totalReplicas(all) - available);
  const enough = available >= replicasOf(deployment) - fenceposts(deployment).maxUnavailable;
  const conditions = withCondition(deployment.status?.conditions ?? [], availability(enough), now);
  const { collisionCount } = deployment.status ?? {};
  return {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...(replicas === 0 ? {} : { replicas }),
    ...(updated === 0 ? {} : { updatedReplicas: updated }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    ...(unavailable === 0 ? {} : { unavailableReplicas: unavailable }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions,
  };
}

function availability(enough: boolean): ConditionFacts {
  return enough
    ? {
        type: 'Available',
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type: 'Available',
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
}

/** The status at the end of a step of a rollout, with Progressing and ReplicaFailure. */
export function rolloutStatus(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newest: ReplicaSet | undefined,
  now: number,
): DeploymentStatus {
  const status = countedStatus(deployment, all, newest, now);
  let conditions = status.conditions ?? [];
  const current = conditionOf(deployment.status ?? {}, 'Progressing');
  if (!hasProgressDeadline(deployment)) conditions = without(conditions, 'Progressing');
  else if (!wasComplete(status, current)) {
    const progress = progressOf(deployment, status, newest, now);
    if (progress !== undefined) conditions = withProgress(conditions, progress, current, now);
  }
  const failure = replicaFailureOf(all, newest);
  conditions = failure === undefined ? without(conditions, 'ReplicaFailure') : withCondition(conditions, failure, now);
  return { ...status, conditions };
}

/** How long until the deadline should be looked at again; undefined: nothing to wait for. */
export function nextDeadlineCheckMs(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const current = conditionOf(status, 'Progressing');
  if (current === undefined || !hasProgressDeadline(deployment)) return undefined;
  if (current.reason === 'NewReplicaSetAvailable' || current.reason === 'ProgressDeadlineExceeded') return undefined;
  if (isComplete(deployment, status)) return undefined;
  return Math.max(1000, deadlineOf(deployment, current) - now + 1000);
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function wasComplete(status: DeploymentStatus, current: DeploymentCondition | undefined): boolean {
  return (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
}

function progressOf(
  deployment: Deployment,
  status: DeploymentStatus,
  newest: ReplicaSet | undefined,
  now: number,
): ConditionFacts | undefined {
  const subject =
    newest === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newest.metadata.name}"`;
  const progressing = { type: 'Progressing' as const };
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return { ...progressing, status: 'True', reason: 'NewReplicaSetAvailable', message };
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    return { ...progressing, status: 'True', reason: 'ReplicaSetUpdated', message: `${subject} is progressing.` };
  }
  if (hasTimedOut(deployment, status, now)) {
    const message = `${subject} has timed out progressing.`;
    return { ...progressing, status: 'False', reason: 'ProgressDeadlineExceeded', message };
  }
  return undefined;
}

/** Progress is written again with each step, since the deadline counts from the last one. */
function withProgress(
  conditions: readonly DeploymentCondition[],
  facts: ConditionFacts,
  current: DeploymentCondition | undefined,
  now: number,
): DeploymentCondition[] {
  if (facts.reason !== 'ReplicaSetUpdated') return withCondition(conditions, facts, now);
  const time = rfc3339(now);
  const lastTransitionTime = current?.status === 'True' ? (current.lastTransitionTime ?? time) : time;
  return [...without(conditions, 'Progressing'), { ...facts, lastUpdateTime: time, lastTransitionTime }];
}

function hasProgressed(old: DeploymentStatus, status: DeploymentStatus): boolean {
  const notUpdated = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number => replicas - updatedReplicas;
  return (
    (status.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    notUpdated(status) < notUpdated(old) ||
    (status.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, status: DeploymentStatus, now: number): boolean {
  const current = conditionOf(status, 'Progressing');
  if (current === undefined || current.reason === 'NewReplicaSetAvailable') return false;
  if (current.reason === 'ProgressDeadlineExceeded') return true;
  return deadlineOf(deployment, current) < now;
}

function deadlineOf(deployment: Deployment, { lastUpdateTime }: DeploymentCondition): number {
  return Date.parse(lastUpdateTime ?? '') + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000;
}

function replicaFailureOf(all: readonly ReplicaSet[], newest: ReplicaSet | undefined): ConditionFacts | undefined {
  for (const set of newest === undefined ? all : [newest, ...all]) {
    const found = set.status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (found === undefined) continue;
    const { type, reason = '', message = '' } = found;
    return { type, status: found.status as ConditionFacts['status'], reason, message };
  }
  return undefined;
}

function without(conditions: readonly DeploymentCondition[], type: string): DeploymentCondition[] {
  return conditions.filter((condition) => condition.type !== type);
}
