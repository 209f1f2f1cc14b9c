import type { JSONSchemaProps, ValidationRule } from '../../api/apiextensions/v1/types.generated.ts';
import { goRegExp } from '../cel/go-regexp.ts';

/**
 * One node of a CustomResourceDefinition's schema, compiled once: what pruning, defaulting, validation and rules walk
 * instead of the JSON that the author wrote.
 */
export interface SchemaNode {
  /** The keywords that only restrict values, as the author wrote them. */
  readonly written: Restrictions;
  /** `''`: any. */
  readonly type: string;
  readonly nullable: boolean;
  readonly properties: ReadonlyMap<string, SchemaNode>;
  /** The schema of fields that are not named. */
  readonly additional: SchemaNode | undefined;
  /** `additionalProperties: true` */
  readonly allowsAnyField: boolean;
  readonly items: SchemaNode | undefined;
  readonly preserveUnknown: boolean;
  readonly embedded: boolean;
  readonly intOrString: boolean;
  readonly listType: 'atomic' | 'set' | 'map';
  readonly listKeys: readonly string[];
  readonly atomicMap: boolean;
  readonly required: readonly string[];
  readonly pattern: RegExp | undefined;
  readonly allOf: readonly SchemaNode[];
  readonly anyOf: readonly SchemaNode[];
  readonly oneOf: readonly SchemaNode[];
  readonly not: SchemaNode | undefined;
  readonly rules: readonly ValidationRule[];
  /** Undefined: none. A default cannot be null unless the node is nullable. */
  readonly defaultValue: unknown;
  /** Something below, or the node itself, has a default. */
  readonly hasDefaults: boolean;
  /** Something below, or the node itself, has rules. */
  readonly hasRules: boolean;
}

/** Keywords that validation reads. Prose and structure are left out: a schema is mostly prose, and nodes live long. */
const restrictions = [
  'enum',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minItems',
  'minLength',
  'minProperties',
  'minimum',
  'multipleOf',
  'pattern',
  'uniqueItems',
] as const;

export type Restrictions = Pick<JSONSchemaProps, (typeof restrictions)[number]>;

const unrestricted: Restrictions = {};
const noNodes: readonly SchemaNode[] = [];
const noProperties: ReadonlyMap<string, SchemaNode> = new Map();

export function compileSchema(written: JSONSchemaProps): SchemaNode {
  const properties =
    written.properties === undefined
      ? noProperties
      : new Map(Object.entries(written.properties).map(([name, property]) => [name, compileSchema(property)]));
  const additional = isSchema(written.additionalProperties) ? compileSchema(written.additionalProperties) : undefined;
  const items = isSchema(written.items) ? compileSchema(written.items) : undefined;
  const below = [...properties.values(), additional, items].filter((node) => node !== undefined);
  const rules = written['x-kubernetes-validations'] ?? [];
  const hasDefault = written.default !== undefined && written.default !== null;
  return {
    written: restrictionsOf(written),
    type: written.type ?? '',
    nullable: written.nullable === true,
    properties,
    additional,
    allowsAnyField: written.additionalProperties === true,
    items,
    preserveUnknown: written['x-kubernetes-preserve-unknown-fields'] === true,
    embedded: written['x-kubernetes-embedded-resource'] === true,
    intOrString: written['x-kubernetes-int-or-string'] === true,
    listType: listTypeOf(written['x-kubernetes-list-type']),
    listKeys: written['x-kubernetes-list-map-keys'] ?? [],
    atomicMap: written['x-kubernetes-map-type'] === 'atomic',
    required: written.required ?? [],
    pattern: patternOf(written.pattern),
    allOf: written.allOf?.map(compileSchema) ?? noNodes,
    anyOf: written.anyOf?.map(compileSchema) ?? noNodes,
    oneOf: written.oneOf?.map(compileSchema) ?? noNodes,
    not: written.not === undefined ? undefined : compileSchema(written.not),
    rules,
    defaultValue: hasDefault ? written.default : undefined,
    hasDefaults: hasDefault || below.some((node) => node.hasDefaults),
    hasRules: rules.length > 0 || below.some((node) => node.hasRules),
  };
}

function restrictionsOf(written: JSONSchemaProps): Restrictions {
  const present = restrictions.filter((name) => written[name] !== undefined);
  if (present.length === 0) return unrestricted;
  return Object.fromEntries(present.map((name) => [name, written[name]]));
}

export function isSchema(value: unknown): value is JSONSchemaProps {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listTypeOf(text: string | undefined): SchemaNode['listType'] {
  return text === 'set' || text === 'map' ? text : 'atomic';
}

/** A pattern that does not compile was refused with its definition; one stored before that matches everything. */
function patternOf(pattern: string | undefined): RegExp | undefined {
  if (pattern === undefined || pattern === '') return undefined;
  try {
    return goRegExp(pattern);
  } catch {
    return undefined;
  }
}
