import { CelError } from '../errors.ts';
import { int64Max, int64Min, uint64Max } from '../lexer.ts';
import {
  type CelDuration,
  type CelList,
  CelMap,
  type CelTimestamp,
  CelUint,
  type CelValue,
  celCompare,
  celEquals,
  isList,
  KeyedList,
  mapKey,
} from '../values.ts';
import { fn, type Overload, textCost } from './overload.ts';
import { durationOf, timestampOf } from './time-text.ts';

export function checkedInt(value: bigint): bigint {
  if (value > int64Max || value < int64Min) throw new CelError('integer overflow');
  return value;
}

export function checkedUint(value: bigint): CelUint {
  if (value > uint64Max || value < 0n) throw new CelError('unsigned integer overflow');
  return new CelUint(value);
}

function nonZero(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelError(what);
  return value;
}

function checkedTime(nanos: bigint): CelTimestamp {
  const time = timestampOf(nanos);
  if (time === undefined) throw new CelError('timestamp overflow');
  return time;
}

function checkedDuration(nanos: bigint): CelDuration {
  const duration = durationOf(nanos);
  if (duration === undefined) throw new CelError('duration overflow');
  return duration;
}

/** Two equal things of unlike size are told apart at once; otherwise the smaller one is read. */
function equalityCost([a = null, b = null]: readonly CelValue[]): number {
  return Math.min(sizeOf(a), sizeOf(b));
}

function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return Math.ceil(value.length / 10);
  if (value === null || typeof value !== 'object') return 1;
  if (isList(value)) return value.length;
  return value instanceof CelMap ? value.entries.size : 1;
}

const comparable = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration'] as const;
const numeric = ['int', 'uint', 'double'] as const;

function orderings(): Overload[] {
  const tests: readonly [string, (order: number) => boolean][] = [
    ['_<_', (order) => order < 0],
    ['_<=_', (order) => order <= 0],
    ['_>_', (order) => order > 0],
    ['_>=_', (order) => order >= 0],
  ];
  const compare = (name: string, test: (order: number) => boolean, left: string, right: string): Overload =>
    fn(name, [left, right], 'bool', (a, b) => test(celCompare(a, b)));
  return tests.flatMap(([name, test]) => [
    ...comparable.map((type) => compare(name, test, type, type)),
    // Numbers of different types compare by value.
    ...numeric.flatMap((left) =>
      numeric.filter((right) => right !== left).map((right) => compare(name, test, left, right)),
    ),
  ]);
}

/** `+` on lists: a set keeps one of each, a list with keys keeps its order and takes the other's items over. */
function addLists(a: CelList, b: CelList): CelList {
  if (!(a instanceof KeyedList)) return [...a, ...b];
  const result = KeyedList.from(a) as KeyedList;
  result.listType = a.listType;
  result.listKeys = a.listKeys;
  for (const item of b) {
    const at = result.findIndex((mine) =>
      a.listType === 'set' ? celEquals(mine, item) : a.listKeys.every((key) => sameField(mine, item, key)),
    );
    if (at < 0) result.push(item);
    else if (a.listType === 'map') result[at] = item;
  }
  return result;
}

function sameField(a: CelValue, b: CelValue, field: string): boolean {
  return celEquals(fieldOf(a, field), fieldOf(b, field));
}

function fieldOf(value: CelValue, field: string): CelValue {
  if (value === null || typeof value !== 'object' || !('get' in value)) return null;
  return value.get(field) ?? null;
}

export const operators: readonly Overload[] = [
  fn('_==_', ['A', 'A'], 'bool', (a, b) => celEquals(a, b), equalityCost),
  fn('_!=_', ['A', 'A'], 'bool', (a, b) => !celEquals(a, b), equalityCost),
  ...orderings(),
  fn(
    '@in',
    ['A', 'list<A>'],
    'bool',
    (item, list) => list.some((other) => celEquals(item, other)),
    ([, list = null]) => sizeOf(list),
  ),
  fn('@in', ['A', 'map<A,B>'], 'bool', (key, map) => {
    const normal = mapKey(key);
    return normal !== undefined && map.entries.has(normal);
  }),
  fn('_+_', ['int', 'int'], 'int', (a, b) => checkedInt(a + b)),
  fn('_+_', ['uint', 'uint'], 'uint', (a, b) => checkedUint(a.value + b.value)),
  fn('_+_', ['double', 'double'], 'double', (a, b) => a + b),
  fn('_+_', ['string', 'string'], 'string', (a, b) => a + b),
  fn('_+_', ['bytes', 'bytes'], 'bytes', (a, b) => Uint8Array.from([...a, ...b])),
  fn(
    '_+_',
    ['list<A>', 'list<A>'],
    'list<A>',
    (a, b) => addLists(a, b),
    ([a = null, b = null]) => sizeOf(a) + sizeOf(b),
  ),
  fn('_+_', ['timestamp', 'duration'], 'timestamp', (a, b) => checkedTime(a.nanos + b.nanos)),
  fn('_+_', ['duration', 'timestamp'], 'timestamp', (a, b) => checkedTime(a.nanos + b.nanos)),
  fn('_+_', ['duration', 'duration'], 'duration', (a, b) => checkedDuration(a.nanos + b.nanos)),
  fn('_-_', ['int', 'int'], 'int', (a, b) => checkedInt(a - b)),
  fn('_-_', ['uint', 'uint'], 'uint', (a, b) => checkedUint(a.value - b.value)),
  fn('_-_', ['double', 'double'], 'double', (a, b) => a - b),
  fn('_-_', ['timestamp', 'timestamp'], 'duration', (a, b) => checkedDuration(a.nanos - b.nanos)),
  fn('_-_', ['timestamp', 'duration'], 'timestamp', (a, b) => checkedTime(a.nanos - b.nanos)),
  fn('_-_', ['duration', 'duration'], 'duration', (a, b) => checkedDuration(a.nanos - b.nanos)),
  fn('_*_', ['int', 'int'], 'int', (a, b) => checkedInt(a * b)),
  fn('_*_', ['uint', 'uint'], 'uint', (a, b) => checkedUint(a.value * b.value)),
  fn('_*_', ['double', 'double'], 'double', (a, b) => a * b),
  fn('_/_', ['int', 'int'], 'int', (a, b) => checkedInt(a / nonZero(b, 'division by zero'))),
  fn('_/_', ['uint', 'uint'], 'uint', (a, b) => checkedUint(a.value / nonZero(b.value, 'division by zero'))),
  fn('_/_', ['double', 'double'], 'double', (a, b) => a / b),
  fn('_%_', ['int', 'int'], 'int', (a, b) => checkedInt(a % nonZero(b, 'modulus by zero'))),
  fn('_%_', ['uint', 'uint'], 'uint', (a, b) => checkedUint(a.value % nonZero(b.value, 'modulus by zero'))),
  fn('-_', ['int'], 'int', (a) => checkedInt(-a)),
  fn('-_', ['double'], 'double', (a) => -a),
  fn('-_', ['duration'], 'duration', (a) => checkedDuration(-a.nanos)),
  fn('!_', ['bool'], 'bool', (a) => !a, textCost),
];
