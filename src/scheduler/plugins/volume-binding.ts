import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/core/v1/types.generated.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import type { Lister } from '../../client/contract.ts';
import { termMatchesNode } from '../node-affinity.ts';
import type { Plugin, Rejection } from './plugin.ts';

export interface VolumeListers {
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly volumes: Lister<PersistentVolume>;
  readonly classes: Lister<StorageClass>;
}

const elsewhere: Rejection = { reasons: ["node(s) didn't match PersistentVolume's node affinity"], resolvable: false };
const volumeMissing: Rejection = {
  reasons: ['node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'],
  resolvable: false,
};

/**
 * A pod waits for its claims to exist and to be bound, and goes only where their volumes can be reached. Claims of a
 * class that binds on first use do not hold it up.
 */
export function volumeBinding(listers: VolumeListers): Plugin {
  return {
    name: 'VolumeBinding',
    retryOn: new Set(['nodeAdded', 'nodeLabelsChanged', 'storageChanged']),
    prepareFilter({ pod }) {
      const names = claimNames(pod);
      if (names.length === 0) return undefined;
      const found = findClaims(pod, names, listers);
      if (typeof found === 'string') {
        const rejected: Rejection = { reasons: [found], resolvable: false };
        return { rejected, filter: () => rejected };
      }
      const bound = found.flatMap(({ spec }) =>
        isBound(spec?.volumeName) ? [listers.volumes.get(spec.volumeName)] : [],
      );
      if (bound.length === 0) return undefined;
      return {
        filter({ node }) {
          for (const volume of bound) {
            if (volume === undefined) return volumeMissing;
            const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
            if (terms === undefined || node === undefined) continue;
            if (!terms.some((term) => termMatchesNode(term, node))) return elsewhere;
          }
          return undefined;
        },
      };
    },
  };
}

function findClaims(pod: Pod, names: readonly string[], listers: VolumeListers): PersistentVolumeClaim[] | string {
  const claims: PersistentVolumeClaim[] = [];
  for (const name of names) {
    const claim = listers.claims.get(`${pod.metadata.namespace}/${name}`);
    if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
    if (claim.status?.phase === 'Lost') {
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
    }
    if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
    claims.push(claim);
  }
  const waiting = claims.some((claim) => !isBound(claim.spec?.volumeName) && !bindsOnFirstUse(claim, listers));
  return waiting ? 'pod has unbound immediate PersistentVolumeClaims' : claims;
}

function bindsOnFirstUse({ spec }: PersistentVolumeClaim, { classes }: VolumeListers): boolean {
  return classes.get(spec?.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer';
}

function isBound(volumeName: string | undefined): volumeName is string {
  return volumeName !== undefined && volumeName !== '';
}

/** Also those that are made for the pod from its own template. */
function claimNames(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume));
}

function claimNameOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): string[] {
  if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
  return ephemeral === undefined ? [] : [`${pod.metadata.name}-${name}`];
}
