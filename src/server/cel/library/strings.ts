import { CelError } from '../errors.ts';
import { goRegExp } from '../go-regexp.ts';
import { type CelList, type CelValue, isList } from '../values.ts';
import { formatText } from './format-text.ts';
import { fn, method, type Overload, textCost } from './overload.ts';

/** Positions count code points. */
function pointsOf(text: string): readonly string[] {
  return Array.from(text);
}

function substring(text: string, from: bigint, to: bigint | undefined): string {
  const points = pointsOf(text);
  const [start, end] = [Number(from), to === undefined ? points.length : Number(to)];
  if (start < 0 || start > points.length) throw new CelError(`index out of range: ${start}`);
  if (end < 0 || end > points.length) throw new CelError(`index out of range: ${end}`);
  if (start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  return points.slice(start, end).join('');
}

function indexOf(text: string, part: string, from: bigint): bigint {
  const points = pointsOf(text);
  const start = Number(from);
  if (start < 0 || start > points.length) throw new CelError(`index out of range: ${start}`);
  const found = points.slice(start).join('').indexOf(part);
  if (found < 0) return -1n;
  return BigInt(start + pointsOf(points.slice(start).join('').slice(0, found)).length);
}

function lastIndexOf(text: string, part: string, from: bigint | undefined): bigint {
  const points = pointsOf(text);
  if (from !== undefined && (from < 0n || from > BigInt(points.length))) {
    throw new CelError(`index out of range: ${from}`);
  }
  const until = from === undefined ? text : points.slice(0, Number(from) + pointsOf(part).length).join('');
  const found = until.lastIndexOf(part);
  return found < 0 ? -1n : BigInt(pointsOf(until.slice(0, found)).length);
}

function replace(text: string, from: string, to: string, limit: bigint): string {
  if (limit === 0n) return text;
  if (limit < 0n) return text.replaceAll(from, () => to);
  let result = '';
  let rest = text;
  for (let left = limit; left > 0n; left--) {
    const at = rest.indexOf(from);
    if (at < 0 || (from === '' && rest === '')) break;
    result += rest.slice(0, at) + to + (from === '' ? (rest[0] ?? '') : '');
    rest = rest.slice(at + (from === '' ? 1 : from.length));
  }
  return result + rest;
}

function split(text: string, by: string, limit: bigint): CelList {
  if (limit === 0n) return [];
  const parts = by === '' ? pointsOf(text) : text.split(by);
  if (limit < 0n || BigInt(parts.length) <= limit) return parts;
  const kept = parts.slice(0, Number(limit) - 1);
  return [...kept, parts.slice(Number(limit) - 1).join(by)];
}

function join(items: CelList, by: string): string {
  return items.map((item) => (typeof item === 'string' ? item : wrongItem())).join(by);
}

function wrongItem(): never {
  throw new CelError('no such overload');
}

function regExp(pattern: string, flags = ''): RegExp {
  try {
    return goRegExp(pattern, flags);
  } catch (error) {
    throw new CelError(`error parsing regexp: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function findAll(text: string, pattern: string, limit: bigint): CelList {
  const found: string[] = [];
  for (const [match] of text.matchAll(regExp(pattern, 'g'))) {
    if (limit >= 0n && BigInt(found.length) >= limit) break;
    found.push(match);
  }
  return found;
}

/** A pattern is run over the whole text. */
function matchCost([text = '', pattern = '']: readonly CelValue[]): number {
  const [length, size] = [typeof text === 'string' ? text.length : 0, typeof pattern === 'string' ? pattern.length : 0];
  return Math.ceil((1 + length) * 0.1) * Math.ceil(size * 0.25);
}

function joinCost(args: readonly CelValue[]): number {
  const [list = null] = args;
  return textCost(args) + (list !== null && isList(list) ? list.length : 0);
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
const asciiUpper = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
const whitespace = /^[\s\u0085\u180e\u200b]+|[\s\u0085\u180e\u200b]+$/g;

export const strings: readonly Overload[] = [
  method('contains', ['string', 'string'], 'bool', (text, part) => text.includes(part)),
  method('startsWith', ['string', 'string'], 'bool', (text, part) => text.startsWith(part)),
  method('endsWith', ['string', 'string'], 'bool', (text, part) => text.endsWith(part)),
  method('matches', ['string', 'string'], 'bool', (text, pattern) => regExp(pattern).test(text), matchCost),
  fn('matches', ['string', 'string'], 'bool', (text, pattern) => regExp(pattern).test(text), matchCost),
  method('find', ['string', 'string'], 'string', (text, pattern) => regExp(pattern).exec(text)?.[0] ?? '', matchCost),
  method('findAll', ['string', 'string'], 'list<string>', (text, pattern) => findAll(text, pattern, -1n), matchCost),
  method('findAll', ['string', 'string', 'int'], 'list<string>', findAll, matchCost),
  method('charAt', ['string', 'int'], 'string', (text, at) => {
    const points = pointsOf(text);
    if (at < 0n || at > BigInt(points.length)) throw new CelError(`index out of range: ${at}`);
    return points[Number(at)] ?? '';
  }),
  method('indexOf', ['string', 'string'], 'int', (text, part) => indexOf(text, part, 0n)),
  method('indexOf', ['string', 'string', 'int'], 'int', indexOf),
  method('lastIndexOf', ['string', 'string'], 'int', (text, part) => lastIndexOf(text, part, undefined)),
  method('lastIndexOf', ['string', 'string', 'int'], 'int', lastIndexOf),
  method('lowerAscii', ['string'], 'string', asciiLower),
  method('upperAscii', ['string'], 'string', asciiUpper),
  method('replace', ['string', 'string', 'string'], 'string', (text, from, to) => replace(text, from, to, -1n)),
  method('replace', ['string', 'string', 'string', 'int'], 'string', replace),
  method('split', ['string', 'string'], 'list<string>', (text, by) => split(text, by, -1n)),
  method('split', ['string', 'string', 'int'], 'list<string>', split),
  method('substring', ['string', 'int'], 'string', (text, from) => substring(text, from, undefined)),
  method('substring', ['string', 'int', 'int'], 'string', substring),
  method('trim', ['string'], 'string', (text) => text.replace(whitespace, '')),
  method('reverse', ['string'], 'string', (text) => [...pointsOf(text)].reverse().join('')),
  method('join', ['list<string>'], 'string', (items) => join(items, ''), joinCost),
  method('join', ['list<string>', 'string'], 'string', join, joinCost),
  method('format', ['string', 'list<dyn>'], 'string', formatText, joinCost),
  fn('strings.quote', ['string'], 'string', (text) => JSON.stringify(text)),
  fn('base64.encode', ['bytes'], 'string', (bytes) => Buffer.from(bytes).toString('base64')),
  fn('base64.decode', ['string'], 'bytes', (text) => Uint8Array.from(Buffer.from(text, 'base64'))),
];
