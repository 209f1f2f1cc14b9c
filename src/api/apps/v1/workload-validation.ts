import type { LabelSelector } from '../../../machinery/meta-types.generated.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import type { PodTemplateSpec } from '../../core/v1/types.generated.ts';
import { checkNonnegative, isEmptySelector } from '../../field-checks.ts';
import { invalidValue, required, specPath, statusPath } from '../../field-errors.ts';
import { validateLabelSelector } from '../../label-validation.ts';
import { checkSelectorMatchesTemplate } from '../../pod-template.ts';

/** `kind` is the one that upstream's message names, which is not always the object's own. */
export function checkWorkloadSelector(
  errors: FieldError[],
  { selector, template }: { selector?: LabelSelector; template?: PodTemplateSpec },
  kind: 'daemonset' | 'deployment' | 'statefulset',
): void {
  const path = specPath.child('selector');
  if (selector === undefined) {
    errors.push(required(path));
    return;
  }
  validateLabelSelector(selector, path, errors);
  if (isEmptySelector(selector)) errors.push(invalidValue(path, selector, `empty selector is invalid for ${kind}`));
  checkSelectorMatchesTemplate(errors, specPath.child('template'), selector, template);
}

export function checkCollisionCount(errors: FieldError[], value: number | undefined, old: number | undefined): void {
  const path = statusPath.child('collisionCount');
  checkNonnegative(errors, path, value);
  if (old !== undefined && (value ?? 0) < old) errors.push(invalidValue(path, value ?? 0, 'cannot be decremented'));
}
