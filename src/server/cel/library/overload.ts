import { type CelType, dynType, isPlainKind, listOf, mapOf, optionalOf, plainType } from '../types.ts';
import {
  type CelDuration,
  type CelList,
  type CelMap,
  type CelOptional,
  type CelQuantity,
  type CelTimestamp,
  type CelTypeValue,
  type CelUint,
  type CelValue,
  isList,
  typeNameOf,
} from '../values.ts';
import type { CelCidr, CelIp } from './addresses.ts';
import type { CelFormat } from './named-formats.ts';
import type { CelSemver } from './semver.ts';
import type { CelUrl } from './urls.ts';

/** One way to call a function. */
export interface Overload {
  readonly name: string;
  /** The first parameter stands before the dot. */
  readonly isMethod: boolean;
  readonly params: readonly CelType[];
  readonly result: CelType;
  /** Kinds that the arguments must have while running; `dyn` takes all. */
  readonly kinds: readonly string[];
  /** Throws CelError. */
  call(args: readonly CelValue[]): CelValue;
  /** Units beyond the one of the call itself. */
  cost(args: readonly CelValue[]): number;
}

interface NamedValues {
  bool: boolean;
  int: bigint;
  uint: CelUint;
  double: number;
  string: string;
  bytes: Uint8Array;
  null: null;
  timestamp: CelTimestamp;
  duration: CelDuration;
  type: CelTypeValue;
  quantity: CelQuantity;
  url: CelUrl;
  ip: CelIp;
  cidr: CelCidr;
  semver: CelSemver;
  format: CelFormat;
}

type ValueOf<T> = T extends keyof NamedValues
  ? NamedValues[T]
  : T extends `list<${string}>`
    ? CelList
    : T extends `map<${string}>`
      ? CelMap
      : T extends `optional<${string}>`
        ? CelOptional
        : CelValue;

type ValuesOf<P extends readonly string[]> = { readonly [K in keyof P]: ValueOf<P[K]> };
type Implementation<P extends readonly string[]> = (...args: ValuesOf<P>) => CelValue;
type Cost = (args: readonly CelValue[]) => number;

/** `size(x)`. Types are written `int`, `list<T>`, `map<K,V>`, `optional<T>`, a letter for any one type, or `dyn`. */
export function fn<const P extends readonly string[]>(
  name: string,
  params: P,
  result: string,
  call: Implementation<P>,
  cost: Cost = textCost,
): Overload {
  return overload(name, false, params, result, call, cost);
}

/** `x.size()`: the first parameter is what stands before the dot. */
export function method<const P extends readonly string[]>(
  name: string,
  params: P,
  result: string,
  call: Implementation<P>,
  cost: Cost = textCost,
): Overload {
  return overload(name, true, params, result, call, cost);
}

function overload<P extends readonly string[]>(
  name: string,
  isMethod: boolean,
  params: P,
  result: string,
  call: Implementation<P>,
  cost: Cost,
): Overload {
  const types = params.map(parseType);
  return {
    name,
    isMethod,
    params: types,
    result: parseType(result),
    kinds: types.map(kindOf),
    // The kinds were looked at before the call.
    call: (args) => call(...(args as unknown as ValuesOf<P>)),
    cost,
  };
}

/** Text is read: a tenth of its length. */
export function textCost(args: readonly CelValue[]): number {
  let cost = 0;
  for (const arg of args) if (typeof arg === 'string') cost += Math.ceil(arg.length / 10);
  return cost;
}

/** Every item is looked at. */
export function walkCost(args: readonly CelValue[]): number {
  let cost = textCost(args);
  for (const arg of args) if (arg !== null && isList(arg)) cost += arg.length;
  return cost;
}

/** Whether the arguments are what an overload takes. */
export function accepts({ kinds }: Overload, args: readonly CelValue[]): boolean {
  if (kinds.length !== args.length) return false;
  return kinds.every((kind, index) => kind === 'dyn' || kind === typeNameOf(args[index] ?? null));
}

function kindOf(type: CelType): string {
  if (type.kind === 'parameter') return 'dyn';
  if (type.kind === 'opaque') return type.name;
  return type.kind === 'null' ? 'null_type' : type.kind;
}

export function parseType(text: string): CelType {
  const generic = /^(list|map|optional)<(.*)>$/.exec(text);
  if (generic !== null) {
    const [, kind, inner = ''] = generic;
    if (kind === 'list') return listOf(parseType(inner));
    if (kind === 'optional') return optionalOf(parseType(inner));
    const comma = inner.indexOf(',');
    return mapOf(parseType(inner.slice(0, comma)), parseType(inner.slice(comma + 1).trim()));
  }
  if (text === 'dyn') return dynType;
  if (isPlainKind(text)) return plainType(text);
  return /^[A-Z]$/.test(text) ? { kind: 'parameter', name: text } : { kind: 'opaque', name: text };
}
