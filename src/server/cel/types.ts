/** Static types of expressions. `dyn` is what cannot be known before it runs. */
export type CelType =
  | {
      readonly kind: PlainKind /** Of a string: the most characters it can have, as far as known. */;
      readonly max?: number;
    }
  | {
      readonly kind: 'list';
      readonly element: CelType;
      readonly listType?: 'set' | 'map';
      readonly listKeys?: readonly string[];
      readonly max?: number;
    }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType; readonly max?: number }
  | ObjectType
  | { readonly kind: 'optional'; readonly of: CelType }
  /** `quantity`, `url`: values that only their own functions look into. */
  | { readonly kind: 'opaque'; readonly name: string }
  /** A letter in a signature that stands for one type. */
  | { readonly kind: 'parameter'; readonly name: string };

export type PlainKind =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'duration'
  | 'type';

export interface ObjectType {
  readonly kind: 'object';
  /** How messages call it; `object` for one of a schema. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, CelType>;
}

const plain: Readonly<Record<PlainKind, CelType>> = {
  dyn: { kind: 'dyn' },
  null: { kind: 'null' },
  bool: { kind: 'bool' },
  int: { kind: 'int' },
  uint: { kind: 'uint' },
  double: { kind: 'double' },
  string: { kind: 'string' },
  bytes: { kind: 'bytes' },
  timestamp: { kind: 'timestamp' },
  duration: { kind: 'duration' },
  type: { kind: 'type' },
};

export const dynType = plain.dyn;
export const nullType = plain.null;
export const boolType = plain.bool;
export const intType = plain.int;
export const uintType = plain.uint;
export const doubleType = plain.double;
export const stringType = plain.string;
export const bytesType = plain.bytes;
export const timestampType = plain.timestamp;
export const durationType = plain.duration;

export function plainType(kind: PlainKind): CelType {
  return plain[kind];
}

export function isPlainKind(kind: string): kind is PlainKind {
  return Object.hasOwn(plain, kind);
}

export function listOf(element: CelType): CelType {
  return { kind: 'list', element };
}

export function mapOf(key: CelType, value: CelType): CelType {
  return { kind: 'map', key, value };
}

export function optionalOf(of: CelType): CelType {
  return { kind: 'optional', of };
}

/** As upstream's compiler writes types: `list(int)`, `map(string, dyn)`, `google.protobuf.Timestamp`. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case 'optional':
      return `optional_type(${formatType(type.of)})`;
    case 'object':
    case 'parameter':
      return type.name;
    case 'opaque':
      return opaqueNames[type.name] ?? type.name;
    case 'timestamp':
      return 'timestamp';
    case 'duration':
      return 'duration';
    default:
      return type.kind;
  }
}

const opaqueNames: Readonly<Record<string, string>> = {
  quantity: 'kubernetes.Quantity',
  url: 'kubernetes.URL',
  ip: 'net.IP',
  cidr: 'net.CIDR',
  format: 'kubernetes.NamedFormat',
  semver: 'kubernetes.Semver',
};

/**
 * Whether a value of type `actual` may stand where `wanted` is asked for. Letters in `wanted` are bound as they are met,
 * and must then be the same everywhere.
 */
export function isAssignable(actual: CelType, wanted: CelType, bound: Map<string, CelType>): boolean {
  if (wanted.kind === 'parameter') {
    const before = bound.get(wanted.name);
    if (before === undefined || before.kind === 'dyn') {
      bound.set(wanted.name, actual);
      return true;
    }
    return isAssignable(actual, before, bound) || isAssignable(before, actual, bound);
  }
  if (actual.kind === 'dyn' || wanted.kind === 'dyn') return true;
  // An object or a wrapped value may be null.
  if (actual.kind === 'null')
    return !['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map'].includes(wanted.kind);
  if (wanted.kind === 'null') return isAssignable(wanted, actual, bound);
  if (actual.kind === 'list' && wanted.kind === 'list') return isAssignable(actual.element, wanted.element, bound);
  if (actual.kind === 'map' && wanted.kind === 'map') {
    return isAssignable(actual.key, wanted.key, bound) && isAssignable(actual.value, wanted.value, bound);
  }
  if (actual.kind === 'optional' && wanted.kind === 'optional') return isAssignable(actual.of, wanted.of, bound);
  if (actual.kind === 'object' && wanted.kind === 'object') return isSameObject(actual, wanted);
  if (actual.kind === 'opaque' && wanted.kind === 'opaque') return actual.name === wanted.name;
  return actual.kind === wanted.kind;
}

function isSameObject(a: ObjectType, b: ObjectType): boolean {
  return a === b || (a.name === b.name && a.fields.size === b.fields.size);
}

/** Puts the bound types in for the letters; what was not bound is dyn. */
export function substitute(type: CelType, bound: ReadonlyMap<string, CelType>): CelType {
  switch (type.kind) {
    case 'parameter':
      return bound.get(type.name) ?? dynType;
    case 'list':
      return listOf(substitute(type.element, bound));
    case 'map':
      return mapOf(substitute(type.key, bound), substitute(type.value, bound));
    case 'optional':
      return optionalOf(substitute(type.of, bound));
    default:
      return type;
  }
}

/** The type of what may be either: the same, or dyn. */
export function joined(a: CelType, b: CelType): CelType {
  if (a.kind === 'dyn' || b.kind === 'dyn') return dynType;
  if (a.kind === 'null') return b;
  if (b.kind === 'null') return a;
  return isAssignable(a, b, new Map()) && isAssignable(b, a, new Map()) ? a : dynType;
}
