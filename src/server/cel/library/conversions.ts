import { CelError } from '../errors.ts';
import { CelMap, CelTypeValue, type CelValue, isList, typeNameOf } from '../values.ts';
import { checkedInt, checkedUint } from './operators.ts';
import { fn, method, type Overload } from './overload.ts';
import {
  formatDuration,
  formatTimestamp,
  nanosPerSecond,
  parseDuration,
  parseTimestamp,
  timestampOf,
} from './time-text.ts';

const celTypeNames: Readonly<Record<string, string>> = {
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  optional: 'optional_type',
  object: 'map',
};

/** Names of types, which stand for themselves in an expression: `type(x) == int`. */
export const typeNames: ReadonlyMap<string, CelTypeValue> = new Map(
  ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type', 'optional_type'].map(
    (name) => [name, new CelTypeValue(name)],
  ),
);

function intOfDouble(value: number, to: 'int' | 'uint'): bigint {
  if (!Number.isFinite(value)) throw new CelError(`${to === 'int' ? 'integer' : 'unsigned integer'} overflow`);
  return BigInt(Math.trunc(value));
}

function intOfText(text: string, type: 'int' | 'uint'): bigint {
  if (!/^[+-]?\d+$/.test(text)) throw new CelError(`type conversion error from 'string' to '${type}'`);
  return BigInt(text.startsWith('+') ? text.slice(1) : text);
}

function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

function codePoints(text: string): bigint {
  let count = 0n;
  for (const _ of text) count++;
  return count;
}

export function formatDoubleText(value: number): string {
  return formatDouble(value);
}

const sizes: readonly [string, (value: CelValue) => bigint][] = [
  ['string', (value) => (typeof value === 'string' ? codePoints(value) : 0n)],
  ['bytes', (value) => (value instanceof Uint8Array ? BigInt(value.length) : 0n)],
  ['list<A>', (value) => (isList(value) ? BigInt(value.length) : 0n)],
  ['map<A,B>', (value) => (value instanceof CelMap ? BigInt(value.entries.size) : 0n)],
];

export const conversions: readonly Overload[] = [
  ...sizes.map(([type, size]) => fn('size', [type], 'int', size)),
  ...sizes.map(([type, size]) => method('size', [type], 'int', size)),
  fn('dyn', ['A'], 'dyn', (value) => value),
  fn('type', ['A'], 'type', (value) => {
    const name = typeNameOf(value);
    return new CelTypeValue(celTypeNames[name] ?? name);
  }),
  fn('bool', ['bool'], 'bool', (value) => value),
  fn('bool', ['string'], 'bool', (text) => {
    if (['1', 't', 'true', 'T', 'TRUE', 'True'].includes(text)) return true;
    if (['0', 'f', 'false', 'F', 'FALSE', 'False'].includes(text)) return false;
    throw new CelError("type conversion error from 'string' to 'bool'");
  }),
  fn('int', ['int'], 'int', (value) => value),
  fn('int', ['uint'], 'int', ({ value }) => checkedInt(value)),
  fn('int', ['double'], 'int', (value) => checkedInt(intOfDouble(value, 'int'))),
  fn('int', ['string'], 'int', (text) => checkedInt(intOfText(text, 'int'))),
  fn(
    'int',
    ['timestamp'],
    'int',
    ({ nanos }) => (nanos - (((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond)) / nanosPerSecond,
  ),
  fn('uint', ['uint'], 'uint', (value) => value),
  fn('uint', ['int'], 'uint', (value) => checkedUint(value)),
  fn('uint', ['double'], 'uint', (value) => checkedUint(intOfDouble(value, 'uint'))),
  fn('uint', ['string'], 'uint', (text) => checkedUint(intOfText(text, 'uint'))),
  fn('double', ['double'], 'double', (value) => value),
  fn('double', ['int'], 'double', (value) => Number(value)),
  fn('double', ['uint'], 'double', ({ value }) => Number(value)),
  fn('double', ['string'], 'double', (text) => {
    const value = /^[+-]?inf(inity)?$/i.test(text) ? Number(`${text[0] === '-' ? '-' : ''}Infinity`) : Number(text);
    if (text.trim() !== text || text === '' || (Number.isNaN(value) && !/^nan$/i.test(text))) {
      throw new CelError("type conversion error from 'string' to 'double'");
    }
    return value;
  }),
  fn('string', ['string'], 'string', (value) => value),
  fn('string', ['bool'], 'string', (value) => String(value)),
  fn('string', ['int'], 'string', (value) => String(value)),
  fn('string', ['uint'], 'string', ({ value }) => String(value)),
  fn('string', ['double'], 'string', (value) => formatDouble(value)),
  fn('string', ['bytes'], 'string', (value) => {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(value);
    } catch (error) {
      throw new CelError(`invalid UTF-8 in bytes, cannot convert to string${error instanceof Error ? '' : '?'}`);
    }
  }),
  fn('string', ['timestamp'], 'string', (value) => formatTimestamp(value)),
  fn('string', ['duration'], 'string', (value) => formatDuration(value)),
  fn('bytes', ['bytes'], 'bytes', (value) => value),
  fn('bytes', ['string'], 'bytes', (text) => Uint8Array.from(Buffer.from(text))),
  fn('timestamp', ['timestamp'], 'timestamp', (value) => value),
  fn('timestamp', ['int'], 'timestamp', (seconds) => timestampOf(seconds * nanosPerSecond) ?? overflow('timestamp')),
  fn(
    'timestamp',
    ['string'],
    'timestamp',
    (text) => parseTimestamp(text) ?? unparsed(text, 'google.protobuf.Timestamp'),
  ),
  fn('duration', ['duration'], 'duration', (value) => value),
  fn('duration', ['int'], 'duration', (seconds) => parseDuration(`${seconds}s`) ?? overflow('duration')),
  fn('duration', ['string'], 'duration', (text) => parseDuration(text) ?? unparsed(text, 'google.protobuf.Duration')),
];

function overflow(what: string): never {
  throw new CelError(`${what} overflow`);
}

function unparsed(_text: string, type: string): never {
  throw new CelError(`type conversion error from 'string' to '${type}'`);
}
