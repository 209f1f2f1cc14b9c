/** A JSON object whose fields are not known to the code that holds it. */
export type JsonObject = { [field: string]: unknown };

export interface ParsedJson {
  readonly value: unknown;
  /** Paths (`spec.containers[0].image`) of fields that stood twice in one object; the last one won. */
  readonly duplicateFields: string[];
}

/** Throws SyntaxError. Looking for duplicates costs a second scan of the text. */
export function parseJson(source: string | Uint8Array, options: { readonly duplicates: boolean }): ParsedJson {
  const text =
    typeof source === 'string' ? source : Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString();
  const value: unknown = JSON.parse(text);
  if (text.length > depthMax && isDeeperThan(value, depthMax)) throw new SyntaxError('exceeded max depth');
  // Every name in the text is a field of the value, unless one stood twice: only then is it worth looking which.
  const repeats = options.duplicates && countNames(text) !== countFields(value);
  return { value, duplicateFields: repeats ? findDuplicates(text) : [] };
}

/**
 * How deep lists and objects may lie in each other: far more than any API type needs, and far less than the stack of
 * whoever walks the value later.
 */
export const depthMax = 500;

export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => typeof item === 'object' && isDeeperThan(item, levels - 1));
  const object = value as JsonObject;
  for (const name in object) {
    const member = object[name];
    if (typeof member === 'object' && isDeeperThan(member, levels - 1)) return true;
  }
  return false;
}

/** How many colons stand outside strings: in valid JSON, one a name. */
function countNames(text: string): number {
  let names = 0;
  const { length } = text;
  for (let at = 0; at < length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x3a) names++;
    else if (char === 0x22) {
      for (at++; ; at++) {
        const inside = text.charCodeAt(at);
        if (inside === 0x22) break;
        if (inside === 0x5c) at++;
      }
    }
  }
  return names;
}

function countFields(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let fields = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') fields += countFields(item);
    return fields;
  }
  const object = value as JsonObject;
  for (const name in object) {
    fields++;
    const member = object[name];
    if (typeof member === 'object') fields += countFields(member);
  }
  return fields;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A deep copy of JSON. */
export function clone<T>(value: T): T {
  return cloneValue(value) as T;
}

function cloneValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const copy = new Array<unknown>(value.length);
    for (let index = 0; index < value.length; index++) copy[index] = cloneValue(value[index]);
    return copy;
  }
  const copy: JsonObject = {};
  const source = value as JsonObject;
  for (const key of Object.keys(source)) {
    if (key === '__proto__') defineOwn(copy, key, cloneValue(source[key]));
    else copy[key] = cloneValue(source[key]);
  }
  return copy;
}

/** JSON.parse makes `__proto__` an own field; a plain assignment would lose it. */
function defineOwn(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Deep equality of JSON. A field that is undefined counts as absent, as it will be once written. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) if (!equal(a[index], b[index])) return false;
    return true;
  }
  return !Array.isArray(b) && equalObjects(a as JsonObject, b as JsonObject);
}

function equalObjects(a: JsonObject, b: JsonObject): boolean {
  let present = 0;
  for (const key in a) {
    const value = a[key];
    if (value === undefined) continue;
    present++;
    const other = b[key];
    if (value !== other && (typeof value !== 'object' || !equal(value, other))) return false;
    // The one name that reads as an object where it is absent.
    if (key === '__proto__' && !Object.hasOwn(b, key)) return false;
  }
  for (const key in b) if (b[key] !== undefined) present--;
  return present === 0;
}

/** One open object or list while the text is walked. */
interface Frame {
  /** Names seen so far; absent for a list. */
  readonly seen?: Set<string>;
  name: string;
  index: number;
}

/** The text is known to be valid JSON. */
function findDuplicates(text: string): string[] {
  const duplicates = new Set<string>();
  const frames: Frame[] = [];
  let expectName = false;
  for (let at = 0; at < text.length; at++) {
    const top = frames[frames.length - 1];
    switch (text.charCodeAt(at)) {
      case 0x7b: // {
        frames.push({ seen: new Set(), name: '', index: 0 });
        expectName = true;
        break;
      case 0x5b: // [
        frames.push({ name: '', index: 0 });
        expectName = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        frames.pop();
        expectName = false;
        break;
      case 0x2c: // ,
        if (top?.seen === undefined) {
          if (top !== undefined) top.index++;
        } else expectName = true;
        break;
      case 0x22: {
        const end = endOfString(text, at);
        if (expectName && top?.seen !== undefined) {
          top.name = JSON.parse(text.slice(at, end + 1)) as string;
          if (top.seen.has(top.name)) duplicates.add(pathOf(frames));
          top.seen.add(top.name);
          expectName = false;
        }
        at = end;
        break;
      }
    }
  }
  return [...duplicates];
}

function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
}

function pathOf(frames: readonly Frame[]): string {
  let path = '';
  for (const { seen, name, index } of frames) {
    if (seen === undefined) path += `[${index}]`;
    else path += path === '' ? name : `.${name}`;
  }
  return path;
}
