import type { Deployment, ReplicaSet } from '../../api/apps/v1/types.generated.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
/** Annotations of a Deployment that its ReplicaSets do not get. */
const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  'deprecated.deployment.rollback.to',
]);

type Annotations = Record<string, string>;

/** 0 when there is none. */
export function revisionOf(object: Deployment | ReplicaSet): number {
  const revision = Number(object.metadata.annotations?.[revisionAnnotation] ?? 0);
  return Number.isInteger(revision) ? revision : 0;
}

export function maxRevisionOf(sets: readonly ReplicaSet[]): number {
  return sets.reduce((max, set) => Math.max(max, revisionOf(set)), 0);
}

/** What the Deployment wanted when the set was last scaled; undefined before that. */
export function desiredReplicasOf(set: ReplicaSet): number | undefined {
  return numberOf(set.metadata.annotations?.[desiredReplicasAnnotation]);
}

export function maxReplicasOf(set: ReplicaSet): number | undefined {
  return numberOf(set.metadata.annotations?.[maxReplicasAnnotation]);
}

export function withReplicas(annotations: Annotations, desired: number, max: number): Annotations {
  return { ...annotations, [desiredReplicasAnnotation]: String(desired), [maxReplicasAnnotation]: String(max) };
}

/** The annotations of the newest ReplicaSet: the Deployment's own, the revision, and the revisions it had before. */
export function newSetAnnotations(deployment: Deployment, current: Annotations, revision: number): Annotations {
  const annotations: Annotations = { ...current };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!notCopied.has(name)) annotations[name] = value;
  }
  const old = Number(current[revisionAnnotation] ?? 0);
  if (old >= revision) return annotations;
  annotations[revisionAnnotation] = String(revision);
  if (old > 0) {
    const history = (current[revisionHistoryAnnotation] ?? '').split(',').filter((entry) => entry !== '');
    if (!history.includes(String(old))) history.push(String(old));
    annotations[revisionHistoryAnnotation] = history.join(',');
  }
  return annotations;
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isInteger(value) ? undefined : value;
}
