import { isJsonObject, type JsonObject } from './json.ts';
import { canonicalQuantity } from './quantity.ts';
import type { Schema, StructSchema } from './schema.ts';
import { rfc3339, rfc3339Micro } from './time.ts';

export interface FieldCheck {
  /** `spec.containers[0].foo`, in the order of the object. */
  readonly unknown: readonly string[];
  /**
   * Values of the wrong type, worded as Go's decoder does (`json: cannot unmarshal string into Go struct field
   * Container.spec.containers.ports of type []v1.ContainerPort`). Upstream stops at the first.
   */
  readonly typeErrors: readonly string[];
}

const clean: FieldCheck = Object.freeze({ unknown: Object.freeze([]), typeErrors: Object.freeze([]) });

/**
 * Reads an object as Go's decoder would, in one walk: unknown fields are taken out and named, nulls and, in types of
 * Go (not in anonymous ones of a CRD), empty optional lists and maps are taken out, quantities and times are written canonically, and values of the wrong type are reported. Changes `value`.
 */
export function decodeFields(value: unknown, schema: StructSchema): FieldCheck {
  return walk(value, schema, true);
}

/** Like `decodeFields` without changing anything. */
export function checkFields(value: unknown, schema: StructSchema): FieldCheck {
  return walk(value, schema, false);
}

function walk(value: unknown, schema: StructSchema, change: boolean): FieldCheck {
  const walker = new Walker(change);
  walker.visit(value, schema, schema);
  return walker.result();
}

class Walker {
  readonly #change: boolean;
  /** Names and indexes from the root to the value being looked at. */
  readonly #path: (string | number)[] = [];
  #unknown: string[] | undefined;
  #typeErrors: string[] | undefined;

  constructor(change: boolean) {
    this.#change = change;
  }

  result(): FieldCheck {
    if (this.#unknown === undefined && this.#typeErrors === undefined) return clean;
    return { unknown: this.#unknown ?? [], typeErrors: this.#typeErrors ?? [] };
  }

  /** Answers what the value is to be replaced by; the value itself when it stands. */
  visit(value: unknown, schema: Schema, owner: StructSchema): unknown {
    switch (schema.type) {
      case 'string':
        if (typeof value !== 'string') this.#mismatch(value, schema, owner);
        return value;
      case 'struct':
        this.#visitStruct(value, schema, owner);
        return value;
      case 'list':
        this.#visitList(value, schema.items, schema, owner);
        return value;
      case 'map':
        this.#visitMap(value, schema.values, schema, owner);
        return value;
      case 'bool':
        if (typeof value !== 'boolean') this.#mismatch(value, schema, owner);
        return value;
      case 'int32':
      case 'int64':
        if (!isIntegerOf(value, schema.type)) this.#mismatch(value, schema, owner);
        return value;
      case 'double':
        if (typeof value !== 'number') this.#mismatch(value, schema, owner);
        return value;
      case 'intstr':
        if (typeof value !== 'string' && !isIntegerOf(value, 'int32')) this.#mismatch(value, schema, owner);
        return value;
      case 'object':
        if (!isJsonObject(value)) this.#mismatch(value, schema, owner);
        return value;
      case 'quantity':
        return this.#visitQuantity(value);
      case 'time':
      case 'microtime':
        return this.#visitTime(value, schema.type);
      case 'bytes':
        if (typeof value !== 'string') this.#mismatch(value, schema, owner);
        else if (!isBase64(value)) this.#report(`illegal base64 data at input byte ${firstBadByte(value)}`);
        return value;
      default:
        return value;
    }
  }

  #visitStruct(value: unknown, schema: StructSchema, owner: StructSchema): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#mismatch(value, schema, owner);
      return;
    }
    const object = value as JsonObject;
    const { fields } = schema;
    for (const key in object) {
      const field = fields.get(key);
      const member = object[key];
      if (field === undefined) {
        if (schema.preserveUnknown === true) continue;
        this.#unknown ??= [];
        this.#unknown.push(this.#pathTo(key));
        if (this.#change) delete object[key];
        continue;
      }
      if (member === null) {
        if (this.#change && field.schema.type !== 'any') delete object[key];
        continue;
      }
      if (typeof member === 'string' && field.schema.type === 'string') continue;
      this.#path.push(key);
      const replaced = this.visit(member, field.schema, schema);
      this.#path.pop();
      if (!this.#change) continue;
      if (replaced !== member) object[key] = replaced;
      else if (!field.required && schema.name !== '' && isOmitted(member, field.schema)) delete object[key];
    }
  }

  #visitList(value: unknown, items: Schema, schema: Schema, owner: StructSchema): void {
    if (!Array.isArray(value)) {
      this.#mismatch(value, schema, owner);
      return;
    }
    for (let index = 0; index < value.length; index++) {
      const item: unknown = value[index];
      if (item === null) {
        if (this.#change) value[index] = zeroOf(items);
        continue;
      }
      if (typeof item === 'string' && items.type === 'string') continue;
      this.#path.push(index);
      const replaced = this.visit(item, items, owner);
      this.#path.pop();
      if (replaced !== item && this.#change) value[index] = replaced;
    }
  }

  #visitMap(value: unknown, values: Schema, schema: Schema, owner: StructSchema): void {
    if (!isJsonObject(value)) {
      this.#mismatch(value, schema, owner);
      return;
    }
    for (const key in value) {
      const member = value[key];
      if (member === null) {
        if (this.#change) value[key] = zeroOf(values);
        continue;
      }
      if (typeof member === 'string' && values.type === 'string') continue;
      this.#path.push(key);
      const replaced = this.visit(member, values, owner);
      this.#path.pop();
      if (replaced !== member && this.#change) value[key] = replaced;
    }
  }

  #visitQuantity(value: unknown): unknown {
    if (typeof value === 'string' || typeof value === 'number') {
      try {
        return canonicalQuantity(value);
      } catch (error) {
        this.#report(error instanceof Error ? error.message : String(error));
        return value;
      }
    }
    this.#report("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    return value;
  }

  #visitTime(value: unknown, type: 'time' | 'microtime'): unknown {
    if (typeof value !== 'string') {
      this.#report(`json: cannot unmarshal ${jsonTypeOf(value)} into Go value of type string`);
      return value;
    }
    if (type === 'time' && canonicalTime.test(value)) return value;
    if (type === 'microtime' && canonicalMicroTime.test(value)) return value;
    const ms = timePattern.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms)) {
      const layout = type === 'time' ? '2006-01-02T15:04:05Z07:00' : '2006-01-02T15:04:05.000000Z07:00';
      this.#report(
        `parsing time ${JSON.stringify(value)} as "${layout}": cannot parse ${JSON.stringify(value)} as "2006"`,
      );
      return value;
    }
    if (type === 'time') return rfc3339(ms);
    return `${rfc3339Micro(ms).slice(0, 20)}${(/\.([0-9]+)/.exec(value)?.[1] ?? '').slice(0, 6).padEnd(6, '0')}Z`;
  }

  #mismatch(value: unknown, schema: Schema, owner: StructSchema): void {
    const type = typeof value === 'number' && isNumeric(schema) ? `number ${value}` : jsonTypeOf(value);
    const target =
      this.#path.length === 0
        ? `Go value of type ${goType(schema)}`
        : `Go struct field ${shortName(owner)}.${this.#path.filter((part) => typeof part === 'string').join('.')} of type ${goType(schema)}`;
    this.#report(`json: cannot unmarshal ${type} into ${target}`);
  }

  #report(message: string): void {
    this.#typeErrors ??= [];
    this.#typeErrors.push(message);
  }

  #pathTo(key: string): string {
    let text = '';
    for (const part of this.#path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
    return text === '' ? key : `${text}.${key}`;
  }
}

const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const canonicalMicroTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)$/;
const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;

function isBase64(text: string): boolean {
  if (text.length % 4 === 0 && base64Pattern.test(text)) return true;
  if (!text.includes('\n') && !text.includes('\r')) return false;
  const joined = text.replace(/[\r\n]/g, '');
  return joined.length % 4 === 0 && base64Pattern.test(joined);
}

function firstBadByte(text: string): number {
  const bad = text.search(/[^A-Za-z0-9+/=\r\n]/);
  return bad >= 0 ? bad : Math.max(0, text.length - (text.length % 4));
}

function isIntegerOf(value: unknown, type: 'int32' | 'int64'): boolean {
  return Number.isInteger(value) && (type === 'int64' || (value as number) === ((value as number) | 0));
}

function isNumeric({ type }: Schema): boolean {
  return type === 'int32' || type === 'int64' || type === 'intstr';
}

function zeroOf({ type }: Schema): unknown {
  switch (type) {
    case 'string':
    case 'bytes':
      return '';
    case 'bool':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'intstr':
      return 0;
    case 'quantity':
      return '0';
    case 'struct':
    case 'object':
      return {};
    default:
      return null;
  }
}

function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Go writes no optional list or map that is empty, so a type of its own cannot tell one from none (`omitempty`). */
function isOmitted(value: unknown, { type }: Schema): boolean {
  if (type === 'list') return Array.isArray(value) && value.length === 0;
  if (type !== 'map') return false;
  for (const _ in value as JsonObject) return false;
  return true;
}

/** `io.k8s.api.core.v1.PodSpec` -> `PodSpec` */
function shortName({ name }: StructSchema): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function goType(schema: Schema): string {
  switch (schema.type) {
    case 'list':
      return `[]${goType(schema.items)}`;
    case 'map':
      return `map[string]${goType(schema.values)}`;
    case 'struct':
      return schema.name.split('.').slice(-2).join('.');
    case 'double':
      return 'float64';
    case 'bytes':
      return '[]uint8';
    case 'object':
      return 'map[string]interface {}';
    case 'intstr':
      return 'intstr.IntOrString';
    default:
      return schema.type;
  }
}
