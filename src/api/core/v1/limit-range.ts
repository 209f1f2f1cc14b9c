import { canonicalQuantity, compareQuantity, isQuantity, parseQuantity } from '../../../machinery/quantity.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import { column, nameColumn } from '../../columns.ts';
import { duplicate, type FieldPath, forbiddenField, invalidValue, required, specPath } from '../../field-errors.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { canonicalizeResources, checkQuantity, type ResourceList } from './resource-list.ts';
import type { LimitRange, LimitRangeItem } from './types.generated.ts';

const lists = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

export const limitRangeResource: ResourceDefinition = defineResource<LimitRange>({
  version: 'v1',
  kind: 'LimitRange',
  resource: 'limitranges',
  shortNames: ['limits'],
  schema: 'core/v1.LimitRange',
  columns: [
    nameColumn,
    column<LimitRange>('Created At', ({ metadata }) => metadata.creationTimestamp ?? '', {
      type: 'date',
      description: 'When it was created',
    }),
  ],
  defaults({ spec }) {
    for (const item of spec?.limits ?? []) {
      for (const list of lists) canonicalizeResources(item[list]);
      if (item.type === 'Container') applyContainerLimits(item);
    }
  },
  validate: validateLimitRange,
  allowCreateOnUpdate: true,
});

/** A limit that is not said is the maximum; a request that is not said is the limit, or the minimum. */
function applyContainerLimits(item: LimitRangeItem): void {
  item.default ??= {};
  item.defaultRequest ??= {};
  fill(item.default, item.max);
  fill(item.defaultRequest, item.default);
  fill(item.defaultRequest, item.min);
}

function fill(list: ResourceList, from: ResourceList | undefined): void {
  for (const name of Object.keys(from ?? {})) {
    const value = from?.[name];
    if (value !== undefined) list[name] ??= value;
  }
}

function validateLimitRange({ spec }: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (spec?.limits ?? []).forEach((item, index) => {
    const path = specPath.at('limits', index);
    if (seen.has(item.type)) errors.push(duplicate(path.child('type'), item.type));
    seen.add(item.type);
    validateItem(item, path, errors);
  });
  return errors;
}

function validateItem(item: LimitRangeItem, path: FieldPath, errors: FieldError[]): void {
  const before = errors.length;
  for (const list of lists) {
    for (const name of Object.keys(item[list] ?? {}))
      checkQuantity(item[list]?.[name], path.child(list).key(name), errors);
  }
  if (errors.length > before) return;
  if (item.type === 'Pod') {
    for (const list of ['default', 'defaultRequest'] as const) {
      if (Object.keys(item[list] ?? {}).length === 0) continue;
      errors.push(forbiddenField(path.child(list), "may not be specified when `type` is 'Pod'"));
    }
  }
  if (item.type === 'PersistentVolumeClaim' && !item.min?.['storage'] && !item.max?.['storage']) {
    const detail = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(required(path.child('limits'), detail));
  }
  const names = new Set(lists.flatMap((list) => Object.keys(item[list] ?? {})));
  for (const name of names) validateOrder(item, name, path, errors);
}

function validateOrder(item: LimitRangeItem, name: string, path: FieldPath, errors: FieldError[]): void {
  const words = { min: 'min', max: 'max', default: 'default', defaultRequest: 'default request' } as const;
  type Side = keyof typeof words;
  const check = (low: Side, high: Side, at: Side): void => {
    const a = item[low]?.[name];
    const b = item[high]?.[name];
    if (!isQuantity(a) || !isQuantity(b) || compareQuantity(parseQuantity(a), parseQuantity(b)) <= 0) return;
    const highWord = low === 'defaultRequest' && high === 'default' ? 'default limit' : words[high];
    const detail = `${words[low]} value ${canonicalQuantity(a)} is greater than ${highWord} value ${canonicalQuantity(b)}`;
    errors.push(invalidValue(path.child(at).key(name), canonicalQuantity(at === low ? a : b), detail));
  };
  check('min', 'max', 'min');
  check('min', 'defaultRequest', 'defaultRequest');
  check('defaultRequest', 'max', 'defaultRequest');
  check('defaultRequest', 'default', 'defaultRequest');
  check('min', 'default', 'default');
  check('default', 'max', 'default');
  const ratio = item.maxLimitRequestRatio?.[name];
  if (isQuantity(ratio) && parseQuantity(ratio).nanos < 1_000_000_000n) {
    const detail = `ratio ${canonicalQuantity(ratio)} is less than 1`;
    errors.push(invalidValue(path.child('maxLimitRequestRatio').key(name), canonicalQuantity(ratio), detail));
  }
}
