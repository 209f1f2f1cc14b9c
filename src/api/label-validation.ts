import type { LabelSelector } from '../machinery/meta-types.generated.ts';
import { isQualifiedName, isValidLabelValue } from '../machinery/names.ts';
import type { FieldError } from '../machinery/status-error.ts';
import { type FieldPath, forbiddenField, invalidEach, invalidValue, required } from './field-errors.ts';

/** As k8s.io/apimachinery/pkg/apis/meta/v1/validation: keys are qualified names, values label values. */
export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (labels === undefined) return;
  for (const key of Object.keys(labels)) {
    validateLabelName(key, path, errors);
    const value = labels[key];
    if (value !== undefined) invalidEach(errors, path, value, isValidLabelValue(value));
  }
}

/** A name that a client has left out is checked as an empty one. */
export function validateLabelName(name: string | undefined, path: FieldPath, errors: FieldError[]): void {
  invalidEach(errors, path, name ?? '', isQualifiedName(name ?? ''));
}

export function validateLabelSelector(
  selector: LabelSelector | undefined | null,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (selector === undefined || selector === null) return;
  if (selector.matchLabels !== undefined) validateLabels(selector.matchLabels, path.child('matchLabels'), errors);
  selector.matchExpressions?.forEach((requirement, index) => {
    const at = path.at('matchExpressions', index);
    const { key, operator, values = [] } = requirement;
    switch (operator) {
      case 'In':
      case 'NotIn':
        if (values.length === 0) {
          errors.push(required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
        }
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (values.length > 0) {
          errors.push(
            forbiddenField(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
          );
        }
        break;
      default:
        errors.push(invalidValue(at.child('operator'), operator ?? '', 'not a valid selector operator'));
    }
    validateLabelName(key, at.child('key'), errors);
    values.forEach((value, position) => {
      invalidEach(errors, at.at('values', position), value, isValidLabelValue(value));
    });
  });
}
