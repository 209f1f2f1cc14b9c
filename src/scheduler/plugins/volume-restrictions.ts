import type { PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import type { Lister } from '../../client/contract.ts';
import type { Plugin, Rejection } from './plugin.ts';
import { claimNames } from './volume-binding.ts';

const inUse: Rejection = {
  reasons: [
    'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
  ],
  resolvable: true,
};

/** A claim with the access mode ReadWriteOncePod serves one pod at a time, in the whole cluster. */
export function volumeRestrictions(claims: Lister<PersistentVolumeClaim>): Plugin {
  return {
    name: 'VolumeRestrictions',
    retryOn: new Set(['assignedPodGone', 'storageChanged']),
    prepareFilter({ pod }, { nodes }) {
      const { namespace = '' } = pod.metadata;
      const exclusive = claimNames(pod).filter(
        (name) => claims.get(`${namespace}/${name}`)?.spec?.accessModes?.includes('ReadWriteOncePod') === true,
      );
      if (exclusive.length === 0) return undefined;
      const users = new Set<string>();
      for (const node of nodes) {
        for (const other of node.pods.values()) {
          if (other.pod.metadata.namespace !== namespace) continue;
          if (claimNames(other.pod).some((name) => exclusive.includes(name))) users.add(other.key);
        }
      }
      if (users.size === 0) return undefined;
      return {
        // Looked at again for each node, since preemption tries nodes without some of their pods.
        filter: (node) => {
          const here = [...users].filter((key) => node.pods.has(key)).length;
          return here > 0 || users.size > here ? inUse : undefined;
        },
      };
    },
  };
}
