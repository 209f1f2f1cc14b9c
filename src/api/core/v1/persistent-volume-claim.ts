import { clone, equal } from '../../../machinery/json.ts';
import { compareQuantity, isQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import { FieldPath, forbiddenField, invalidValue, specPath } from '../../field-errors.ts';
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
  returnsDeletedObject: true,
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
  const before = old.spec.resources?.requests?.['storage'];
  if (isBound && munged.resources?.requests && before !== undefined) munged.resources.requests['storage'] = before;
  if (old.spec.volumeAttributesClassName === undefined) delete munged.volumeAttributesClassName;
  else munged.volumeAttributesClassName = old.spec.volumeAttributesClassName;
  if (!equal(munged, old.spec)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(forbiddenField(specPath, `${detail}\n${JSON.stringify(old.spec)} -> ${JSON.stringify(claim.spec)}\n`));
  }
  const asked = claim.spec.resources?.requests?.['storage'];
  const given = old.status?.capacity?.['storage'] ?? '0';
  if (isLess(asked, before) && !isLess(given, asked)) {
    const path = specPath.child('resources').child('requests').child('storage');
    errors.push(forbiddenField(path, 'field can not be less than status.capacity'));
  }
  if (claim.spec.volumeMode !== old.spec.volumeMode) {
    errors.push(invalidValue(new FieldPath('volumeMode'), claim.spec.volumeMode, 'field is immutable'));
  }
  return errors;
}

function isLess(a: string | number | undefined, b: string | number | undefined): boolean {
  return isQuantity(a) && isQuantity(b) && compareQuantity(parseQuantity(a), parseQuantity(b)) < 0;
}
