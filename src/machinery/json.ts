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
  return { value, duplicateFields: options.duplicates ? findDuplicates(text) : [] };
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
  for (const key of Object.keys(a)) {
    const value = a[key];
    if (value === undefined) continue;
    present++;
    if (!Object.hasOwn(b, key) || !equal(value, b[key])) return false;
  }
  let others = 0;
  for (const key of Object.keys(b)) if (b[key] !== undefined) others++;
  return present === others;
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
  let at = start + 1;
  for (;;) {
    const char = text.charCodeAt(at);
    if (char === 0x22) return at;
    at += char === 0x5c ? 2 : 1;
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
