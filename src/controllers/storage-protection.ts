import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../api/core/v1/types.generated.ts';
import { persistentVolumeClaims, persistentVolumes, pods, volumeAttributesClasses } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import type { KubeObject, ResourceType } from '../machinery/meta.ts';
import { isNotFound } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';
const attributesClassFinalizer = 'kubernetes.io/vac-protection';
const byClaim = 'claim';

/** Lets a deleted claim go once no pod uses it. Inputs: claims, pods. Output: the claim's finalizer. */
export function claimProtectionController(context: ControllerContext): Controller {
  const queue = createWorkQueue();
  const claims = context.informers.informer(persistentVolumeClaims);
  const allPods = context.informers.informer(pods);
  allPods.addIndex(byClaim, claimKeys);
  const add = (claim: PersistentVolumeClaim): void => {
    if (isHeld(claim, claimFinalizer)) queue.add(`${claim.metadata.namespace ?? ''}/${claim.metadata.name}`);
  };
  claims.addHandler({ added: add, updated: (_old, claim) => add(claim) });
  const addClaims = (pod: Pod): void => {
    for (const key of claimKeys(pod)) {
      const claim = claims.get(key);
      if (claim !== undefined) add(claim);
    }
  };
  allPods.addHandler({
    updated: (_old, pod) => {
      if (isOver(pod)) addClaims(pod);
    },
    deleted: addClaims,
  });
  return {
    name: 'persistentvolumeclaim-protection',
    queue,
    async reconcile(key) {
      const claim = claims.get(key);
      if (claim === undefined || !isHeld(claim, claimFinalizer)) return undefined;
      // Only a pod that has a node can be using it, and no agent starts a pod with a claim that is being deleted.
      if (allPods.byIndex(byClaim, key).some((pod) => (pod.spec?.nodeName ?? '') !== '' && !isOver(pod)))
        return undefined;
      await release(context, persistentVolumeClaims, claim, claimFinalizer);
      return undefined;
    },
  };
}

/** Lets a deleted volume go once no claim is bound to it. Input: volumes. Output: the volume's finalizer. */
export function volumeProtectionController(context: ControllerContext): Controller {
  const queue = createWorkQueue();
  const volumes = context.informers.informer(persistentVolumes);
  const add = (volume: PersistentVolume): void => {
    if (isHeld(volume, volumeFinalizer)) queue.add(volume.metadata.name);
  };
  volumes.addHandler({ added: add, updated: (_old, volume) => add(volume) });
  return {
    name: 'persistentvolume-protection',
    queue,
    async reconcile(name) {
      const volume = volumes.get(name);
      if (volume === undefined || !isHeld(volume, volumeFinalizer) || volume.status?.phase === 'Bound')
        return undefined;
      await release(context, persistentVolumes, volume, volumeFinalizer);
      return undefined;
    },
  };
}

/** Lets a deleted class of volume attributes go once nothing names it. Inputs: classes, volumes, claims. */
export function attributesClassProtectionController(context: ControllerContext): Controller {
  const queue = createWorkQueue();
  const classes = context.informers.informer(volumeAttributesClasses);
  const volumes = context.informers.informer(persistentVolumes);
  const claims = context.informers.informer(persistentVolumeClaims);
  const add = (one: KubeObject): void => {
    if (isHeld(one, attributesClassFinalizer)) queue.add(one.metadata.name);
  };
  const addAll = (): void => classes.list().forEach(add);
  classes.addHandler({ added: add, updated: (_old, one) => add(one) });
  volumes.addHandler({ updated: addAll, deleted: addAll });
  claims.addHandler({ updated: addAll, deleted: addAll });
  return {
    name: 'volumeattributesclass-protection',
    queue,
    async reconcile(name) {
      const one = classes.get(name);
      if (one === undefined || !isHeld(one, attributesClassFinalizer)) return undefined;
      const isUsed =
        volumes.list().some(({ spec }) => spec?.volumeAttributesClassName === name) ||
        claims.list().some(({ spec, status }) => {
          return spec?.volumeAttributesClassName === name || status?.currentVolumeAttributesClassName === name;
        });
      if (!isUsed) await release(context, volumeAttributesClasses, one, attributesClassFinalizer);
      return undefined;
    },
  };
}

/** The claims of a pod's volumes, those made for its ephemeral volumes included. */
function claimKeys({ metadata, spec }: Pod): string[] {
  const keys: string[] = [];
  for (const { name, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
    const claim = ephemeral === undefined ? persistentVolumeClaim?.claimName : `${metadata.name}-${name}`;
    if (claim !== undefined) keys.push(`${metadata.namespace ?? ''}/${claim}`);
  }
  return keys;
}

function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function isHeld({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;
}

async function release<T extends KubeObject>(
  { client }: ControllerContext,
  type: ResourceType<T>,
  object: T,
  finalizer: string,
): Promise<void> {
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
  try {
    await client.resource(type).update({ ...object, metadata: { ...object.metadata, finalizers } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
