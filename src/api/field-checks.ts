import { percentOf } from '../machinery/intstr.ts';
import { equal } from '../machinery/json.ts';
import type { LabelSelector } from '../machinery/meta-types.generated.ts';
import { isValidPercent, type Problems } from '../machinery/names.ts';
import type { FieldError } from '../machinery/status-error.ts';
import { type FieldPath, invalidEach, invalidValue, notSupported, required } from './field-errors.ts';

/**
 * Checks of single fields that many kinds share, in the words of k8s.io/apimachinery's and the core group's validation.
 * Each adds to `errors` and leaves an absent value alone, unless its name says otherwise.
 */

export const negativeDetail = 'must be greater than or equal to 0';
export const immutableDetail = 'field is immutable';

export function checkNonnegative(errors: FieldError[], path: FieldPath, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(invalidValue(path, value, negativeDetail));
}

export function checkImmutable(errors: FieldError[], path: FieldPath, value: unknown, old: unknown): void {
  if (!equal(value, old)) errors.push(invalidValue(path, value ?? null, immutableDetail));
}

/** An absent value is an error too: `Required value` when empty, `Unsupported value` when another. */
export function checkRequiredChoice(
  errors: FieldError[],
  path: FieldPath,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (value === undefined || value === '') errors.push(required(path));
  else checkChoice(errors, path, value, supported);
}

export function checkChoice(
  errors: FieldError[],
  path: FieldPath,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (value !== undefined && !supported.includes(value)) errors.push(notSupported(path, value, [...supported].sort()));
}

/** Runs one of `machinery/names.ts` over a value that is there. */
export function checkText(
  errors: FieldError[],
  path: FieldPath,
  value: string | undefined,
  check: (value: string) => Problems,
): void {
  if (value !== undefined) invalidEach(errors, path, value, check(value));
}

export function checkIntOrPercent(errors: FieldError[], path: FieldPath, value: number | string | undefined): void {
  if (typeof value === 'string') invalidEach(errors, path, value, isValidPercent(value));
  else checkNonnegative(errors, path, value);
}

export function checkAtMost100Percent(errors: FieldError[], path: FieldPath, value: number | string | undefined): void {
  if (value === undefined) return;
  const percent = percentOf(value);
  if (percent !== undefined && percent > 100) errors.push(invalidValue(path, value, 'must not be greater than 100%'));
}

/** The number, or the number before `%`; 0 for what is neither. */
export function intOrPercentNumber(value: number | string | undefined): number {
  if (typeof value === 'number') return value;
  return value === undefined ? 0 : (percentOf(value) ?? 0);
}

export function isEmptySelector(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0) === 0;
}

/** The common rules of the counters in a status: none negative, `part` not above its `whole`. */
export function checkCounters(
  errors: FieldError[],
  path: FieldPath,
  counters: Readonly<Record<string, number | undefined>>,
  bounds: readonly (readonly [part: string, whole: string])[],
): void {
  for (const [name, value] of Object.entries(counters)) checkNonnegative(errors, path.child(name), value);
  for (const [part, whole] of bounds) {
    const value = counters[part] ?? 0;
    if (value > (counters[whole] ?? 0)) {
      const name = whole === 'replicas' ? 'status.replicas' : whole;
      errors.push(invalidValue(path.child(part), value, `cannot be greater than ${name}`));
    }
  }
}
