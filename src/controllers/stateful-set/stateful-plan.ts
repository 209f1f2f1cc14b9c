import type { StatefulSet } from '../../api/apps/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/intstr.ts';
import { isPodAvailable, isPodFinished, isPodReady } from '../pods/pod-state.ts';
import { revisionHashLabel } from '../revisions.ts';

/** Names of revisions, as they stand in the pods' label. */
export interface SetRevisions {
  readonly current: string;
  readonly update: string;
}

export interface StatefulPlan {
  /** Pods to make: ordinal and which revision. */
  readonly create: readonly { readonly ordinal: number; readonly revision: string }[];
  readonly remove: readonly Pod[];
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** -1 for a name that is not of this set. */
export function ordinalOf(set: StatefulSet, { metadata }: Pod): number {
  const prefix = `${set.metadata.name}-`;
  const rest = metadata.name.slice(prefix.length);
  return metadata.name.startsWith(prefix) && /^(0|[1-9][0-9]*)$/.test(rest) ? Number(rest) : -1;
}

/**
 * One step of a set: with ordered management only one pod changes at a time, lowest ordinal first on the way up and
 * highest first on the way down, and each waits for its predecessors to be ready.
 */
export function planStatefulSet(
  set: StatefulSet,
  pods: readonly Pod[],
  revisions: SetRevisions,
  now: number,
): StatefulPlan {
  const replicas = set.spec.replicas ?? 1;
  const start = set.spec.ordinals?.start ?? 0;
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const isParallel = set.spec.podManagementPolicy === 'Parallel';
  const create: { ordinal: number; revision: string }[] = [];
  const remove: Pod[] = [];
  for (let ordinal = start; ordinal < start + replicas; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) create.push({ ordinal, revision: revisionFor(set, ordinal, revisions) });
    else if (isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined) remove.push(pod);
    if (!isParallel && (pod === undefined || remove.length > 0 || !isUp(set, pod, now))) return { create, remove };
  }
  const surplus = pods
    .filter((pod) => {
      const ordinal = ordinalOf(set, pod);
      return ordinal >= 0 && (ordinal < start || ordinal >= start + replicas);
    })
    .sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  const leaving = surplus.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (isParallel) remove.push(...leaving);
  else if (surplus.length > 0) {
    const isStopping = leaving.length < surplus.length;
    return { create, remove: isStopping ? remove : [...remove, ...leaving.slice(0, 1)] };
  }
  if (create.length > 0 || remove.length > 0) return { create, remove };
  return { create, remove: outdated(set, byOrdinal, revisions, now) };
}

/** The pods of an old revision that may go now, highest ordinal first. */
function outdated(set: StatefulSet, byOrdinal: ReadonlyMap<number, Pod>, { update }: SetRevisions, now: number): Pod[] {
  if (set.spec.updateStrategy?.type === 'OnDelete') return [];
  const replicas = set.spec.replicas ?? 1;
  const start = set.spec.ordinals?.start ?? 0;
  const { partition = 0, maxUnavailable = 1 } = set.spec.updateStrategy?.rollingUpdate ?? {};
  const allowed = Math.max(1, scaledValueFromIntOrPercent(maxUnavailable, replicas, true));
  const chosen: Pod[] = [];
  let unavailable = 0;
  for (const pod of byOrdinal.values()) if (!isUp(set, pod, now)) unavailable++;
  for (let ordinal = start + replicas - 1; ordinal >= start + partition; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) continue;
    const isOld = pod.metadata.labels?.[revisionHashLabel] !== update;
    if (isOld && pod.metadata.deletionTimestamp === undefined) {
      // One that does not work anyway costs nothing.
      if (isUp(set, pod, now)) unavailable++;
      if (unavailable > allowed) return chosen;
      chosen.push(pod);
    } else if (!isUp(set, pod, now) && allowed === 1) return chosen;
  }
  return chosen;
}

function revisionFor(set: StatefulSet, ordinal: number, { current, update }: SetRevisions): string {
  const { type = 'RollingUpdate', rollingUpdate } = set.spec.updateStrategy ?? {};
  const partition = type === 'RollingUpdate' ? (rollingUpdate?.partition ?? 0) : 0;
  const isOld = type === 'RollingUpdate' && ordinal < (set.spec.ordinals?.start ?? 0) + partition;
  return isOld ? current : update;
}

function isUp(set: StatefulSet, pod: Pod, now: number): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    isPodReady(pod) &&
    isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now)
  );
}
