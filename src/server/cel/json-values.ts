import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { parseDuration, parseTimestamp } from './library/time-text.ts';
import { type CelType, dynType, type ObjectType } from './types.ts';
import {
  CelDuration,
  CelMap,
  CelObject,
  CelOptional,
  CelQuantity,
  CelTimestamp,
  CelUint,
  type CelValue,
  isList,
  KeyedList,
} from './values.ts';

/** Reads JSON as a value of the type that its schema gives it. What does not fit comes as what it is. */
export function fromJson(value: unknown, type: CelType): CelValue {
  if (value === null || value === undefined) return null;
  switch (type.kind) {
    case 'int':
      return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : untyped(value);
    case 'double':
      return typeof value === 'number' ? value : untyped(value);
    case 'timestamp':
      return (typeof value === 'string' ? parseTimestamp(value) : undefined) ?? untyped(value);
    case 'duration':
      return (typeof value === 'string' ? parseDuration(value) : undefined) ?? untyped(value);
    case 'bytes':
      return typeof value === 'string' ? Uint8Array.from(Buffer.from(value, 'base64')) : untyped(value);
    case 'list':
      return Array.isArray(value) ? listFromJson(value, type) : untyped(value);
    case 'map':
      return isJsonObject(value) ? mapFromJson(value, type.value) : untyped(value);
    case 'object':
      return isJsonObject(value) ? new JsonFields(value, type) : untyped(value);
    default:
      return untyped(value);
  }
}

function listFromJson(items: readonly unknown[], type: Extract<CelType, { kind: 'list' }>): CelValue {
  const values = items.map((item) => fromJson(item, type.element));
  if (type.listType === undefined) return values;
  const list = KeyedList.from(values) as KeyedList;
  list.listType = type.listType;
  list.listKeys = type.listKeys ?? [];
  return list;
}

function mapFromJson(value: JsonObject, type: CelType): CelMap {
  return new CelMap(new Map(Object.entries(value).map(([key, member]) => [key, fromJson(member, type)])));
}

function untyped(value: unknown): CelValue {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => untyped(item ?? null));
  return isJsonObject(value) ? mapFromJson(value, dynType) : null;
}

/** A JSON object by its schema. Fields that are null count as not there, unless they may be null. */
class JsonFields extends CelObject {
  readonly type: ObjectType;
  readonly #json: JsonObject;
  /** Fields read so far: a rule may read one for every item of another. */
  readonly #read = new Map<string, CelValue>();

  constructor(json: JsonObject, type: ObjectType) {
    super();
    this.#json = json;
    this.type = type;
  }

  get(field: string): CelValue | undefined {
    const known = this.#read.get(field);
    if (known !== undefined) return known;
    const type = this.type.fields.get(field);
    const value = this.#json[field];
    if (type === undefined || value === undefined) return undefined;
    const read = fromJson(value, type);
    this.#read.set(field, read);
    return read;
  }

  has(field: string): boolean {
    return this.type.fields.has(field) && Object.hasOwn(this.#json, field) && this.#json[field] !== undefined;
  }

  fields(): readonly string[] {
    return Object.keys(this.#json).filter((name) => this.has(name));
  }
}

/** A value as plain JSON: what an expression made, for whoever asked for it. */
export function toJson(value: CelValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value === null || typeof value !== 'object') return value;
  if (isList(value)) return value.map(toJson);
  if (value instanceof CelUint) return Number(value.value);
  if (value instanceof CelMap)
    return Object.fromEntries([...value.entries].map(([key, member]) => [String(key), toJson(member)]));
  if (value instanceof CelObject)
    return Object.fromEntries(value.fields().map((name) => [name, toJson(value.get(name) ?? null)]));
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof CelOptional) return value.value === undefined ? null : toJson(value.value);
  if (value instanceof CelTimestamp || value instanceof CelDuration || value instanceof CelQuantity)
    return String(value);
  return String(value);
}
