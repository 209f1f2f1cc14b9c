import { CelError } from '../errors.ts';
import {
  CelDuration,
  type CelList,
  CelMap,
  CelOptional,
  CelUint,
  type CelValue,
  celCompare,
  celEquals,
  isList,
  noValue,
} from '../values.ts';
import { checkedInt, checkedUint } from './operators.ts';
import { fn, method, type Overload, walkCost } from './overload.ts';
import { durationOf } from './time-text.ts';

const ordered = ['int', 'uint', 'double', 'bool', 'string', 'bytes', 'timestamp', 'duration'] as const;
const summable = ['int', 'uint', 'double', 'duration'] as const;

function isSorted(items: CelList): boolean {
  for (let index = 1; index < items.length; index++) {
    if (celCompare(items[index - 1] ?? null, items[index] ?? null) > 0) return false;
  }
  return true;
}

function extreme(items: CelList, sign: 1 | -1, name: string): CelValue {
  const [first, ...rest] = items;
  if (first === undefined) throw new CelError(`${name} called on empty list`);
  return rest.reduce<CelValue>((best, item) => (celCompare(item, best) * sign > 0 ? item : best), first);
}

function sum(items: CelList, zero: CelValue): CelValue {
  return items.reduce<CelValue>(add, zero);
}

function add(a: CelValue, b: CelValue): CelValue {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checkedInt(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof CelUint && b instanceof CelUint) return checkedUint(a.value + b.value);
  if (a instanceof CelDuration && b instanceof CelDuration) {
    const total = durationOf(a.nanos + b.nanos);
    if (total !== undefined) return total;
  }
  throw new CelError('no such overload');
}

const zeros: Readonly<Record<(typeof summable)[number], CelValue>> = {
  int: 0n,
  uint: new CelUint(0n),
  double: 0,
  duration: new CelDuration(0n),
};

/** Static types tell which `sum` is meant; while running the list itself does. */
function zeroFor(items: CelList, type: (typeof summable)[number]): CelValue {
  const [first] = items;
  if (typeof first === 'number') return 0;
  if (first instanceof CelUint) return zeros.uint;
  return first instanceof CelDuration ? zeros.duration : items.length > 0 ? 0n : zeros[type];
}

function has(list: CelList, item: CelValue): boolean {
  return list.some((other) => celEquals(item, other));
}

function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === '' || value === 0 || value === 0n) return true;
  if (typeof value !== 'object') return false;
  if (isList(value)) return value.length === 0;
  if (value instanceof CelMap) return value.entries.size === 0;
  if (value instanceof CelUint) return value.value === 0n;
  return value instanceof CelDuration && value.nanos === 0n;
}

function flatten(items: CelList, depth: bigint): CelList {
  return items.flatMap((item) => (isList(item) && depth > 0n ? flatten(item, depth - 1n) : [item]));
}

function crossCost([a = null, b = null]: readonly CelValue[]): number {
  const length = (value: CelValue): number => (isList(value) ? value.length : 1);
  return length(a) * length(b);
}

export const collections: readonly Overload[] = [
  ...ordered.flatMap((type) => [
    method('isSorted', [`list<${type}>`], 'bool', (items) => isSorted(items), walkCost),
    method('min', [`list<${type}>`], type, (items) => extreme(items, -1, 'min'), walkCost),
    method('max', [`list<${type}>`], type, (items) => extreme(items, 1, 'max'), walkCost),
    method('sort', [`list<${type}>`], `list<${type}>`, (items) => [...items].sort(celCompare), walkCost),
  ]),
  ...summable.map((type) =>
    method('sum', [`list<${type}>`], type, (items) => sum(items, zeroFor(items, type)), walkCost),
  ),
  method(
    'indexOf',
    ['list<A>', 'A'],
    'int',
    (items, item) => BigInt(items.findIndex((other) => celEquals(item, other))),
    walkCost,
  ),
  method(
    'lastIndexOf',
    ['list<A>', 'A'],
    'int',
    (items, item) => BigInt(items.findLastIndex((other) => celEquals(item, other))),
    walkCost,
  ),
  method(
    'slice',
    ['list<A>', 'int', 'int'],
    'list<A>',
    (items, from, to) => {
      if (from < 0n || to > BigInt(items.length) || from > to)
        throw new CelError(`cannot slice(${from}, ${to}), list is length ${items.length}`);
      return items.slice(Number(from), Number(to));
    },
    walkCost,
  ),
  method('flatten', ['list<dyn>'], 'list<dyn>', (items) => flatten(items, 1n), walkCost),
  method('flatten', ['list<dyn>', 'int'], 'list<dyn>', (items, depth) => flatten(items, depth), walkCost),
  method('reverse', ['list<A>'], 'list<A>', (items) => [...items].reverse(), walkCost),
  method(
    'distinct',
    ['list<A>'],
    'list<A>',
    (items) => items.filter((item, at) => items.findIndex((other) => celEquals(item, other)) === at),
    ([items = null]) => crossCost([items, items]),
  ),
  fn('sets.contains', ['list<A>', 'list<A>'], 'bool', (all, some) => some.every((item) => has(all, item)), crossCost),
  fn(
    'sets.equivalent',
    ['list<A>', 'list<A>'],
    'bool',
    (a, b) => a.every((item) => has(b, item)) && b.every((item) => has(a, item)),
    crossCost,
  ),
  fn('sets.intersects', ['list<A>', 'list<A>'], 'bool', (a, b) => a.some((item) => has(b, item)), crossCost),
  fn('optional.of', ['A'], 'optional<A>', (value) => new CelOptional(value)),
  fn('optional.none', [], 'optional<A>', () => noValue),
  fn('optional.ofNonZeroValue', ['A'], 'optional<A>', (value) => (isZero(value) ? noValue : new CelOptional(value))),
  method('hasValue', ['optional<A>'], 'bool', ({ value }) => value !== undefined),
  method('value', ['optional<A>'], 'A', ({ value }) => {
    if (value === undefined) throw new CelError('optional.none() dereference');
    return value;
  }),
  method('or', ['optional<A>', 'optional<A>'], 'optional<A>', (first, second) =>
    first.value === undefined ? second : first,
  ),
  method('orValue', ['optional<A>', 'A'], 'A', ({ value }, other) => value ?? other),
];
