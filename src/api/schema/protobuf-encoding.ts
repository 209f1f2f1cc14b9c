import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import type { ScalarType, Schema, StructSchema } from '../../machinery/schema.ts';
import { fieldNames, magic, schemaChoices, shortNameOf, shortNames } from './protobuf.ts';
import { schemaOf } from './structure.ts';

/**
 * Writes an object, a list, a Status or PartialObjectMetadata as Kubernetes protobuf. Undefined for a kind that has no
 * such form (custom resources, tables).
 */
export function encodeProtobuf(object: JsonObject): Buffer | undefined {
  const apiVersion = String(object['apiVersion'] ?? '');
  const kind = String(object['kind'] ?? '');
  const raw = encodeKind(object, apiVersion, kind);
  if (raw === undefined) return undefined;
  const type = Buffer.concat([text(1, apiVersion), text(2, kind)]);
  return Buffer.concat([magic, bytes(1, type), bytes(2, raw), text(3, ''), text(4, '')]);
}

/** One event of a watch, as it stands in a stream: its length in four bytes, then the event. */
export function encodeWatchFrame(type: string, object: JsonObject): Buffer | undefined {
  const inner = encodeProtobuf(object);
  if (inner === undefined) return undefined;
  const event = Buffer.concat([text(1, type), bytes(2, bytes(1, inner))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

function encodeKind(object: JsonObject, apiVersion: string, kind: string): Buffer | undefined {
  const shortName = messageOf(apiVersion, kind);
  if (shortName !== undefined) return encodeMessage(object, shortName, schemaOf(shortName));
  if (kind === 'PartialObjectMetadata') return encodeField(1, object['metadata'], schemaOf('meta/v1.ObjectMeta'));
  const { items } = object;
  if (!kind.endsWith('List') || !Array.isArray(items)) return undefined;
  const parts = [encodeField(1, object['metadata'] ?? {}, schemaOf('meta/v1.ListMeta'))];
  for (const item of items) {
    const encoded = isJsonObject(item) ? encodeKind(item, apiVersion, kind.slice(0, -'List'.length)) : undefined;
    if (encoded === undefined) return undefined;
    parts.push(bytes(2, encoded));
  }
  // An empty list of a kind that has no protobuf form must be refused as a full one is.
  return items.length > 0 || isEncodable(apiVersion, kind.slice(0, -'List'.length)) ? Buffer.concat(parts) : undefined;
}

function isEncodable(apiVersion: string, kind: string): boolean {
  return kind === 'PartialObjectMetadata' || messageOf(apiVersion, kind) !== undefined;
}

/** The message of a kind; lists are alike and have none of their own here. */
function messageOf(apiVersion: string, kind: string): string | undefined {
  const shortName = kind === 'Status' ? 'meta/v1.Status' : shortNameOf(apiVersion, kind);
  return shortName !== undefined && fieldNames().has(shortName) ? shortName : undefined;
}

function encodeMessage(object: JsonObject, shortName: string, schema: StructSchema): Buffer {
  const names = fieldNames().get(shortName);
  if (names === undefined) throw new Error(`the protobuf form of ${shortName} is not known`);
  const parts: Buffer[] = [];
  for (const [number, name] of names) {
    if (name.startsWith('*')) {
      const embedded = encodeMessage(object, name.slice(1), schema);
      if (embedded.length > 0) parts.push(bytes(number, embedded));
      continue;
    }
    const value = object[name];
    const field = schema.fields.get(name);
    if (value === undefined || value === null || field === undefined) continue;
    const isChoice = field.schema.type === 'any' && schemaChoices.has(name);
    parts.push(isChoice ? bytes(number, encodeSchemaChoice(name, value)) : encodeField(number, value, field.schema));
  }
  return Buffer.concat(parts);
}

function encodeField(number: number, value: unknown, schema: Schema): Buffer {
  switch (schema.type) {
    case 'struct': {
      const shortName = shortNames().get(schema.name) ?? schema.name;
      return bytes(number, encodeMessage(isJsonObject(value) ? value : {}, shortName, schema));
    }
    case 'list':
      return Buffer.concat(Array.isArray(value) ? value.map((item) => encodeField(number, item, schema.items)) : []);
    case 'map':
      return Buffer.concat(
        Object.entries(isJsonObject(value) ? value : {}).map(([key, entry]) =>
          bytes(number, Buffer.concat([text(1, key), encodeEntry(entry, schema.values)])),
        ),
      );
    default:
      return encodeScalar(number, value, schema.type);
  }
}

/** A list as the value of a map is a message of its own, with the items as field 1. */
function encodeEntry(value: unknown, values: Schema): Buffer {
  if (values.type !== 'list') return encodeField(2, value, values);
  return bytes(2, encodeField(1, value, values));
}

function encodeScalar(number: number, value: unknown, type: ScalarType): Buffer {
  switch (type) {
    case 'string':
      return text(number, String(value));
    case 'bytes':
      return bytes(number, Buffer.from(String(value), 'base64'));
    case 'bool':
      return integer(number, value === true ? 1 : 0);
    case 'int32':
    case 'int64':
      return integer(number, Number(value));
    case 'double': {
      const double = Buffer.alloc(8);
      double.writeDoubleLE(Number(value));
      return Buffer.concat([varint(BigInt(number) * 8n + 1n), double]);
    }
    case 'quantity':
      return bytes(number, text(1, String(value)));
    case 'intstr':
      return bytes(
        number,
        typeof value === 'string'
          ? Buffer.concat([integer(1, 1), integer(2, 0), text(3, value)])
          : Buffer.concat([integer(1, 0), integer(2, Number(value)), text(3, '')]),
      );
    case 'time':
    case 'microtime':
      return bytes(number, encodeTime(String(value)));
    default:
      return bytes(number, bytes(1, Buffer.from(JSON.stringify(value))));
  }
}

function encodeTime(value: string): Buffer {
  const seconds = Math.floor(Date.parse(value) / 1000);
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? '';
  return Buffer.concat([integer(1, seconds), integer(2, Number(fraction.slice(0, 9).padEnd(9, '0')))]);
}

/** `items` of a schema is one (1) or several (2); the others are a boolean (1) or a schema (2). */
function encodeSchemaChoice(name: string, value: unknown): Buffer {
  const schema = schemaOf('apiextensions/v1.JSONSchemaProps');
  if (name !== 'items') {
    if (typeof value === 'boolean') return integer(1, value ? 1 : 0);
    return Buffer.concat([integer(1, 1), encodeField(2, value, schema)]);
  }
  if (!Array.isArray(value)) return encodeField(1, value, schema);
  return Buffer.concat(value.map((one) => encodeField(2, one, schema)));
}

function text(number: number, value: string): Buffer {
  return bytes(number, Buffer.from(value));
}

function bytes(number: number, value: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(number) * 8n + 2n), varint(BigInt(value.length)), value]);
}

function integer(number: number, value: number): Buffer {
  return Buffer.concat([varint(BigInt(number) * 8n), varint(BigInt.asUintN(64, BigInt(Math.trunc(value))))]);
}

function varint(value: bigint): Buffer {
  const found: number[] = [];
  let rest = value;
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    found.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(found);
}
