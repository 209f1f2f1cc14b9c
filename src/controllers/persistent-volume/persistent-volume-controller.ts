import type { PersistentVolume, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import { provisionedBy, provisionerOf, storageProvisioner } from '../../api/core/v1/volume-match.ts';
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '../../api/resource-types.ts';
import { type Client, createWorkQueue, type Lister } from '../../client/index.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { WrittenVersions } from '../written-versions.ts';
import { type BinderEvent, planClaim, planVolume, type StorageWorld } from './binding-plan.ts';
import { BindingWriter } from './binding-writer.ts';

const staleRetryMs = 20;
const byClaim = 'claim';
const claimPrefix = 'claim/';
const volumePrefix = 'volume/';

/**
 * Brings claims and volumes together and lets volumes go when their claim is gone. Inputs: PersistentVolumeClaims,
 * PersistentVolumes, StorageClasses. Outputs: who is bound to whom, phases, the request to a provisioner, deletion of
 * released volumes that were provisioned here.
 */
export function persistentVolumeController(context: ControllerContext, ownProvisioner: string): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const claims = informers.informer(persistentVolumeClaims);
  const volumes = informers.informer(persistentVolumes);
  const classes = informers.informer(storageClasses);
  volumes.addIndex(byClaim, ({ spec }) => {
    const reference = spec?.claimRef;
    return reference === undefined ? [] : [`${reference.namespace ?? ''}/${reference.name ?? ''}`];
  });
  const written = new WrittenVersions();
  const writer = new BindingWriter(client, written);
  const recorder = context.recorder('persistentvolume-controller');
  const world: StorageWorld = {
    get volumes() {
      return volumes.list();
    },
    get classes() {
      return classes.list();
    },
    volume: (name) => volumes.get(name),
    claim: (namespace, name) => claims.get(`${namespace}/${name}`),
  };
  const addClaim = (claim: PersistentVolumeClaim): void => queue.add(`${claimPrefix}${objectKey(claim)}`);
  const addPending = (): void => {
    for (const claim of claims.list()) if (claim.status?.phase !== 'Bound') addClaim(claim);
  };
  const addVolumeOf = ({ metadata, spec }: PersistentVolumeClaim): void => {
    if (spec?.volumeName !== undefined && spec.volumeName !== '') queue.add(`${volumePrefix}${spec.volumeName}`);
    for (const volume of volumes.byIndex(byClaim, `${metadata.namespace ?? ''}/${metadata.name}`)) {
      queue.add(`${volumePrefix}${volume.metadata.name}`);
    }
  };
  const addVolume = (volume: PersistentVolume): void => {
    queue.add(`${volumePrefix}${volume.metadata.name}`);
    const { namespace = '', name } = volume.spec?.claimRef ?? {};
    if (name !== undefined) queue.add(`${claimPrefix}${namespace}/${name}`);
    else addPending();
  };
  claims.addHandler({
    added: addClaim,
    updated: (_old, claim) => {
      addClaim(claim);
      addVolumeOf(claim);
    },
    deleted: addVolumeOf,
  });
  volumes.addHandler({
    added: addVolume,
    updated: (_old, volume) => addVolume(volume),
    deleted: (volume) => {
      for (const claim of claims.list()) if (claim.spec?.volumeName === volume.metadata.name) addClaim(claim);
    },
  });
  classes.addHandler({ added: addPending, updated: addPending, deleted: addPending });

  const say = (about: PersistentVolumeClaim | PersistentVolume, event: BinderEvent | undefined): void => {
    if (event !== undefined) recorder.event(about, event.type, event.reason, event.message);
  };
  const syncClaim = async (claim: PersistentVolumeClaim): Promise<void> => {
    const plan = planClaim(claim, world);
    switch (plan.kind) {
      case 'bind':
        await writer.bind(claim, plan.volume);
        return;
      case 'takeDefaultClass':
        await writer.updateClaim({ ...claim, spec: { ...claim.spec, storageClassName: plan.name } });
        return;
      case 'lost':
        if (claim.status?.phase !== 'Lost') say(claim, plan.event);
        await writer.setClaimPhase(claim, 'Lost');
        return;
      case 'wait':
        say(claim, plan.event);
        await writer.setClaimPhase(claim, 'Pending');
        if (plan.provisioner !== undefined && provisionerOf(claim) !== plan.provisioner) {
          const annotations = { ...claim.metadata.annotations, [storageProvisioner]: plan.provisioner };
          await client
            .resource(persistentVolumeClaims)
            .patch(claim.metadata, { type: 'merge', body: { metadata: { uid: claim.metadata.uid, annotations } } });
        }
    }
  };
  const reclaim = async (volume: PersistentVolume, how: 'retain' | 'delete' | 'recycle'): Promise<void> => {
    if (how === 'retain') return void (await writer.setVolumePhase(volume, 'Released'));
    const maker = volume.metadata.annotations?.[provisionedBy];
    if (how === 'delete' && maker !== undefined) {
      const released = await writer.setVolumePhase(volume, 'Released');
      // Others delete what they made when they see it released.
      if (maker === ownProvisioner && volume.metadata.deletionTimestamp === undefined) {
        await client.resource(persistentVolumes).delete(released.metadata);
      }
      return;
    }
    const reason = how === 'delete' ? 'VolumeFailedDelete' : 'VolumeFailedRecycle';
    const message =
      how === 'delete'
        ? 'Error getting deleter volume plugin for volume: no deletable volume plugin matched'
        : 'Recycling is not supported: delete and create the volume, or use a StorageClass';
    if (volume.status?.phase !== 'Failed') say(volume, { type: 'Warning', reason, message });
    await writer.setVolumePhase(volume, 'Failed', message);
  };
  const syncVolume = async (volume: PersistentVolume): Promise<void> => {
    const plan = planVolume(volume, world);
    if (plan.kind === 'phase') await writer.setVolumePhase(volume, plan.phase);
    else if (plan.kind === 'unbind') await writer.unbind(volume);
    else if (plan.kind === 'released' && !(await claimLives(client, volume))) await reclaim(volume, plan.reclaim);
  };
  return {
    name: 'persistentvolume-binder',
    queue,
    // One at a time: whoever is given a volume is seen by the next decision.
    workers: 1,
    async reconcile(key) {
      const isClaim = key.startsWith(claimPrefix);
      const name = key.slice(isClaim ? claimPrefix.length : volumePrefix.length);
      const object = isClaim ? claims.get(name) : volumes.get(name);
      if (object === undefined) {
        written.forget(key);
        return undefined;
      }
      if (!written.seen(key, object)) return { requeueAfterMs: staleRetryMs };
      try {
        if (isClaim) {
          const claim = claims.get(name);
          // What the writer did to the volume must be seen before its neighbour is chosen.
          if (claim !== undefined && volumesAreFresh(written, volumes)) await syncClaim(claim);
          else return { requeueAfterMs: staleRetryMs };
        } else {
          const volume = volumes.get(name);
          if (volume !== undefined) await syncVolume(volume);
        }
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    },
  };
}

/** Past the cache: data is about to be given up. */
async function claimLives(client: Client, { spec }: PersistentVolume): Promise<boolean> {
  const { namespace = '', name = '', uid } = spec?.claimRef ?? {};
  try {
    return (await client.resource(persistentVolumeClaims).get({ namespace, name })).metadata.uid === uid;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function volumesAreFresh(written: WrittenVersions, volumes: Lister<PersistentVolume>): boolean {
  return written.keys().every((key) => {
    if (!key.startsWith(volumePrefix)) return true;
    const volume = volumes.get(key.slice(volumePrefix.length));
    return volume === undefined || written.seen(key, volume);
  });
}
