import { pullPolicyOf } from './image-policy.ts';
import { canonicalizeResources } from './resource-list.ts';
import type { DownwardAPIVolumeFile, PersistentVolumeClaimSpec, Volume, VolumeProjection } from './types.generated.ts';

/** 0644 */
const fileModeDefault = 420;
const tokenExpirationSecondsDefault = 3600;

export function applyVolumeDefaults(volume: Volume): void {
  if (!hasSource(volume)) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= fileModeDefault;
  if (volume.configMap) volume.configMap.defaultMode ??= fileModeDefault;
  if (volume.projected) {
    volume.projected.defaultMode ??= fileModeDefault;
    for (const source of volume.projected.sources ?? []) applyProjectionDefaults(source);
  }
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= fileModeDefault;
    applyDownwardDefaults(volume.downwardAPI.items);
  }
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.ephemeral?.volumeClaimTemplate) applyClaimSpecDefaults(volume.ephemeral.volumeClaimTemplate.spec);
  if (volume.image) volume.image.pullPolicy ||= pullPolicyOf(volume.image.reference ?? '');
  applyNetworkVolumeDefaults(volume);
}

/** The defaults of a claim, also of one inside an ephemeral volume or a StatefulSet. */
export function applyClaimSpecDefaults(spec: PersistentVolumeClaimSpec | undefined): void {
  if (spec === undefined || spec === null) return;
  spec.volumeMode ||= 'Filesystem';
  spec.resources ??= {};
  canonicalizeResources(spec.resources.limits);
  canonicalizeResources(spec.resources.requests);
}

function hasSource(volume: Volume): boolean {
  for (const field in volume) {
    if (field !== 'name') return true;
  }
  return false;
}

function applyProjectionDefaults(source: VolumeProjection): void {
  if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= tokenExpirationSecondsDefault;
  if (source.downwardAPI) applyDownwardDefaults(source.downwardAPI.items);
}

function applyDownwardDefaults(items: readonly DownwardAPIVolumeFile[] | undefined): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ??= '0';
  }
}

function applyNetworkVolumeDefaults(volume: Volume): void {
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= 'ReadWrite';
    volume.azureDisk.kind ??= 'Shared';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned';
    volume.scaleIO.fsType ||= 'xfs';
  }
}
