import type { ResourceDefinition } from '../../api/resource.ts';
import type { StructSchema } from '../../machinery/schema.ts';
import { type DefinitionSet, metaPrefix } from './definitions.ts';
import type { Dialect, JsonSchema } from './dialect.ts';

/** References to what a resource's requests carry: one object, a list of them. */
export interface ResourceSchemas {
  readonly object: JsonSchema;
  readonly list: JsonSchema;
}

/** Puts the definitions of a row and of its list into the set. */
export function addResource(row: ResourceDefinition, set: DefinitionSet, dialect: Dialect): ResourceSchemas {
  if (!isCustom(row)) {
    const object = set.builtin(row.schema.name) ?? {};
    return { object, list: set.builtin(`${row.schema.name}List`) ?? object };
  }
  const name = customName(row);
  const gvk = { group: row.group, version: row.version };
  const objectMeta = set.builtin(`${metaPrefix}.ObjectMeta`) ?? {};
  const object = set.add(name, () => ({
    ...customBody(row, objectMeta, dialect),
    'x-kubernetes-group-version-kind': [{ ...gvk, kind: row.kind }],
  }));
  const list = set.add(`${name}List`, () => ({
    description: `${row.listKind} is a list of ${row.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: set.builtin(`${metaPrefix}.ListMeta`) ?? {},
      items: { type: 'array', items: object },
    },
    'x-kubernetes-group-version-kind': [{ ...gvk, kind: row.listKind }],
  }));
  return { object, list };
}

/** A CustomResourceDefinition's row: its schema has no name among the built-in definitions. */
export function isCustom(row: ResourceDefinition): boolean {
  return row.decode !== undefined || row.schema.name === '';
}

/** `dev.roadstead.fleet.v1.Host`, as upstream names the definitions of custom resources. */
function customName({ group, version, kind }: ResourceDefinition): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

function customBody(row: ResourceDefinition, objectMeta: JsonSchema, dialect: Dialect): JsonSchema {
  const written = row.openApiSchema ?? { type: 'object', ...preserveUnknown(row.schema) };
  if (dialect.version === 'v2' && written['x-kubernetes-preserve-unknown-fields'] === true) {
    return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  }
  const body = dialect.version === 'v2' ? withoutV3(written) : { ...written };
  const properties = isRecord(body['properties']) ? body['properties'] : {};
  body['properties'] = {
    ...properties,
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: objectMeta,
  };
  return body;
}

function preserveUnknown(schema: StructSchema): JsonSchema {
  return schema.preserveUnknown === true ? { 'x-kubernetes-preserve-unknown-fields': true } : {};
}

const v3Only: ReadonlySet<string> = new Set(['oneOf', 'anyOf', 'allOf', 'not', 'nullable']);
const structureKeys: ReadonlySet<string> = new Set(['properties', 'items']);

/**
 * Drops what OpenAPI 2 cannot say, by upstream's rules: a value that may be null loses its type and need not be there,
 * one that keeps unknown fields loses what is known of them, since kubectl would refuse the rest.
 */
function withoutV3(schema: Readonly<Record<string, unknown>>): JsonSchema {
  const isNullable = schema['nullable'] === true;
  const isLoose = isNullable || schema['x-kubernetes-preserve-unknown-fields'] === true;
  const kept = Object.entries(schema).filter(
    ([key]) => !v3Only.has(key) && !(isNullable && key === 'type') && !(isLoose && structureKeys.has(key)),
  );
  const converted: JsonSchema = Object.fromEntries(kept.map(([key, value]) => [key, convertMember(key, value)]));
  const { required, properties } = schema;
  if (Array.isArray(required) && isRecord(properties)) {
    const demanded = required.filter((name) => !isNullableSchema(properties[String(name)]));
    if (demanded.length > 0) converted['required'] = demanded;
    else delete converted['required'];
  }
  return converted;
}

function isNullableSchema(value: unknown): boolean {
  return isRecord(value) && value['nullable'] === true;
}

function convertMember(key: string, value: unknown): unknown {
  if (key === 'properties' && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, property]) => [name, isRecord(property) ? withoutV3(property) : property]),
    );
  }
  if ((key === 'items' || key === 'additionalProperties') && isRecord(value)) return withoutV3(value);
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
