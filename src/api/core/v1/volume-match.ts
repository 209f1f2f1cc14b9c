import { selectorOf } from '../../../machinery/labels.ts';
import { compareQuantity, parseQuantity, zeroQuantity } from '../../../machinery/quantity.ts';
import type { StorageClass } from '../../storage/v1/types.generated.ts';
import type { ObjectReference, PersistentVolume, PersistentVolumeClaim } from './types.generated.ts';

/** What a claim and its volume say of each other, read alike by the binder, the scheduler and provisioners. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
export const selectedNode = 'volume.kubernetes.io/selected-node';
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner';
const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner';
const betaClass = 'volume.beta.kubernetes.io/storage-class';
const defaultClass = 'storageclass.kubernetes.io/is-default-class';
const betaDefaultClass = 'storageclass.beta.kubernetes.io/is-default-class';
/** The provisioner of classes whose volumes are made by hand. */
export const noProvisioner = 'kubernetes.io/no-provisioner';

/** Undefined when nobody has said, which a default class may fill in; empty for none. */
export function classOfClaim({ metadata, spec }: PersistentVolumeClaim): string | undefined {
  return metadata.annotations?.[betaClass] ?? spec?.storageClassName;
}

export function classOfVolume({ metadata, spec }: PersistentVolume): string {
  return metadata.annotations?.[betaClass] ?? spec?.storageClassName ?? '';
}

/** The newest of the classes marked as default, as upstream. */
export function defaultClassOf(classes: readonly StorageClass[]): StorageClass | undefined {
  const isDefault = ({ metadata }: StorageClass): boolean =>
    metadata.annotations?.[defaultClass] === 'true' || metadata.annotations?.[betaDefaultClass] === 'true';
  const created = ({ metadata }: StorageClass): string => metadata.creationTimestamp ?? '';
  return classes
    .filter(isDefault)
    .sort((a, b) =>
      created(a) === created(b) ? (a.metadata.name < b.metadata.name ? -1 : 1) : created(a) > created(b) ? -1 : 1,
    )[0];
}

/** Which provisioner was asked to make the claim's volume. */
export function provisionerOf({ metadata }: PersistentVolumeClaim): string | undefined {
  return metadata.annotations?.[storageProvisioner] ?? metadata.annotations?.[betaStorageProvisioner];
}

export function nodeSelectedFor({ metadata }: PersistentVolumeClaim): string | undefined {
  const node = metadata.annotations?.[selectedNode];
  return node === '' ? undefined : node;
}

/** What stands in a volume's `claimRef`. */
export function claimReferenceTo({ metadata }: PersistentVolumeClaim): ObjectReference {
  const { namespace, name, uid } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}

/** Whether the volume is kept for, or bound to, this claim. */
export function isKeptFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference === undefined) return false;
  if (reference.name !== metadata.name || reference.namespace !== metadata.namespace) return false;
  return reference.uid === undefined || reference.uid === '' || reference.uid === metadata.uid;
}

export interface MatchOptions {
  /** Whether the volume can be reached where the claim's pod will run; absent: nobody has chosen a node yet. */
  readonly isReachable?: (volume: PersistentVolume) => boolean;
  /** The claim's class binds when a pod uses it: without a node, only a volume kept for the claim will do. */
  readonly waitsForPod: boolean;
  /** Taken for other claims in this same decision. */
  readonly taken?: ReadonlySet<string>;
}

/**
 * The volume that suits the claim best: one that is kept for it, or else the smallest that is large enough. The rules
 * are those of k8s.io/component-helpers/storage/volume.FindMatchingVolume.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { isReachable, waitsForPod, taken }: MatchOptions,
): PersistentVolume | undefined {
  const selector = claim.spec?.selector === undefined ? undefined : selectorOf(claim.spec.selector);
  const requested = parseQuantity(claim.spec?.resources?.requests?.['storage'] ?? 0);
  const wantedClass = classOfClaim(claim) ?? '';
  let best: PersistentVolume | undefined;
  let bestSize = zeroQuantity;
  for (const volume of volumes) {
    if (volume.metadata.deletionTimestamp !== undefined || taken?.has(volume.metadata.name) === true) continue;
    if (modeOf(volume) !== modeOf(claim)) continue;
    const size = parseQuantity(volume.spec?.capacity?.['storage'] ?? 0);
    if (isKeptFor(volume, claim)) {
      if (compareQuantity(size, requested) < 0) continue;
      return isReachable?.(volume) === false ? undefined : volume;
    }
    if (isReachable === undefined && waitsForPod) continue;
    if (volume.spec?.claimRef !== undefined || volume.status?.phase !== 'Available') continue;
    if (selector !== undefined && !selector.matches(volume.metadata.labels)) continue;
    if (classOfVolume(volume) !== wantedClass || compareQuantity(size, requested) < 0) continue;
    if ((volume.spec?.volumeAttributesClassName ?? '') !== (claim.spec?.volumeAttributesClassName ?? '')) continue;
    if (isReachable?.(volume) === false || !hasModes(volume, claim)) continue;
    if (best !== undefined && compareQuantity(size, bestSize) >= 0) continue;
    best = volume;
    bestSize = size;
  }
  return best;
}

/** Why the volume that a claim names cannot be its volume; undefined when it can. */
export function misfit(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  const requested = parseQuantity(claim.spec?.resources?.requests?.['storage'] ?? 0);
  if (compareQuantity(parseQuantity(volume.spec?.capacity?.['storage'] ?? 0), requested) < 0) {
    return 'requested PV is too small';
  }
  if (classOfVolume(volume) !== (classOfClaim(claim) ?? '')) return 'storageClassName does not match';
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode';
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode';
}

function hasModes(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode) === true);
}

function modeOf({ spec }: { readonly spec?: { readonly volumeMode?: string } }): string {
  return spec?.volumeMode ?? 'Filesystem';
}
