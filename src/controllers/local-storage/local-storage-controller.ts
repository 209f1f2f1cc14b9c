import { localProvisioner } from '../../api/core/v1/local-storage.ts';
import type { Node, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import {
  classOfClaim,
  nodeSelectedFor,
  provisionedBy,
  provisionerOf,
  selectedNode,
} from '../../api/core/v1/volume-match.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '../../api/resource-types.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import { createWorkQueue } from '../../client/index.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isAlreadyExists } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { growthOf, localVolumeFor } from './local-volume.ts';

/**
 * Makes PersistentVolumes out of directories of nodes for claims of classes with the provisioner `roadstead.dev/local`,
 * and lets them grow. Inputs: PersistentVolumeClaims, StorageClasses, Nodes. Outputs: PersistentVolumes, their capacity.
 */
export function localStorageController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const claims = informers.informer(persistentVolumeClaims);
  const volumes = informers.informer(persistentVolumes);
  const classes = informers.informer(storageClasses);
  const allNodes = informers.informer(nodes);
  const recorder = context.recorder(`${localProvisioner}_provisioner`);
  claims.addHandler({
    added: (claim) => queue.add(objectKey(claim)),
    updated: (_old, claim) => queue.add(objectKey(claim)),
  });

  const provision = async (claim: PersistentVolumeClaim, storageClass: StorageClass): Promise<void> => {
    const node = nodeFor(claim, storageClass, allNodes.list());
    if (node === undefined) return;
    const volume = localVolumeFor(claim, storageClass, node);
    if (typeof volume === 'string') {
      recorder.event(
        claim,
        'Warning',
        'ProvisioningFailed',
        `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${volume}`,
      );
      await letChooseAgain(claim);
      return;
    }
    try {
      await client.resource(persistentVolumes).create(volume);
    } catch (error) {
      if (isAlreadyExists(error)) return;
      throw error;
    }
    recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume.metadata.name}`);
  };

  /** The scheduler takes the missing annotation for a refusal and looks for another node. */
  const letChooseAgain = async (claim: PersistentVolumeClaim): Promise<void> => {
    if (nodeSelectedFor(claim) === undefined) return;
    const body = { metadata: { uid: claim.metadata.uid, annotations: { [selectedNode]: null } } };
    await client.resource(persistentVolumeClaims).patch(claim.metadata, { type: 'merge', body });
  };

  /** A directory has no size of its own: what grows is what is written of it. */
  const grow = async (claim: PersistentVolumeClaim, size: string | number): Promise<void> => {
    const volume = volumes.get(claim.spec?.volumeName ?? '');
    if (volume?.metadata.annotations?.[provisionedBy] !== localProvisioner) return;
    if (classes.get(volume.spec?.storageClassName ?? '')?.allowVolumeExpansion !== true) return;
    const capacity = { storage: size };
    await client.resource(persistentVolumes).patch(volume.metadata, { type: 'merge', body: { spec: { capacity } } });
    const status = { ...claim.status, capacity: { ...claim.status?.capacity, ...capacity } };
    await client.resource(persistentVolumeClaims).updateStatus({ ...claim, status });
    recorder.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  };

  return {
    name: 'local-storage',
    queue,
    async reconcile(key) {
      const claim = claims.get(key);
      if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return undefined;
      const size = growthOf(claim);
      if (size !== undefined) {
        await grow(claim, size);
        return undefined;
      }
      if ((claim.spec?.volumeName ?? '') !== '' || provisionerOf(claim) !== localProvisioner) return undefined;
      const storageClass = classes.get(classOfClaim(claim) ?? '');
      if (storageClass?.provisioner === localProvisioner) await provision(claim, storageClass);
      return undefined;
    },
  };
}

/** Without a pod to follow, the first node that offers a directory will do. */
function nodeFor(
  claim: PersistentVolumeClaim,
  { volumeBindingMode }: StorageClass,
  candidates: readonly Node[],
): Node | undefined {
  const chosen = nodeSelectedFor(claim);
  if (chosen !== undefined) return candidates.find(({ metadata }) => metadata.name === chosen);
  return volumeBindingMode === 'WaitForFirstConsumer' ? undefined : candidates[0];
}
