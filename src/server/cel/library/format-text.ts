import { CelError } from '../errors.ts';
import {
  CelDuration,
  type CelList,
  CelMap,
  CelObject,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  type CelValue,
  isList,
} from '../values.ts';
import { formatDoubleText } from './conversions.ts';
import { formatDuration, formatTimestamp } from './time-text.ts';

/** `"%s is %d".format([a, b])`, with the clauses s, d, f, e, b, o, x and X. */
export function formatText(template: string, args: CelList): string {
  let next = 0;
  return template.replace(
    /%(?:(%)|(?:\.(\d+))?([a-zA-Z])|$)/g,
    (whole, percent?: string, digits?: string, clause?: string) => {
      if (percent !== undefined) return '%';
      if (clause === undefined) throw new CelError('unexpected end of string');
      const value = args[next++];
      if (value === undefined) throw new CelError(`index ${next - 1} out of range`);
      return formatClause(clause, digits === undefined ? 6 : Number(digits), value, whole);
    },
  );
}

function formatClause(clause: string, digits: number, value: CelValue, whole: string): string {
  switch (clause) {
    case 's':
      return textOf(value);
    case 'd':
      return textOf(value);
    case 'f':
      return numberOf(value, whole).toFixed(digits);
    case 'e':
      return numberOf(value, whole)
        .toExponential(digits)
        .replace(/e([+-])(\d)$/, 'e$10$2');
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : integerOf(value, whole).toString(2);
    case 'o':
      return integerOf(value, whole).toString(8);
    case 'x':
    case 'X': {
      const text =
        typeof value === 'string' || value instanceof Uint8Array
          ? Buffer.from(value as string).toString('hex')
          : integerOf(value, whole).toString(16);
      return clause === 'x' ? text : text.toUpperCase();
    }
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${clause}"`);
  }
}

function numberOf(value: CelValue, clause: string): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  throw new CelError(`error during formatting: ${clause} needs a number`);
}

function integerOf(value: CelValue, clause: string): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof CelUint) return value.value;
  throw new CelError(`error during formatting: ${clause} needs an integer`);
}

/** Lists and maps are written with their items, maps in the order of their keys. */
export function textOf(value: CelValue): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatDoubleText(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof CelUint) return String(value.value);
  if (isList(value)) return `[${value.map(textOf).join(', ')}]`;
  if (value instanceof CelTimestamp) return formatTimestamp(value);
  if (value instanceof CelDuration) return formatDuration(value);
  if (value instanceof CelTypeValue) return value.name;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  const entries: [string, CelValue][] =
    value instanceof CelMap
      ? [...value.entries].map(([key, member]) => [String(key), member])
      : value instanceof CelObject
        ? value.fields().map((name) => [name, value.get(name) ?? null])
        : [];
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${key}: ${textOf(member)}`)
    .join(', ')}}`;
}
