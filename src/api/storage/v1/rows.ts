import { equal } from '../../../machinery/json.ts';
import { isPathSegmentName, isQualifiedName } from '../../../machinery/names.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { checkImmutable, checkRequiredChoice } from '../../field-checks.ts';
import { FieldPath, forbiddenField, invalidEach, required, specPath } from '../../field-errors.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { csiDriverResource } from './csidriver.ts';
import type {
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from './types.generated.ts';

const shared = { group: 'storage.k8s.io', version: 'v1', namespaced: false } as const;
const reclaimPolicies = ['Delete', 'Retain'];
const bindingModes = ['Immediate', 'WaitForFirstConsumer'];

export const storageResources: readonly ResourceDefinition[] = [
  csiDriverResource,
  defineResource<CSINode>({
    ...shared,
    kind: 'CSINode',
    resource: 'csinodes',
    returnsDeletedObject: true,
    schema: 'storage/v1.CSINode',
    columns: [
      nameColumn,
      column<CSINode>('Drivers', ({ spec }) => spec?.drivers?.length ?? 0, { type: 'integer' }),
      ageColumn,
    ],
  }),
  defineResource<CSIStorageCapacity>({
    ...shared,
    namespaced: true,
    kind: 'CSIStorageCapacity',
    resource: 'csistoragecapacities',
    schema: 'storage/v1.CSIStorageCapacity',
    columns: [
      nameColumn,
      column<CSIStorageCapacity>('Created At', ({ metadata }) => metadata.creationTimestamp ?? null, { type: 'date' }),
    ],
    validate: ({ storageClassName }) =>
      (storageClassName ?? '') === '' ? [required(new FieldPath('storageClassName'))] : [],
  }),
  defineResource<StorageClass>({
    ...shared,
    kind: 'StorageClass',
    resource: 'storageclasses',
    returnsDeletedObject: true,
    shortNames: ['sc'],
    schema: 'storage/v1.StorageClass',
    columns: [
      markedName('storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'),
      column<StorageClass>('Provisioner', ({ provisioner }) => provisioner),
      column<StorageClass>('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
      column<StorageClass>('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
      column<StorageClass>('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
      ageColumn,
    ],
    defaults(storageClass) {
      storageClass.reclaimPolicy ??= 'Delete';
      storageClass.volumeBindingMode ??= 'Immediate';
    },
    validate: (storageClass) => validateStorageClass(storageClass),
    validateUpdate(storageClass, old) {
      const errors = validateStorageClass(storageClass);
      for (const field of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
        if (!equal(storageClass[field], old[field])) {
          errors.push(forbiddenField(new FieldPath(field), `updates to ${field} are forbidden.`));
        }
      }
      const modePath = new FieldPath('volumeBindingMode');
      checkImmutable(errors, modePath, storageClass.volumeBindingMode, old.volumeBindingMode);
      return errors;
    },
  }),
  defineResource<VolumeAttachment>({
    ...shared,
    kind: 'VolumeAttachment',
    resource: 'volumeattachments',
    returnsDeletedObject: true,
    schema: 'storage/v1.VolumeAttachment',
    columns: [
      nameColumn,
      { ...column<VolumeAttachment>('Attacher', ({ spec }) => spec.attacher), format: 'name' },
      column<VolumeAttachment>('PV', ({ spec }) => spec.source?.persistentVolumeName ?? ''),
      column<VolumeAttachment>('Node', ({ spec }) => spec.nodeName),
      column<VolumeAttachment>('Attached', ({ status }) => status?.attached ?? false, { type: 'boolean' }),
      ageColumn,
    ],
    initialStatus: () => ({ attached: false }),
    defaults(attachment) {
      attachment.spec ??= { attacher: '', nodeName: '', source: {} };
    },
    statusSubresource: true,
    validate: ({ spec }) => {
      const errors: FieldError[] = [];
      for (const field of ['attacher', 'nodeName'] as const) {
        if ((spec[field] ?? '') === '') errors.push(required(specPath.child(field)));
      }
      return errors;
    },
    validateUpdate(attachment, old) {
      const errors: FieldError[] = [];
      checkImmutable(errors, specPath, attachment.spec, old.spec);
      return errors;
    },
  }),
  defineResource<VolumeAttributesClass>({
    ...shared,
    kind: 'VolumeAttributesClass',
    resource: 'volumeattributesclasses',
    returnsDeletedObject: true,
    shortNames: ['vac'],
    schema: 'storage/v1.VolumeAttributesClass',
    columns: [nameColumn, column<VolumeAttributesClass>('DriverName', ({ driverName }) => driverName), ageColumn],
    validate: ({ driverName }) => ((driverName ?? '') === '' ? [required(new FieldPath('driverName'))] : []),
    validateUpdate(attributes, old) {
      const errors: FieldError[] = [];
      for (const field of ['driverName', 'parameters'] as const) {
        if (!equal(attributes[field], old[field])) {
          errors.push(forbiddenField(new FieldPath(field), `updates to ${field} are forbidden.`));
        }
      }
      return errors;
    },
  }),
];

/** The name, marked when one of the annotations makes the object the default of its kind. */
function markedName(...annotations: readonly string[]): Column {
  return {
    ...nameColumn,
    value: ({ metadata }) => {
      const isDefault = annotations.some((annotation) => metadata.annotations?.[annotation] === 'true');
      return isDefault ? `${metadata.name} (default)` : metadata.name;
    },
  };
}

function validateStorageClass({ provisioner, reclaimPolicy, volumeBindingMode }: StorageClass): FieldError[] {
  const errors: FieldError[] = [];
  const path = new FieldPath('provisioner');
  if ((provisioner ?? '') === '') errors.push(required(path));
  else if (provisioner.includes('/'))
    invalidEach(errors, path, provisioner, isQualifiedName(provisioner.toLowerCase()));
  else invalidEach(errors, path, provisioner, isPathSegmentName(provisioner));
  checkRequiredChoice(errors, new FieldPath('reclaimPolicy'), reclaimPolicy, reclaimPolicies);
  checkRequiredChoice(errors, new FieldPath('volumeBindingMode'), volumeBindingMode, bindingModes);
  return errors;
}
