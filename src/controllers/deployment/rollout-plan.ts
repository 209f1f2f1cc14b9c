import type { Deployment, ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/intstr.ts';
import { desiredReplicasOf, maxReplicasOf } from './annotations.ts';

/** The pure arithmetic of k8s.io/kubernetes/pkg/controller/deployment: how many pods each ReplicaSet should have. */

/** A ReplicaSet and the size to give it. */
export interface Scaling {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

export function replicasOf(object: Deployment | ReplicaSet): number {
  return object.spec?.replicas ?? 1;
}

export function totalReplicas(sets: readonly ReplicaSet[]): number {
  return sets.reduce((total, set) => total + replicasOf(set), 0);
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

/** `maxSurge` and `maxUnavailable` as numbers of pods; one of them is at least 1, or nothing could move. */
export function fenceposts(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const replicas = replicasOf(deployment);
  if (!isRollingUpdate(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = scaledValueFromIntOrPercent(rolling?.maxSurge ?? '25%', replicas, true);
  let maxUnavailable = scaledValueFromIntOrPercent(rolling?.maxUnavailable ?? '25%', replicas, false);
  if (maxSurge === 0 && maxUnavailable === 0) maxUnavailable = 1;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

/** How many pods the newest set may have now. */
export function newSetReplicas(deployment: Deployment, all: readonly ReplicaSet[], newest: number): number {
  const wanted = replicasOf(deployment);
  if (!isRollingUpdate(deployment)) return wanted;
  const room = wanted + fenceposts(deployment).maxSurge - totalReplicas(all);
  if (room <= 0) return newest;
  return newest + Math.min(room, wanted - newest);
}

/** Which old sets give up how many pods: first those that do not work anyway, then as many as availability allows. */
export function scaleDownOld(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  old: readonly ReplicaSet[],
  newest: ReplicaSet,
): Scaling[] {
  if (totalReplicas(old) === 0) return [];
  const minAvailable = replicasOf(deployment) - fenceposts(deployment).maxUnavailable;
  const newUnavailable = replicasOf(newest) - (newest.status?.availableReplicas ?? 0);
  const spare = totalReplicas(all) - minAvailable - newUnavailable;
  if (spare <= 0) return [];
  const sizes = new Map(old.map((set) => [set, replicasOf(set)]));
  const oldestFirst = byCreation(old);

  let cleaned = 0;
  for (const set of oldestFirst) {
    const unhealthy = Math.max(0, replicasOf(set) - (set.status?.availableReplicas ?? 0));
    const taken = Math.min(spare - cleaned, unhealthy);
    cleaned += taken;
    sizes.set(set, replicasOf(set) - taken);
  }
  const available = all.reduce((total, set) => total + (set.status?.availableReplicas ?? 0), 0);
  let toTake = Math.max(0, available - minAvailable);
  for (const set of oldestFirst) {
    const size = sizes.get(set) ?? 0;
    const taken = Math.min(size, toTake);
    toTake -= taken;
    sizes.set(set, size - taken);
  }
  return changed([...sizes].map(([set, replicas]) => ({ set, replicas })));
}

/** Everything old to nothing. */
export function scaleDownAll(sets: readonly ReplicaSet[]): Scaling[] {
  return changed(sets.map((set) => ({ set, replicas: 0 })));
}

/** Somebody changed `spec.replicas` since the sets were last scaled. */
export function isScaling(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return activeSets(sets).some((set) => {
    const desired = desiredReplicasOf(set);
    return desired !== undefined && desired !== replicasOf(deployment);
  });
}

/** The sizes after `spec.replicas` changed, outside of a step of the rollout. */
export function scale(deployment: Deployment, newest: ReplicaSet | undefined, old: readonly ReplicaSet[]): Scaling[] {
  const wanted = replicasOf(deployment);
  const all = newest === undefined ? [...old] : [...old, newest];
  const active = activeSets(all);
  const only = active.length > 1 ? undefined : (active[0] ?? newest ?? byCreation(old).at(-1));
  if (only !== undefined) return [{ set: only, replicas: wanted }];
  if (newest !== undefined && isSaturated(deployment, newest)) return scaleDownAll(activeSets(old));
  return isRollingUpdate(deployment) ? scaleProportionally(deployment, active) : [];
}

/** Shares the difference among the sets by their sizes, so that a rollout under way keeps its balance of risk. */
function scaleProportionally(deployment: Deployment, active: readonly ReplicaSet[]): Scaling[] {
  const wanted = replicasOf(deployment);
  const allowed = wanted > 0 ? wanted + fenceposts(deployment).maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  const newerFirst = toAdd > 0;
  const ordered = byCreation(active).sort(
    (a, b) => replicasOf(b) - replicasOf(a) || (newerFirst ? compareCreation(b, a) : compareCreation(a, b)),
  );
  let added = 0;
  const scalings = ordered.map((set) => {
    const share = shareOf(deployment, set, toAdd, added);
    added += share;
    return { set, replicas: replicasOf(set) + share };
  });
  return scalings.map(({ set, replicas }, index) => ({
    set,
    // What rounding left over goes to the largest.
    replicas: Math.max(0, index === 0 ? replicas + toAdd - added : replicas),
  }));
}

function shareOf(deployment: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(set) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(deployment, set);
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

function fractionOf(deployment: Deployment, set: ReplicaSet): number {
  const wanted = replicasOf(deployment);
  if (wanted === 0) return -replicasOf(set);
  const maxNow = wanted + fenceposts(deployment).maxSurge;
  const maxBefore = maxReplicasOf(set) ?? deployment.status?.replicas ?? 0;
  if (maxBefore === 0) return 0;
  return Math.round((replicasOf(set) * maxNow) / maxBefore) - replicasOf(set);
}

/** The newest set has all the pods it will ever get, and they work. */
function isSaturated(deployment: Deployment, newest: ReplicaSet): boolean {
  const wanted = replicasOf(deployment);
  return (
    replicasOf(newest) === wanted &&
    desiredReplicasOf(newest) === wanted &&
    (newest.status?.availableReplicas ?? 0) === wanted
  );
}

/** Old sets past the history limit that nothing depends on any more, oldest revision first. */
export function setsToForget(
  deployment: Deployment,
  old: readonly ReplicaSet[],
  revisionOf: (set: ReplicaSet) => number,
): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined);
  const surplus = alive.length - limit;
  if (surplus <= 0) return [];
  return [...alive]
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        replicasOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}

export function activeSets(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return sets.filter((set) => replicasOf(set) > 0);
}

export function byCreation(sets: readonly ReplicaSet[]): ReplicaSet[] {
  return [...sets].sort(compareCreation);
}

function compareCreation(a: ReplicaSet, b: ReplicaSet): number {
  const [first = '', second = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return first === second ? a.metadata.name.localeCompare(b.metadata.name) : first < second ? -1 : 1;
}

function changed(scalings: readonly Scaling[]): Scaling[] {
  return scalings.filter(({ set, replicas }) => replicas !== replicasOf(set));
}
