import type { Field, ScalarType, Schema, StructSchema } from '../../machinery/schema.ts';
import { protobufNumbers } from './protobuf-numbers.ts';
import { definitions, schemaOf } from './structure.ts';

/** What stands before every Kubernetes protobuf body. */
export const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

/** Messages inside messages; more is no Kubernetes object. */
const depthMax = 100;

/** Go writes these as plain values, so their zero is what an absent field reads as; every other zero was meant. */
const plainBooleans = new Set([
  'authenticated',
  'chapAuthDiscovery',
  'chapAuthSession',
  'clusterScope',
  'denied',
  'deprecated',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'globalDefault',
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'insecureSkipTLSVerify',
  'nullable',
  'paused',
  'publishNotReadyAddresses',
  'readOnly',
  'sslEnabled',
  'stdin',
  'stdinOnce',
  'tty',
  'uniqueItems',
  'unschedulable',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
]);
const plainNumbers = new Set([
  'active',
  'availableReplicas',
  'code',
  'count',
  'deprecatedCount',
  'failed',
  'failureThreshold',
  'fullyLabeledReplicas',
  'generation',
  'healthCheckNodePort',
  'hostPort',
  'initialDelaySeconds',
  'minReadySeconds',
  'nodePort',
  'number',
  'numberAvailable',
  'numberUnavailable',
  'observedGeneration',
  'periodSeconds',
  'readyReplicas',
  'retryAfterSeconds',
  'signal',
  'sizeBytes',
  'succeeded',
  'successThreshold',
  'timeoutSeconds',
  'unavailableReplicas',
  'updatedReplicas',
]);
/** Optional texts for which empty differs from absent. */
const pointerStrings = new Set(['storageClassName', 'volumeAttributesClassName']);

type Json = Record<string, unknown>;

/**
 * Turns a body in Kubernetes protobuf into the object that the same client would have sent as JSON. Throws an Error
 * that says what is wrong with the bytes.
 */
export function decodeProtobuf(bytes: Uint8Array): Json {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!body.subarray(0, magic.length).equals(magic)) throw new Error('the body does not begin with the protobuf magic');
  let apiVersion = '';
  let kind = '';
  let raw: Buffer = Buffer.alloc(0);
  for (const [number, value] of fieldsOf(body.subarray(magic.length))) {
    if (!Buffer.isBuffer(value)) continue;
    if (number === 1) {
      for (const [inner, text] of fieldsOf(value)) {
        if (inner === 1) apiVersion = String(text);
        else if (inner === 2) kind = String(text);
      }
    } else if (number === 2) raw = value;
  }
  const shortName = shortNameOf(apiVersion, kind);
  if (shortName === undefined) throw new Error(`no kind "${kind}" is registered for version "${apiVersion}"`);
  const object: Json = { apiVersion, kind };
  decodeMessage(raw, shortName, { schema: schemaOf(shortName), target: object, depth: 0 });
  return object;
}

/** The definition of a kind: `core/v1.Pod`. */
export function shortNameOf(apiVersion: string, kind: string): string | undefined {
  // Options travel in the version of the group they are for.
  if (kind.endsWith('Options') && definitions.has(`meta/v1.${kind}`)) return `meta/v1.${kind}`;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = slash < 0 ? apiVersion : apiVersion.slice(slash + 1);
  for (const { shortName, gvk } of definitions.values()) {
    if (gvk?.kind === kind && gvk.group === group && gvk.version === version) return shortName;
  }
  return undefined;
}

interface Inside {
  readonly schema: StructSchema;
  readonly target: Json;
  readonly depth: number;
}

function decodeMessage(bytes: Buffer, shortName: string, { schema, target, depth }: Inside): void {
  if (depth > depthMax) throw new Error('the object is nested too deeply');
  const names = fieldNames().get(shortName);
  if (names === undefined) throw new Error(`the protobuf form of ${shortName} is not known`);
  for (const [number, value] of fieldsOf(bytes)) {
    const name = names.get(number);
    if (name === undefined) continue;
    if (name.startsWith('*')) {
      decodeMessage(asBytes(value), name.slice(1), { schema, target, depth: depth + 1 });
      continue;
    }
    const field = schema.fields.get(name);
    if (field !== undefined) decodeField(name, field, { value, target, depth });
  }
}

interface FieldValue {
  readonly value: WireValue;
  readonly target: Json;
  readonly depth: number;
}

function decodeField(name: string, field: Field, { value, target, depth }: FieldValue): void {
  const { schema } = field;
  if (schema.type === 'list') {
    target[name] ??= [];
    const list = target[name] as unknown[];
    // A packed list of numbers is one field.
    if (Buffer.isBuffer(value) && isVarint(schema.items))
      for (const one of varintsOf(value)) list.push(decodeValue(schema.items, one, depth));
    else list.push(decodeValue(schema.items, value, depth));
    return;
  }
  if (schema.type === 'map') {
    target[name] ??= {};
    const map = target[name] as Json;
    const [key, entry] = decodeEntry(asBytes(value), schema.values, depth);
    // A key of a client's choosing, so never by plain assignment: it may be __proto__.
    Object.defineProperty(map, key, { value: entry, enumerable: true, configurable: true, writable: true });
    return;
  }
  const isChoice = schema.type === 'any' && schemaChoices.has(name);
  const decoded = isChoice ? decodeSchemaChoice(name, asBytes(value), depth) : decodeValue(schema, value, depth);
  if (decoded === undefined || (!field.required && isPlainZero(name, decoded))) return;
  target[name] = decoded;
}

function isPlainZero(name: string, value: unknown): boolean {
  if (value === '') return !pointerStrings.has(name);
  if (value === false) return plainBooleans.has(name);
  return value === 0 && plainNumbers.has(name);
}

/** The fields of a CustomResourceDefinition's schema that hold a schema or something simpler. */
export const schemaChoices: ReadonlySet<string> = new Set(['additionalItems', 'additionalProperties', 'items']);

/** `items` is a schema (1) or several (2); the others are a boolean (1) or a schema (2). */
function decodeSchemaChoice(name: string, bytes: Buffer, depth: number): unknown {
  const schema = schemaOf('apiextensions/v1.JSONSchemaProps');
  const schemas: unknown[] = [];
  let allowed = false;
  for (const [number, value] of fieldsOf(bytes)) {
    if (Buffer.isBuffer(value)) {
      const one = decodeValue(schema, value, depth);
      if (name === 'items' && number === 1) return one;
      schemas.push(one);
    } else allowed = value !== 0n;
  }
  if (name === 'items') return schemas;
  return schemas[0] ?? allowed;
}

function decodeEntry(bytes: Buffer, values: Schema, depth: number): [string, unknown] {
  let key = '';
  let value: unknown = zeroOf(values);
  for (const [number, wire] of fieldsOf(bytes)) {
    if (number === 1) key = String(wire);
    else if (number === 2)
      value =
        values.type === 'list' ? decodeItems(asBytes(wire), values.items, depth) : decodeValue(values, wire, depth);
  }
  return [key, value];
}

/** A list as the value of a map is a message of its own, with the items as field 1. */
function decodeItems(bytes: Buffer, items: Schema, depth: number): unknown[] {
  return [...fieldsOf(bytes)].filter(([number]) => number === 1).map(([, wire]) => decodeValue(items, wire, depth));
}

function zeroOf(schema: Schema): unknown {
  if (schema.type === 'list') return [];
  if (schema.type === 'struct' || schema.type === 'map' || schema.type === 'object') return {};
  if (schema.type === 'string' || schema.type === 'bytes') return '';
  return schema.type === 'quantity' ? '0' : 0;
}

function decodeValue(schema: Schema, value: WireValue, depth: number): unknown {
  if (schema.type === 'struct') {
    const target: Json = {};
    decodeMessage(asBytes(value), shortNames().get(schema.name) ?? schema.name, { schema, target, depth: depth + 1 });
    return target;
  }
  if (schema.type === 'list') return decodeItems(asBytes(value), schema.items, depth);
  if (schema.type === 'map') throw new Error('a map stands where protobuf has none');
  return decodeScalar(schema.type, value);
}

function decodeScalar(type: ScalarType, value: WireValue): unknown {
  switch (type) {
    case 'string':
      return asBytes(value).toString();
    case 'bytes':
      return asBytes(value).toString('base64');
    case 'bool':
      return value !== 0n;
    case 'int32':
    case 'int64':
      return Number(BigInt.asIntN(64, asVarint(value)));
    case 'double':
      return Buffer.isBuffer(value) && value.length === 8 ? value.readDoubleLE() : 0;
    case 'quantity':
      return textField(asBytes(value), 1);
    case 'intstr':
      return decodeIntOrString(asBytes(value));
    case 'time':
      return decodeTime(asBytes(value), (date) => date.toISOString().replace(/\.\d+Z$/, 'Z'));
    case 'microtime':
      return decodeTime(asBytes(value), (date, nanos) =>
        date.toISOString().replace(/\.\d+Z$/, `.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`),
      );
    case 'object':
    case 'any':
      return decodeRaw(asBytes(value));
  }
}

function textField(bytes: Buffer, wanted: number): string {
  for (const [number, value] of fieldsOf(bytes)) if (number === wanted) return String(value);
  return '';
}

function decodeIntOrString(bytes: Buffer): number | string {
  let isText = false;
  let number = 0;
  let text = '';
  for (const [at, value] of fieldsOf(bytes)) {
    if (at === 1) isText = value === 1n;
    else if (at === 2) number = Number(BigInt.asIntN(32, asVarint(value)));
    else if (at === 3) text = String(value);
  }
  return isText ? text : number;
}

/** Undefined for the zero time, which JSON has as null. */
function decodeTime(bytes: Buffer, format: (date: Date, nanos: number) => string): string | undefined {
  let seconds = 0;
  let nanos = 0;
  for (const [at, value] of fieldsOf(bytes)) {
    if (at === 1) seconds = Number(BigInt.asIntN(64, asVarint(value)));
    else if (at === 2) nanos = Number(BigInt.asIntN(32, asVarint(value)));
  }
  if (seconds === 0 && nanos === 0) return undefined;
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw new Error(`${seconds} seconds are no time`);
  return format(date, nanos);
}

/** JSON that travels as it is: RawExtension, FieldsV1. */
function decodeRaw(bytes: Buffer): unknown {
  for (const [number, value] of fieldsOf(bytes)) {
    if (number === 1 && asBytes(value).length > 0) return JSON.parse(asBytes(value).toString());
  }
  return undefined;
}

/** A varint, or the bytes of anything else. */
type WireValue = bigint | Buffer;

function asBytes(value: WireValue): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw new Error('a number stands where a message is expected');
}

function asVarint(value: WireValue): bigint {
  if (typeof value === 'bigint') return value;
  throw new Error('a message stands where a number is expected');
}

function isVarint({ type }: Schema): boolean {
  return type === 'int32' || type === 'int64' || type === 'bool';
}

function* fieldsOf(bytes: Buffer): Generator<[number, WireValue]> {
  let at = 0;
  while (at < bytes.length) {
    const [tag, afterTag] = readVarint(bytes, at);
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (wireType === 0) {
      const [value, after] = readVarint(bytes, afterTag);
      at = after;
      yield [number, value];
      continue;
    }
    const [start, length] = wireType === 2 ? lengthAt(bytes, afterTag) : [afterTag, fixedLength(wireType)];
    at = start + length;
    if (at > bytes.length) throw new Error('the body ends inside a field');
    yield [number, bytes.subarray(start, at)];
  }
}

function* varintsOf(bytes: Buffer): Generator<bigint> {
  let at = 0;
  while (at < bytes.length) {
    const [value, after] = readVarint(bytes, at);
    at = after;
    yield value;
  }
}

function lengthAt(bytes: Buffer, at: number): [number, number] {
  const [length, start] = readVarint(bytes, at);
  return [start, Number(length)];
}

function fixedLength(wireType: number): number {
  if (wireType === 1) return 8;
  if (wireType === 5) return 4;
  throw new Error(`wire type ${wireType} is not known`);
}

function readVarint(bytes: Buffer, start: number): [bigint, number] {
  let value = 0n;
  let shift = 0n;
  for (let at = start; at < bytes.length && shift < 70n; at += 1) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, at + 1];
    shift += 7n;
  }
  throw new Error('the body ends inside a number');
}

let namesByType: Map<string, Map<number, string>> | undefined;

/** Read on first use: most servers are never sent protobuf. */
export function fieldNames(): Map<string, Map<number, string>> {
  if (namesByType !== undefined) return namesByType;
  namesByType = new Map();
  for (const line of protobufNumbers.split('\n')) {
    const [type, ...words] = line.split(' ');
    if (type === undefined || type === '') continue;
    const names = new Map<number, string>();
    let number = 0;
    for (const word of words) {
      const equals = word.indexOf('=');
      number = equals < 0 ? number + 1 : Number(word.slice(0, equals));
      names.set(number, word.slice(equals + 1));
    }
    namesByType.set(type, names);
  }
  return namesByType;
}

let shortByName: Map<string, string> | undefined;

export function shortNames(): Map<string, string> {
  shortByName ??= new Map([...definitions.values()].map(({ name, shortName }) => [name, shortName]));
  return shortByName;
}
