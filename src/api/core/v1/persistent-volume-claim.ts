import { clone, equal } from '../../../machinery/json.ts';
import { compareQuantity, isQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { forbiddenField, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { validateClaimSpec } from './persistent-volume-claim-validation.ts';
import { canonicalizeResources } from './resource-list.ts';
import { accessModesCell, orUnset, phaseCell } from './storage-cells.ts';
import type { PersistentVolumeClaim } from './types.generated.ts';
import { applyClaimSpecDefaults } from './volume-defaults.ts';

type Claim = PersistentVolumeClaim;

export const persistentVolumeClaimResource: ResourceDefinition = defineResource<Claim>({
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  resource: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  schema: 'core/v1.PersistentVolumeClaim',
  columns: [
    nameColumn,
    column<Claim>('Status', ({ metadata, status }) => phaseCell(metadata.deletionTimestamp, status?.phase)),
    column<Claim>('Volume', ({ spec }) => spec?.volumeName ?? ''),
    column<Claim>('Capacity', ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.['storage'] ?? '') : '')),
    column<Claim>('Access Modes', ({ spec, status }) => (spec?.volumeName ? accessModesCell(status?.accessModes) : '')),
    column<Claim>('StorageClass', storageClassCell),
    column<Claim>('VolumeAttributesClass', ({ spec }) => orUnset(spec?.volumeAttributesClassName)),
    ageColumn,
    column<Claim>('VolumeMode', ({ spec }) => orUnset(spec?.volumeMode), { wide: true }),
  ],
  initialStatus: () => ({ phase: 'Pending' }),
  defaults(claim) {
    applyClaimSpecDefaults(claim.spec);
    canonicalizeResources(claim.status?.capacity);
    if (claim.status) claim.status.phase ||= 'Pending';
  },
  validate: ({ spec }) => {
    const errors: FieldError[] = [];
    validateClaimSpec(spec, specPath, errors);
    return errors;
  },
  validateUpdate,
  statusSubresource: true,
});

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

function storageClassCell({ metadata, spec }: Claim): string {
  return metadata.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';
}

function validateUpdate(claim: Claim, old: Claim): FieldError[] {
  const errors: FieldError[] = [];
  validateClaimSpec(claim.spec, specPath, errors);
  if (claim.spec === undefined || old.spec === undefined) return errors;
  const munged = clone(claim.spec);
  const isBound = old.status?.phase === 'Bound';
  if (!old.spec.volumeName && claim.spec.volumeName) delete munged.volumeName;
  // A class may be given to a claim that waits for one.
  if (old.spec.storageClassName === undefined && claim.spec.storageClassName !== undefined)
    delete munged.storageClassName;
  if (isBound) {
    if (old.spec.resources === undefined) delete munged.resources;
    else munged.resources = old.spec.resources;
  }
  if (old.spec.volumeAttributesClassName === undefined) delete munged.volumeAttributesClassName;
  else munged.volumeAttributesClassName = old.spec.volumeAttributesClassName;
  if (!equal(munged, old.spec)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(forbiddenField(specPath, `${detail}\n${JSON.stringify(old.spec)} -> ${JSON.stringify(claim.spec)}\n`));
  }
  const asked = claim.spec.resources?.requests?.['storage'];
  const given = old.status?.capacity?.['storage'];
  if (isBound && isQuantity(asked) && isQuantity(given)) {
    if (compareQuantity(parseQuantity(asked), parseQuantity(given)) < 0) {
      const path = specPath.child('resources').child('requests').child('storage');
      errors.push(forbiddenField(path, 'field can not be less than status.capacity'));
    }
  }
  return errors;
}
