import { equal } from '../../../machinery/json.ts';
import { canonicalQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { forbiddenField, invalidValue, notSupported, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { validateAccessModes } from './persistent-volume-claim-validation.ts';
import { canonicalizeResources, checkQuantity, isNegative, isZero, negativeProblem } from './resource-list.ts';
import { validateNodeSelector } from './scheduling-validation.ts';
import { accessModesCell, orUnset, phaseCell } from './storage-cells.ts';
import type { PersistentVolume, PersistentVolumeSpec } from './types.generated.ts';
import { validateDriverName, validateHostPath, validateNoBacksteps } from './volume-validation.ts';

const reclaimPolicies: readonly string[] = ['Delete', 'Recycle', 'Retain'];
const volumeModes: readonly string[] = ['Block', 'Filesystem'];

/** The fields of the spec of which exactly one says where the bytes are. */
const sources = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephfs',
  'cinder',
  'csi',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'glusterfs',
  'hostPath',
  'iscsi',
  'local',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
] as const;

export const persistentVolumeResource: ResourceDefinition = defineResource<PersistentVolume>({
  version: 'v1',
  kind: 'PersistentVolume',
  resource: 'persistentvolumes',
  returnsDeletedObject: true,
  shortNames: ['pv'],
  namespaced: false,
  schema: 'core/v1.PersistentVolume',
  columns: [
    nameColumn,
    column<PersistentVolume>('Capacity', ({ spec }) => spec?.capacity?.['storage'] ?? ''),
    column<PersistentVolume>('Access Modes', ({ spec }) => accessModesCell(spec?.accessModes)),
    column<PersistentVolume>('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
    column<PersistentVolume>('Status', ({ metadata, status }) => phaseCell(metadata.deletionTimestamp, status?.phase)),
    column<PersistentVolume>('Claim', claimCell),
    column<PersistentVolume>('StorageClass', ({ spec }) => spec?.storageClassName ?? ''),
    column<PersistentVolume>('VolumeAttributesClass', ({ spec }) => orUnset(spec?.volumeAttributesClassName)),
    column<PersistentVolume>('Reason', ({ status }) => status?.reason ?? ''),
    ageColumn,
    column<PersistentVolume>('VolumeMode', ({ spec }) => orUnset(spec?.volumeMode), { wide: true }),
  ],
  selectableFields: { name: ({ metadata }) => metadata.name },
  initialStatus: () => ({ phase: 'Pending' }),
  defaults(volume) {
    volume.spec ??= {};
    const { spec } = volume;
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ||= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
    if (spec.iscsi) spec.iscsi.iscsiInterface ||= 'default';
    canonicalizeResources(spec.capacity);
    if (volume.status) volume.status.phase ||= 'Pending';
  },
  validate: ({ spec }) => validateVolumeSpec(spec),
  validateUpdate(volume, old) {
    const errors = validateVolumeSpec(volume.spec);
    if (sources.some((source) => !equal(volume.spec[source], old.spec?.[source]))) {
      const detail = 'spec.persistentvolumesource is immutable after creation';
      errors.push(forbiddenField(specPath.child('persistentvolumesource'), detail));
    }
    const mode = volume.spec.volumeMode;
    if (old.spec?.volumeMode !== undefined && mode !== old.spec.volumeMode) {
      errors.push(invalidValue(specPath.child('volumeMode'), mode, 'field is immutable'));
    }
    const affinity = old.spec?.nodeAffinity;
    if (affinity !== undefined && !equal(volume.spec.nodeAffinity, affinity)) {
      errors.push(invalidValue(specPath.child('nodeAffinity'), volume.spec.nodeAffinity ?? null, 'field is immutable'));
    }
    return errors;
  },
  statusSubresource: true,
});

function claimCell({ spec }: PersistentVolume): string {
  const claim = spec?.claimRef;
  return claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '';
}

function validateVolumeSpec(spec: PersistentVolumeSpec): FieldError[] {
  const errors: FieldError[] = [];
  validateAccessModes(spec.accessModes, specPath, errors);
  validateCapacity(spec, errors);
  validateSource(spec, errors);
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && !reclaimPolicies.includes(policy)) {
    errors.push(notSupported(specPath.child('persistentVolumeReclaimPolicy'), policy, reclaimPolicies));
  }
  if (spec.volumeMode && !volumeModes.includes(spec.volumeMode)) {
    errors.push(notSupported(specPath.child('volumeMode'), spec.volumeMode, volumeModes));
  }
  const affinity = specPath.child('nodeAffinity');
  if (spec.nodeAffinity?.required) validateNodeSelector(spec.nodeAffinity.required, affinity.child('required'), errors);
  else if (spec.nodeAffinity)
    errors.push(required(affinity.child('required'), 'must specify required node constraints'));
  if (spec.local && !spec.nodeAffinity) errors.push(required(affinity, 'Local volume requires node affinity'));
  return errors;
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec, errors: FieldError[]): void {
  const path = specPath.child('capacity');
  const storage = capacity['storage'];
  if (Object.keys(capacity).length === 0) return void errors.push(required(path));
  if (storage === undefined || Object.keys(capacity).length > 1) {
    errors.push(notSupported(path, capacity, ['storage']));
  }
  if (storage === undefined || !checkQuantity(storage, path.key('storage'), errors)) return;
  if (isNegative(storage)) errors.push(invalidValue(path.key('storage'), canonicalQuantity(storage), negativeProblem));
  else if (isZero(storage)) errors.push(invalidValue(path.key('storage'), '0', 'must be greater than zero'));
}

function validateSource(spec: PersistentVolumeSpec, errors: FieldError[]): void {
  const given = sources.filter((source) => spec[source] !== undefined && spec[source] !== null);
  if (given.length === 0) errors.push(required(specPath, 'must specify a volume type'));
  for (const source of given.slice(1)) {
    errors.push(forbiddenField(specPath.child(source), 'may not specify more than 1 volume type'));
  }
  if (spec.hostPath) validateHostPath(spec.hostPath, specPath.child('hostPath'), errors);
  if (spec.local) {
    const path = specPath.child('local').child('path');
    if (!spec.local.path) errors.push(required(path));
    else validateNoBacksteps(spec.local.path, path, errors);
  }
  if (spec.nfs) {
    for (const field of ['server', 'path'] as const) {
      if (!spec.nfs[field]) errors.push(required(specPath.child('nfs').child(field)));
    }
  }
  if (spec.csi) {
    validateDriverName(spec.csi.driver ?? '', specPath.child('csi').child('driver'), errors);
    if (!spec.csi.volumeHandle) errors.push(required(specPath.child('csi').child('volumeHandle')));
  }
  const isRootRecycled = spec.persistentVolumeReclaimPolicy === 'Recycle' && spec.hostPath?.path === '/';
  if (isRootRecycled) {
    const detail = "may not be 'recycle' for a hostPath mount of '/'";
    errors.push(forbiddenField(specPath.child('persistentVolumeReclaimPolicy'), detail));
  }
}
