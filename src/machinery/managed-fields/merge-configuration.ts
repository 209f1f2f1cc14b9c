import { clone, isJsonObject, type JsonObject } from '../json.ts';
import type { Field, ListSchema, Schema, StructSchema } from '../schema.ts';
import { type FieldSet, isMember } from './field-set.ts';
import { itemsByElement } from './object-fields.ts';
import { fieldElement, fieldOf, isAtomic, itemElement } from './path-elements.ts';

/** `live` with everything that `configuration` sets. Neither is changed; the result shares nothing with them. */
export function mergeConfiguration(live: JsonObject, configuration: JsonObject, schema: StructSchema): JsonObject {
  return mergeMembers(clone(live), configuration, schema);
}

function mergeMembers(target: JsonObject, configuration: JsonObject, schema: Schema): JsonObject {
  for (const name in configuration) {
    const value = configuration[name];
    if (value === undefined || value === null) continue;
    const field = schema.type === 'struct' ? fieldOf(schema, name) : undefined;
    target[name] = mergeNode(target[name], value, memberSchema(schema, field), field);
  }
  return target;
}

function mergeNode(target: unknown, value: unknown, schema: Schema, field: Field | undefined): unknown {
  if (!isAtomic(schema, field)) {
    if (schema.type === 'list' && Array.isArray(target) && Array.isArray(value))
      return mergeItems(target, value, schema);
    if (isJsonObject(target) && isJsonObject(value)) return mergeMembers(target, value, schema);
  }
  return clone(value);
}

/** As structured-merge-diff: shared items in the configuration's order, the others of the live list before its new ones. */
function mergeItems(target: readonly unknown[], configuration: readonly unknown[], schema: ListSchema): unknown[] {
  const live = itemsByElement(target, schema);
  const configured = itemsByElement(configuration, schema);
  const order = [...live.keys()];
  const merged: unknown[] = [];
  let next = 0;
  const takeUnconfiguredBefore = (end: number): void => {
    for (; next < end; next++) {
      const element = order[next] ?? '';
      if (!configured.has(element)) merged.push(...(live.get(element) ?? []));
    }
  };
  for (const [element, items] of configured) {
    const known = live.get(element);
    if (known === undefined) {
      // What stands before the next item that both have comes first.
      let end = next;
      while (end < order.length && !configured.has(order[end] ?? '')) end++;
      takeUnconfiguredBefore(end);
      merged.push(...items.map((item) => clone(item)));
      continue;
    }
    const at = order.indexOf(element);
    if (at >= next) takeUnconfiguredBefore(at + 1);
    merged.push(mergeNode(known[0], items[0], schema.items, undefined));
  }
  takeUnconfiguredBefore(order.length);
  return merged;
}

/**
 * Takes out of `merged` what the applier owned before (`last`) and nobody owns now (`owned`). Changes `merged`.
 * As in upstream, the named fields of structs count as owned when anything below them is.
 */
export function pruneFields(merged: JsonObject, last: FieldSet, owned: FieldSet, schema: StructSchema): void {
  const { 'f:metadata': lastMetadata, ...lastOthers } = last;
  pruneMembers(merged, lastOthers, owned, schema);
  // Metadata is never taken out as a whole: name and uid are nobody's.
  const { metadata } = merged;
  const field = schema.fields.get('metadata');
  if (lastMetadata !== undefined && field !== undefined && isJsonObject(metadata)) {
    pruneMembers(metadata, lastMetadata, owned['f:metadata'], field.schema);
  }
}

function pruneMembers(value: JsonObject, last: FieldSet, owned: FieldSet | undefined, schema: Schema): void {
  for (const name of Object.keys(value)) {
    const element = fieldElement(name);
    const lastBelow = last[element];
    if (lastBelow === undefined) continue;
    const ownedBelow = owned?.[element];
    const named = schema.type === 'struct' && schema.fields.has(name);
    if ((named || isMember(lastBelow)) && !(ownedBelow !== undefined && (named || isMember(ownedBelow)))) {
      delete value[name];
      continue;
    }
    const field = schema.type === 'struct' ? fieldOf(schema, name) : undefined;
    const emptied = pruneNode(value, name, lastBelow, ownedBelow, memberSchema(schema, field), field);
    if (emptied && !(ownedBelow !== undefined && isMember(ownedBelow))) delete value[name];
  }
}

/** True when the member held something and now holds nothing. */
function pruneNode(
  parent: JsonObject,
  name: string,
  last: FieldSet,
  owned: FieldSet | undefined,
  schema: Schema,
  field: Field | undefined,
): boolean {
  if (isAtomic(schema, field)) return false;
  const value = parent[name];
  if (Array.isArray(value) && schema.type === 'list') {
    const kept = pruneItems(value, last, owned, schema);
    parent[name] = kept;
    return kept.length === 0 && value.length > 0;
  }
  if (!isJsonObject(value) || Object.keys(value).length === 0) return false;
  pruneMembers(value, last, owned, schema);
  return Object.keys(value).length === 0;
}

function pruneItems(
  items: readonly unknown[],
  last: FieldSet,
  owned: FieldSet | undefined,
  schema: ListSchema,
): unknown[] {
  return items.filter((item) => {
    const element = itemElement(item, schema);
    const lastBelow = last[element];
    if (lastBelow === undefined) return true;
    const ownedBelow = owned?.[element];
    if (isMember(lastBelow) && !(ownedBelow !== undefined && isMember(ownedBelow))) return false;
    if (isJsonObject(item) && !isAtomic(schema.items, undefined)) {
      pruneMembers(item, lastBelow, ownedBelow, schema.items);
    }
    return true;
  });
}

function memberSchema(schema: Schema, field: Field | undefined): Schema {
  if (field !== undefined) return field.schema;
  return schema.type === 'map' ? schema.values : { type: 'any' };
}
