import type { PersistentVolume, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import {
  bindCompleted,
  boundByController,
  classOfClaim,
  defaultClassOf,
  findVolume,
  isKeptFor,
  misfit,
  nodeSelectedFor,
  noProvisioner,
} from '../../api/core/v1/volume-match.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';

/** What the binder sees besides the object in hand. */
export interface StorageWorld {
  readonly volumes: readonly PersistentVolume[];
  readonly classes: readonly StorageClass[];
  volume(name: string): PersistentVolume | undefined;
  /** As the API has it, not the cache, where that matters. */
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
}

export interface BinderEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type ClaimPlan =
  | { readonly kind: 'bind'; readonly volume: PersistentVolume }
  | { readonly kind: 'lost'; readonly event: BinderEvent }
  | { readonly kind: 'takeDefaultClass'; readonly name: string }
  /** The claim stays Pending; `provisioner` is asked for a volume. */
  | { readonly kind: 'wait'; readonly event?: BinderEvent; readonly provisioner?: string };

/** What becomes of a claim; the rules of upstream's persistentvolume controller, syncClaim. */
export function planClaim(claim: PersistentVolumeClaim, world: StorageWorld): ClaimPlan {
  const name = claim.spec?.volumeName ?? '';
  if (claim.metadata.annotations?.[bindCompleted] !== undefined) return planBoundClaim(claim, name, world);
  if (name !== '') return planNamedVolume(claim, world.volume(name));
  const className = classOfClaim(claim);
  const byDefault = className === undefined ? defaultClassOf(world.classes) : undefined;
  if (byDefault !== undefined) return { kind: 'takeDefaultClass', name: byDefault.metadata.name };
  const storageClass = world.classes.find(({ metadata }) => metadata.name === className);
  const waitsForPod = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
  const node = nodeSelectedFor(claim);
  const volume = findVolume(claim, world.volumes, { waitsForPod: waitsForPod && node === undefined });
  if (volume !== undefined) return { kind: 'bind', volume };
  if (waitsForPod && node === undefined) {
    return wait('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  }
  return planProvisioning(className ?? '', storageClass);
}

function planBoundClaim(claim: PersistentVolumeClaim, name: string, world: StorageWorld): ClaimPlan {
  const lost = (reason: string, message: string): ClaimPlan => ({
    kind: 'lost',
    event: { type: 'Warning', reason, message },
  });
  if (name === '')
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = world.volume(name);
  if (volume === undefined) {
    return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  }
  if (volume.spec?.claimRef === undefined || isKeptFor(volume, claim)) return { kind: 'bind', volume };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** The user asked for this very volume. */
function planNamedVolume(claim: PersistentVolumeClaim, volume: PersistentVolume | undefined): ClaimPlan {
  if (volume === undefined) return { kind: 'wait' };
  const name = volume.metadata.name;
  if (volume.spec?.claimRef === undefined) {
    const why = misfit(volume, claim);
    if (why === undefined) return { kind: 'bind', volume };
    return wait('Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${why}`);
  }
  if (isKeptFor(volume, claim)) return { kind: 'bind', volume };
  const { namespace = '', name: other = '' } = volume.spec.claimRef;
  const message = `volume "${name}" already bound to a different claim "${namespace}/${other}".`;
  return wait('Warning', 'FailedBinding', message);
}

function planProvisioning(className: string, storageClass: StorageClass | undefined): ClaimPlan {
  if (className === '') {
    const message = 'no persistent volumes available for this claim and no storage class is set';
    return wait('Normal', 'FailedBinding', message);
  }
  if (storageClass === undefined) {
    return wait('Warning', 'ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`);
  }
  const { provisioner } = storageClass;
  if (provisioner === noProvisioner) {
    return wait(
      'Warning',
      'FailedBinding',
      `no persistent volumes available for this claim and no storage class is set`,
    );
  }
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system ` +
    'administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.';
  return { kind: 'wait', event: { type: 'Normal', reason: 'ExternalProvisioning', message }, provisioner };
}

function wait(type: BinderEvent['type'], reason: string, message: string): ClaimPlan {
  return { kind: 'wait', event: { type, reason, message } };
}

export type VolumePlan =
  | { readonly kind: 'phase'; readonly phase: 'Available' | 'Bound' }
  /** Kept for a claim that has not been bound to it yet. */
  | { readonly kind: 'expected' }
  | { readonly kind: 'released'; readonly reclaim: 'retain' | 'delete' | 'recycle' }
  /** The claim went to another volume: this one is free again. */
  | { readonly kind: 'unbind' };

/** What becomes of a volume; syncVolume. */
export function planVolume(volume: PersistentVolume, world: StorageWorld): VolumePlan {
  const reference = volume.spec?.claimRef;
  if (reference === undefined) return { kind: 'phase', phase: 'Available' };
  const claim = world.claim(reference.namespace ?? '', reference.name ?? '');
  // Kept for a claim by name, before there is one.
  if (reference.uid === undefined || reference.uid === '') return { kind: 'phase', phase: 'Available' };
  if (claim === undefined || claim.metadata.uid !== reference.uid) {
    const policies = { Delete: 'delete', Recycle: 'recycle' } as const;
    const policy = volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain';
    return { kind: 'released', reclaim: policy === 'Delete' || policy === 'Recycle' ? policies[policy] : 'retain' };
  }
  const bound = claim.spec?.volumeName ?? '';
  if (bound === '') return { kind: 'expected' };
  if (bound === volume.metadata.name) return { kind: 'phase', phase: 'Bound' };
  const isOurs = volume.metadata.annotations?.[boundByController] !== undefined;
  const isMade = volume.metadata.annotations?.['pv.kubernetes.io/provisioned-by'] !== undefined;
  if (isMade && volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return { kind: 'released', reclaim: 'delete' };
  return isOurs ? { kind: 'unbind' } : { kind: 'phase', phase: 'Available' };
}
