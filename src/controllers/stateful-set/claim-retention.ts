import type { StatefulSet } from '../../api/apps/v1/types.generated.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/core/v1/types.generated.ts';
import type { OwnerReference } from '../../machinery/meta-types.generated.ts';
import { controllerReferenceTo } from '../owners.ts';

/** Whether the set is shrinking away from the claim's pod. */
export interface ClaimSituation {
  readonly pod: Pod | undefined;
  readonly isScaledDown: boolean;
}

/**
 * Who owns a claim decides what it goes away with, by `persistentVolumeClaimRetentionPolicy`: the set for `whenDeleted`,
 * and a pod that a smaller set gives up for `whenScaled`. References of others are kept.
 */
export function ownersOfClaim(
  set: StatefulSet,
  { metadata }: Pick<PersistentVolumeClaim, 'metadata'>,
  { pod, isScaledDown }: ClaimSituation,
): OwnerReference[] {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  const others = (metadata.ownerReferences ?? []).filter(({ kind, name, uid }) => {
    if (uid === set.metadata.uid) return false;
    // Also one of an earlier pod of that name, which would take the claim from its successor.
    return !(kind === 'Pod' && name === pod?.metadata.name);
  });
  if (isScaledDown && whenScaled === 'Delete' && pod !== undefined) {
    return [...others, { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid ?? '' }];
  }
  return whenDeleted === 'Delete' ? [...others, controllerReferenceTo(set)] : others;
}
