import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../api/apps/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { selectorFromSet } from '../../machinery/labels.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { isPodAvailable, isPodReady } from '../pods/pod-state.ts';

export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

/** The status that these active pods amount to. */
export function replicaSetStatus(
  set: ReplicaSet,
  pods: readonly Pod[],
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetStatus {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const template = selectorFromSet(set.spec?.template?.metadata?.labels);
  let labelled = 0;
  let ready = 0;
  let available = 0;
  for (const pod of pods) {
    if (template.matches(pod.metadata.labels)) labelled++;
    if (!isPodReady(pod)) continue;
    ready++;
    if (isPodAvailable(pod, minReadySeconds, now)) available++;
  }
  const conditions = conditionsWith(set.status?.conditions ?? [], failure, now);
  return {
    replicas: pods.length,
    ...(labelled === 0 ? {} : { fullyLabeledReplicas: labelled }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

function conditionsWith(
  old: readonly ReplicaSetCondition[],
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetCondition[] {
  const others = old.filter(({ type }) => type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const present = old.find(({ type }) => type === 'ReplicaFailure');
  // The first failure stays until it is over: its text would otherwise change with every try.
  if (present !== undefined) return [...old];
  return [...others, { type: 'ReplicaFailure', status: 'True', lastTransitionTime: rfc3339(now), ...failure }];
}
