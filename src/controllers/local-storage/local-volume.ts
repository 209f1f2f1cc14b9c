import {
  localProvisioner,
  localVolumeDirectoryAnnotation,
  localVolumeFinalizer,
  localVolumeNodeLabel,
} from '../../api/core/v1/local-storage.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import { provisionedBy } from '../../api/core/v1/volume-match.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import { compareQuantity, parseQuantity } from '../../machinery/quantity.ts';

const hostname = 'kubernetes.io/hostname';

/** The volume for a claim on a node, or why there can be none. */
export function localVolumeFor(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: Node,
): PersistentVolume | string {
  if (claim.spec?.volumeMode === 'Block')
    return 'volumes of this class are directories: volumeMode Block is not supported';
  if (claim.spec?.selector !== undefined) return 'claim.Spec.Selector is not supported';
  const directory = node.metadata.annotations?.[localVolumeDirectoryAnnotation];
  if (directory === undefined) return `node "${node.metadata.name}" offers no directory for local volumes`;
  const { namespace, name, uid } = claim.metadata;
  const volumeName = `pvc-${uid}`;
  const values = [node.metadata.labels?.[hostname] ?? node.metadata.name];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName,
      labels: { [localVolumeNodeLabel]: node.metadata.name },
      annotations: { [provisionedBy]: localProvisioner },
      finalizers: [localVolumeFinalizer],
    },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      accessModes: claim.spec?.accessModes ?? [],
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
      },
      local: { path: `${directory}/${volumeName}` },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostname, operator: 'In', values }] }] },
      },
    },
  };
}

/** The size that a bound claim asks for beyond what it has; undefined when it asks for nothing. */
export function growthOf({ spec, status }: PersistentVolumeClaim): string | number | undefined {
  const wanted = spec?.resources?.requests?.['storage'];
  const has = status?.capacity?.['storage'];
  if (status?.phase !== 'Bound' || wanted === undefined || has === undefined) return undefined;
  return compareQuantity(parseQuantity(wanted), parseQuantity(has)) > 0 ? wanted : undefined;
}
