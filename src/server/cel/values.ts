import type { Quantity } from '../../machinery/quantity.ts';
import { CelError } from './errors.ts';
import type { ObjectType } from './types.ts';

/** Values while an expression runs. Integers are bigints, doubles are numbers. */
export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | CelUint
  | CelList
  | CelMap
  | CelObject
  | CelTimestamp
  | CelDuration
  | CelOptional
  | CelTypeValue
  | CelOpaque;

export type CelList = readonly CelValue[];

export class CelUint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** A list whose schema says that the order does not matter, or that items have keys. */
export class KeyedList extends Array<CelValue> {
  listType: 'set' | 'map' = 'set';
  listKeys: readonly string[] = [];

  // Methods of Array make plain lists: what comes out of them has no schema.
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** Keys are strings, bools and bigints; an unsigned or a whole double key is the same key as the integer. */
export class CelMap {
  readonly entries: ReadonlyMap<string | boolean | bigint, CelValue>;

  constructor(entries: ReadonlyMap<string | boolean | bigint, CelValue>) {
    this.entries = entries;
  }

  get(key: CelValue): CelValue | undefined {
    const normal = mapKey(key);
    return normal === undefined ? undefined : this.entries.get(normal);
  }
}

/** What stands for a value as the key of a map; undefined: such a value cannot be one. */
export function mapKey(key: CelValue): string | boolean | bigint | undefined {
  if (typeof key === 'string' || typeof key === 'boolean' || typeof key === 'bigint') return key;
  if (key instanceof CelUint) return key.value;
  return typeof key === 'number' && Number.isInteger(key) ? BigInt(key) : undefined;
}

/** An object of a schema: its fields are read when an expression asks for them. */
export abstract class CelObject {
  abstract readonly type: ObjectType;
  abstract get(field: string): CelValue | undefined;
  abstract has(field: string): boolean;
  /** The names of the fields that are there. */
  abstract fields(): readonly string[];
}

export class CelTimestamp {
  /** Nanoseconds since the epoch. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class CelDuration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class CelOptional {
  readonly value: CelValue | undefined;

  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

export const noValue = new CelOptional(undefined);

export class CelTypeValue {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A value of one of the libraries (`quantity`, `url`): looked into by its functions only. */
export abstract class CelOpaque {
  abstract readonly typeName: string;
  abstract equals(other: CelOpaque): boolean;
}

export class CelQuantity extends CelOpaque {
  readonly typeName = 'quantity';
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CelQuantity && other.quantity.nanos === this.quantity.nanos;
  }
}

export function isList(value: CelValue): value is CelList {
  return Array.isArray(value);
}

/** The name of a value's type, as `type(x)` and overloads know it. */
export function typeNameOf(value: CelValue): string {
  if (value === null) return 'null_type';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
  }
  if (isList(value)) return 'list';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof CelUint) return 'uint';
  if (value instanceof CelMap) return 'map';
  if (value instanceof CelTimestamp) return 'timestamp';
  if (value instanceof CelDuration) return 'duration';
  if (value instanceof CelOptional) return 'optional';
  if (value instanceof CelTypeValue) return 'type';
  return value instanceof CelObject ? 'object' : (value as CelOpaque).typeName;
}

/** Equality of the language: numbers by value whatever their type, values of different types are not equal. */
export function celEquals(a: CelValue, b: CelValue): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  const numbers = numericPair(a, b);
  if (numbers !== undefined) return compareNumbers(numbers) === 0;
  if (isList(a)) return isList(b) && equalLists(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof CelMap && b instanceof CelMap) return equalMaps(a, b);
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanos === b.nanos;
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos;
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.name === b.name;
  if (a instanceof CelOptional) {
    if (!(b instanceof CelOptional) || a.value === undefined) return b instanceof CelOptional && b.value === undefined;
    return b.value !== undefined && celEquals(a.value, b.value);
  }
  if (a instanceof CelOpaque) return b instanceof CelOpaque && a.equals(b);
  return equalObjects(a, b);
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.length !== b.length) return false;
  if (!(a instanceof KeyedList)) return a.every((item, index) => celEquals(item, b[index] ?? null));
  // The order does not count: each item has its own partner.
  const left = [...b];
  return a.every((item) => {
    const at = left.findIndex((other) => celEquals(item, other));
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.entries.size !== b.entries.size) return false;
  for (const [key, value] of a.entries) {
    const other = b.entries.get(key);
    if (other === undefined || !celEquals(value, other)) return false;
  }
  return true;
}

/** An object equals an object, or a map, with the same fields. */
function equalObjects(a: CelValue, b: CelValue): boolean {
  const [left, right] = [fieldsOf(a), fieldsOf(b)];
  if (left === undefined || right === undefined) return false;
  const names = left.names();
  if (names.length !== right.names().length) return false;
  return names.every((name) => {
    const [mine, other] = [left.get(name), right.get(name)];
    return mine !== undefined && other !== undefined && celEquals(mine, other);
  });
}

function fieldsOf(
  value: CelValue,
): { names(): readonly string[]; get(name: string): CelValue | undefined } | undefined {
  if (value instanceof CelObject) return { names: () => value.fields(), get: (name) => value.get(name) };
  if (!(value instanceof CelMap)) return undefined;
  return { names: () => [...value.entries.keys()].map(String), get: (name) => value.entries.get(name) };
}

type NumberPair = readonly [bigint | number, bigint | number];

export function numericPair(a: CelValue, b: CelValue): NumberPair | undefined {
  const [left, right] = [numberOf(a), numberOf(b)];
  return left === undefined || right === undefined ? undefined : [left, right];
}

function numberOf(value: CelValue): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof CelUint ? value.value : undefined;
}

/** NaN: not comparable. Integers and doubles compare by value. */
export function compareNumbers([a, b]: NumberPair): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.NaN;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Order of two values of one ordered type. Throws `no such overload`. */
export function celCompare(a: CelValue, b: CelValue): number {
  const numbers = numericPair(a, b);
  if (numbers !== undefined) return compareNumbers(numbers);
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  const isTime = a instanceof CelTimestamp && b instanceof CelTimestamp;
  const isDuration = a instanceof CelDuration && b instanceof CelDuration;
  if (isTime || isDuration) return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
  throw new CelError('no such overload');
}

/** By code point, as Go compares UTF-8. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
