import { equal, isJsonObject, type JsonObject } from '../json.ts';
import type { Field, ListSchema, Schema, StructSchema } from '../schema.ts';
import { emptySet, type FieldSet, isEmptySet, leaf, union, withoutBranches } from './field-set.ts';
import { fieldElement, fieldOf, isAtomic, itemElement } from './path-elements.ts';

/** What differs between two states of an object. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Fields of every object that nobody owns. */
const untracked: readonly (readonly string[])[] = [
  ['f:apiVersion'],
  ['f:kind'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
];
const untrackedRoot: ReadonlySet<string> = new Set(['apiVersion', 'kind']);
const untrackedMetadata: ReadonlySet<string> = new Set(untracked.slice(2).map((path) => (path[1] ?? '').slice(2)));

export function withoutUntracked(set: FieldSet): FieldSet {
  const stripped = withoutBranches(set, untracked);
  // Metadata that held nothing else is not a field of its own either.
  return stripped['f:metadata'] !== undefined && isEmptySet(stripped['f:metadata'])
    ? withoutBranches(stripped, [['f:metadata']])
    : stripped;
}

/**
 * Structs that upstream's Go types always hold (not by pointer): they exist before anyone sets a field in them, so only
 * what is inside is owned. Only where every struct above is such a one, too.
 */
const alwaysThere: ReadonlySet<string> = new Set([
  'metadata',
  'spec',
  'status',
  'template',
  'jobTemplate',
  'strategy',
  'updateStrategy',
]);

/** The fields that a creator of `object` owns: every path with its inner nodes. */
export function createdFields(object: JsonObject, schema: StructSchema, ignored: ReadonlySet<string>): FieldSet {
  const fields: Record<string, FieldSet> = {};
  for (const name in object) {
    const value = object[name];
    if (value === undefined || value === null || untrackedRoot.has(name) || ignored.has(name)) continue;
    if (name === 'metadata') {
      const metadata = createdMetadata(value, fieldOf(schema, name).schema);
      if (metadata !== undefined) fields['f:metadata'] = metadata;
    } else {
      const field = fieldOf(schema, name);
      // A status that is there but empty is what Go writes for none.
      const set = addedNode(value, field.schema, field, alwaysThere.has(name));
      if (set !== leaf || !isJsonObject(value) || !alwaysThere.has(name)) fields[fieldElement(name)] = set;
    }
  }
  return fields;
}

function createdMetadata(metadata: unknown, schema: Schema): FieldSet | undefined {
  if (!isJsonObject(metadata) || schema.type !== 'struct') return undefined;
  let fields: Record<string, FieldSet> | undefined;
  for (const name in metadata) {
    const value = metadata[name];
    if (value === undefined || value === null || untrackedMetadata.has(name)) continue;
    const field = fieldOf(schema, name);
    fields ??= {};
    fields[fieldElement(name)] = addedNode(value, field.schema, field, false);
  }
  return fields;
}

/** Everything in a value that came new: leaves and inner nodes; inner nodes not where `there` holds. */
function addedNode(value: unknown, schema: Schema, field: Field | undefined, there: boolean): FieldSet {
  if (isAtomic(schema, field)) return leaf;
  if (schema.type === 'list') return Array.isArray(value) ? addedItems(value, schema, there) : leaf;
  if (!isJsonObject(value)) return leaf;
  let fields: Record<string, FieldSet> | undefined;
  for (const name in value) {
    const member = value[name];
    if (member === undefined || member === null) continue;
    fields ??= there ? {} : { '.': leaf };
    if (schema.type === 'map') {
      fields[fieldElement(name)] = addedNode(member, schema.values, undefined, false);
    } else if (schema.type === 'struct') {
      const inner = fieldOf(schema, name);
      const innerThere = there && (alwaysThere.has(name) || (inner.required && inner.schema.type === 'list'));
      fields[fieldElement(name)] = addedNode(member, inner.schema, inner, innerThere);
    }
  }
  return fields ?? leaf;
}

function addedItems(items: readonly unknown[], schema: ListSchema, there: boolean): FieldSet {
  if (items.length === 0) return leaf;
  const fields: Record<string, FieldSet> = there ? {} : { '.': leaf };
  for (const item of items) {
    fields[itemElement(item, schema)] =
      schema.listType === 'set' ? leaf : addedNode(item, schema.items, undefined, false);
  }
  return fields;
}

/**
 * The fields that a configuration sets, as structured-merge-diff's ToFieldSet: leaves, list items and entries of maps;
 * a struct or map only where it is empty.
 */
export function configuredFields(object: JsonObject, schema: StructSchema): FieldSet {
  return withoutUntracked(configuredChildren(object, schema) ?? emptySet);
}

function configuredNode(value: unknown, schema: Schema, field: Field | undefined): FieldSet {
  if (isAtomic(schema, field)) return leaf;
  if (schema.type === 'list') {
    if (!Array.isArray(value) || value.length === 0) return leaf;
    const fields: Record<string, FieldSet> = {};
    for (const item of value) fields[itemElement(item, schema)] = asItem(configuredNode(item, schema.items, undefined));
    return fields;
  }
  return (isJsonObject(value) ? configuredChildren(value, schema) : undefined) ?? leaf;
}

function configuredChildren(value: JsonObject, schema: Schema): FieldSet | undefined {
  let fields: Record<string, FieldSet> | undefined;
  for (const name in value) {
    const member = value[name];
    if (member === undefined || member === null) continue;
    fields ??= {};
    if (schema.type === 'map') fields[fieldElement(name)] = asItem(configuredNode(member, schema.values, undefined));
    else if (schema.type === 'struct') {
      const field = fieldOf(schema, name);
      fields[fieldElement(name)] = configuredNode(member, field.schema, field);
    }
  }
  return fields;
}

function asItem(set: FieldSet): FieldSet {
  return set === leaf ? leaf : { '.': leaf, ...set };
}

/** What changed from `before` to `after`, without what nobody owns. */
export function compareObjects(before: JsonObject, after: JsonObject, schema: StructSchema): Comparison {
  const found = compareMembers(before, after, schema);
  if (found === undefined) return { added: emptySet, modified: emptySet, removed: emptySet };
  return {
    added: withoutUntracked(found.added ?? emptySet),
    modified: withoutUntracked(found.modified ?? emptySet),
    removed: withoutUntracked(found.removed ?? emptySet),
  };
}

interface Found {
  added?: Record<string, FieldSet>;
  modified?: Record<string, FieldSet>;
  removed?: Record<string, FieldSet>;
}

type NodeFound = { [K in keyof Found]?: FieldSet };

const changedLeaf: NodeFound = { modified: leaf };

function compareNodes(
  before: unknown,
  after: unknown,
  schema: Schema,
  field: Field | undefined,
): NodeFound | undefined {
  if (before === after) return undefined;
  if (isAtomic(schema, field)) return equal(before, after) ? undefined : changedLeaf;
  if (schema.type === 'list') {
    if (Array.isArray(before) && Array.isArray(after)) return compareItems(before, after, schema);
  } else if (isJsonObject(before) && isJsonObject(after)) {
    return compareMembers(before, after, schema);
  }
  return equal(before, after) ? undefined : changedLeaf;
}

function compareMembers(before: JsonObject, after: JsonObject, schema: Schema): Found | undefined {
  const found: Found = {};
  for (const name in after) {
    const value = after[name];
    if (value === undefined || value === null) continue;
    const field = schema.type === 'struct' ? fieldOf(schema, name) : undefined;
    const type = memberSchema(schema, field);
    const old = before[name];
    if (old === undefined || old === null)
      note(found, 'added', fieldElement(name), addedNode(value, type, field, false));
    else noteAll(found, fieldElement(name), compareNodes(old, value, type, field));
  }
  for (const name in before) {
    const old = before[name];
    if (old === undefined || old === null || (after[name] !== undefined && after[name] !== null)) continue;
    const field = schema.type === 'struct' ? fieldOf(schema, name) : undefined;
    note(found, 'removed', fieldElement(name), addedNode(old, memberSchema(schema, field), field, false));
  }
  return found.added === undefined && found.modified === undefined && found.removed === undefined ? undefined : found;
}

function memberSchema(schema: Schema, field: Field | undefined): Schema {
  if (field !== undefined) return field.schema;
  return schema.type === 'map' ? schema.values : { type: 'any' };
}

function compareItems(before: readonly unknown[], after: readonly unknown[], schema: ListSchema): Found | undefined {
  const found: Found = {};
  const old = itemsByElement(before, schema);
  const now = itemsByElement(after, schema);
  for (const [element, items] of now) {
    const oldItems = old.get(element);
    if (oldItems === undefined) {
      note(found, 'added', element, addedNode(items[0], schema.items, undefined, false));
    } else if (items.length === 1 && oldItems.length === 1) {
      if (schema.listType === 'map')
        noteAll(found, element, compareNodes(oldItems[0], items[0], schema.items, undefined));
    } else if (!equal(oldItems, items)) {
      note(found, 'modified', element, leaf);
    }
  }
  for (const [element, items] of old) {
    if (!now.has(element)) note(found, 'removed', element, addedNode(items[0], schema.items, undefined, false));
  }
  return found.added === undefined && found.modified === undefined && found.removed === undefined ? undefined : found;
}

/** Normally one item an element; repeats (env names may repeat) are compared as a whole. */
export function itemsByElement(items: readonly unknown[], schema: ListSchema): Map<string, unknown[]> {
  const byElement = new Map<string, unknown[]>();
  for (const item of items) {
    const element = itemElement(item, schema);
    const same = byElement.get(element);
    if (same === undefined) byElement.set(element, [item]);
    else same.push(item);
  }
  return byElement;
}

function note(found: Found, kind: keyof Found, element: string, set: FieldSet): void {
  let of = found[kind];
  if (of === undefined) {
    of = {};
    found[kind] = of;
  }
  of[element] = set;
}

function noteAll(found: Found, element: string, inner: NodeFound | undefined): void {
  if (inner === undefined) return;
  if (inner.added !== undefined) note(found, 'added', element, inner.added);
  if (inner.modified !== undefined) note(found, 'modified', element, inner.modified);
  if (inner.removed !== undefined) note(found, 'removed', element, inner.removed);
}

/** Added and modified alike: what a writer has set. */
export function writtenFields({ added, modified }: Comparison): FieldSet {
  return union(added, modified);
}
