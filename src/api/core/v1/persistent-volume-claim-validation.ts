import { isDns1123Subdomain } from '../../../machinery/names.ts';
import { canonicalQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import {
  type FieldPath,
  forbiddenField,
  invalidEach,
  invalidValue,
  notSupported,
  required,
} from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import { checkQuantity, isNegative, isZero, negativeProblem } from './resource-list.ts';
import type { PersistentVolumeClaimSpec } from './types.generated.ts';

const accessModes: readonly string[] = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const volumeModes: readonly string[] = ['Block', 'Filesystem'];

/** Also of the claim inside an ephemeral volume and a StatefulSet's templates. */
export function validateClaimSpec(
  spec: PersistentVolumeClaimSpec | undefined | null,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (spec === undefined || spec === null) return void errors.push(required(path));
  validateAccessModes(spec.accessModes, path, errors);
  validateLabelSelector(spec.selector, path.child('selector'), errors);
  validateStorageRequest(spec, path, errors);
  if (spec.storageClassName) {
    const at = path.child('storageClassName');
    invalidEach(errors, at, spec.storageClassName, isDns1123Subdomain(spec.storageClassName));
  }
  if (spec.volumeMode && !volumeModes.includes(spec.volumeMode)) {
    errors.push(notSupported(path.child('volumeMode'), spec.volumeMode, volumeModes));
  }
  for (const field of ['dataSource', 'dataSourceRef'] as const) {
    const source = spec[field];
    if (!source) continue;
    const at = path.child(field);
    if (!source.name) errors.push(required(at.child('name')));
    if (!source.kind) errors.push(required(at.child('kind')));
    if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
      const detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
      errors.push(invalidValue(at, source.kind, detail));
    }
  }
}

export function validateAccessModes(modes: readonly string[] | undefined, path: FieldPath, errors: FieldError[]): void {
  const at = path.child('accessModes');
  if (modes === undefined || modes === null || modes.length === 0) {
    errors.push(required(at, 'at least 1 access mode is required'));
    return;
  }
  for (const mode of modes) {
    if (!accessModes.includes(mode)) errors.push(notSupported(at, mode, accessModes));
  }
  if (modes.length > 1 && modes.includes('ReadWriteOncePod')) {
    errors.push(forbiddenField(at, 'may not use ReadWriteOncePod with other access modes'));
  }
}

function validateStorageRequest(spec: PersistentVolumeClaimSpec, path: FieldPath, errors: FieldError[]): void {
  const storage = spec.resources?.requests?.['storage'];
  const resources = path.child('resources');
  if (storage === undefined) {
    errors.push(required(resources.key('storage')));
    return;
  }
  const at = resources.key('storage');
  if (!checkQuantity(storage, at, errors)) return;
  const value = canonicalQuantity(storage);
  if (isNegative(storage)) errors.push(invalidValue(at, value, negativeProblem));
  else if (isZero(storage)) errors.push(invalidValue(at, value, 'must be greater than zero'));
}
