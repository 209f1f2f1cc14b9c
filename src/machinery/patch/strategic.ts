import { equal, isJsonObject, type JsonObject } from '../json.ts';
import type { Field, Schema, StructSchema } from '../schema.ts';
import { apiError, badRequest } from '../status-error.ts';
import { type Identity, orderLike } from './element-order.ts';

const directiveKey = '$patch';
const retainKeysKey = '$retainKeys';
const setElementOrderPrefix = '$setElementOrder/';
const deleteFromPrimitiveListPrefix = '$deleteFromPrimitiveList/';

/**
 * A strategic merge patch (k8s.io/apimachinery/pkg/util/strategicpatch) with all its directives. `document` and `patch`
 * are the caller's own copies: both are changed, and parts of the patch end up in the answer. Throws a 400 for a patch
 * that is not well formed.
 */
export function applyStrategicMergePatch(document: JsonObject, patch: JsonObject, schema: StructSchema): JsonObject {
  return mergeMap(document, patch, schema);
}

function mergeMap(original: JsonObject, patch: JsonObject, schema: Schema | undefined): JsonObject {
  const directive = patch[directiveKey];
  if (directive !== undefined) {
    delete patch[directiveKey];
    if (directive === 'replace') return dropDirectives(patch) as JsonObject;
    if (directive === 'delete') return {};
    throw badRequest(`unknown patch type: ${String(directive)} in map`);
  }
  retainKeys(original, patch);
  for (const key of Object.keys(patch)) {
    if (key.startsWith(setElementOrderPrefix)) mergeOrderedList(original, patch, key, schema);
  }
  for (const key of Object.keys(patch)) {
    if (key === '__proto__') continue;
    if (key.startsWith(deleteFromPrimitiveListPrefix)) deleteFromList(original, patch, key);
    else mergeField(original, key, patch[key], schema);
  }
  return original;
}

function mergeField(original: JsonObject, key: string, value: unknown, schema: Schema | undefined): void {
  if (value === null) {
    delete original[key];
    return;
  }
  const before = original[key];
  if (isJsonObject(value) && isJsonObject(before)) {
    const field = fieldOf(schema, key);
    if (strategyOf(field) === 'replace') original[key] = dropDirectives(value);
    else original[key] = mergeMap(before, value, field?.schema);
  } else if (Array.isArray(value) && Array.isArray(before)) {
    original[key] = mergeList(before, value, fieldOf(schema, key));
  } else {
    original[key] = dropDirectives(value);
  }
}

function mergeList(original: unknown[], patch: unknown[], field: Field | undefined): unknown[] {
  if (strategyOf(field) !== 'merge') return dropDirectives(patch) as unknown[];
  if (original.length === 0 && patch.length === 0) return original;
  const mergeKey = field?.patchMergeKey;
  if (mergeKey === undefined) {
    const merged = unique([...original, ...patch]);
    return orderLike(merged, patch, original, (item) => item);
  }
  const identity = identityBy(mergeKey);
  const items = listItems(patch, mergeKey);
  if (items.replace) return items.merge.map((item) => dropDirectives(item));
  const kept = original.filter((item) => !items.deleted.some((gone) => equal(gone, identity(item))));
  const itemSchema = field?.schema.type === 'list' ? field.schema.items : undefined;
  const merged = [...kept];
  for (const item of items.merge) {
    const at = merged.findIndex((candidate) => equal(identity(candidate), identity(item)));
    const found = merged[at];
    if (isJsonObject(found)) merged[at] = mergeMap(found, item, itemSchema);
    else merged.push(dropDirectives(item));
  }
  return orderLike(merged, items.merge, original, identity);
}

interface ListItems {
  /** The list stands as it is in the patch. */
  replace: boolean;
  /** Merge-key values of items to delete. */
  readonly deleted: unknown[];
  readonly merge: JsonObject[];
}

/** Sorts the items of a patch list by their `$patch`, and takes that out. */
function listItems(patch: readonly unknown[], mergeKey: string): ListItems {
  const items: ListItems = { replace: false, deleted: [], merge: [] };
  for (const item of patch) {
    if (!isJsonObject(item)) {
      throw badRequest(`Invalid JSON patch: a list merged by ${mergeKey} holds something that is not a map`);
    }
    const directive = item[directiveKey];
    delete item[directiveKey];
    if (directive === 'replace') {
      items.replace = true;
      if (Object.keys(item).length > 0) items.merge.push(item);
    } else if (directive === 'delete') {
      if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
      items.deleted.push(item[mergeKey]);
    } else if (directive === undefined || directive === 'merge') {
      items.merge.push(item);
    } else {
      throw badRequest(`unknown patch type: ${String(directive)} in map`);
    }
  }
  if (!items.replace) {
    for (const item of items.merge) if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
  }
  return items;
}

/** `$setElementOrder/field`: merges the field's list if the patch has it, then puts it into the given order. */
function mergeOrderedList(
  original: JsonObject,
  patch: JsonObject,
  directive: string,
  schema: Schema | undefined,
): void {
  const key = directive.slice(setElementOrderPrefix.length);
  const order = patch[directive];
  delete patch[directive];
  if (!Array.isArray(order)) throw badRequest(`${directive} must be a list`);
  const field = fieldOf(schema, key);
  const before = original[key];
  const change = patch[key];
  delete patch[key];
  const present = Array.isArray(before) ? before : [];
  if (change === null) {
    delete original[key];
    return;
  }
  if (!Array.isArray(before) && !Array.isArray(change)) return;
  // mergeList may work in place on items, never on the list itself, so `present` keeps the server's order.
  const merged = Array.isArray(change) ? mergeList(present, change, field) : present;
  const mergeKey = field?.patchMergeKey;
  original[key] = orderLike(merged, order, present, mergeKey === undefined ? (item) => item : identityBy(mergeKey));
}

function deleteFromList(original: JsonObject, patch: JsonObject, directive: string): void {
  const key = directive.slice(deleteFromPrimitiveListPrefix.length);
  const values = patch[directive];
  if (!Array.isArray(values)) throw badRequest(`${directive} must be a list`);
  const before = original[key];
  if (Array.isArray(before)) original[key] = before.filter((item) => !values.some((value) => equal(value, item)));
}

function retainKeys(original: JsonObject, patch: JsonObject): void {
  const retained = patch[retainKeysKey];
  if (retained === undefined) return;
  delete patch[retainKeysKey];
  if (!Array.isArray(retained)) throw badRequest('$retainKeys must be a list');
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$') && patch[key] !== null && !retained.includes(key)) {
      throw apiError(422, 'Invalid', '$retainKeys directive is not consistent with the patch');
    }
  }
  for (const key of Object.keys(original)) if (!retained.includes(key)) delete original[key];
}

/** What the patch brings anew holds neither directives nor nulls. */
function dropDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isDirectiveItem(item)).map((item) => dropDirectives(item));
  if (!isJsonObject(value)) return value;
  for (const key of Object.keys(value)) {
    if (key === directiveKey || key === retainKeysKey || value[key] === null || isPrefixedDirective(key)) {
      delete value[key];
    } else {
      value[key] = dropDirectives(value[key]);
    }
  }
  return value;
}

/** An item that deletes another one, or that only says how its list is meant. */
function isDirectiveItem(item: unknown): boolean {
  if (!isJsonObject(item) || item[directiveKey] === undefined) return false;
  return item[directiveKey] === 'delete' || Object.keys(item).length === 1;
}

function isPrefixedDirective(key: string): boolean {
  return key.startsWith(setElementOrderPrefix) || key.startsWith(deleteFromPrimitiveListPrefix);
}

function strategyOf(field: Field | undefined): 'merge' | 'replace' | undefined {
  return field?.patchStrategy?.find((strategy) => strategy !== 'retainKeys') as 'merge' | 'replace' | undefined;
}

function fieldOf(schema: Schema | undefined, key: string): Field | undefined {
  if (schema?.type === 'struct') return schema.fields.get(key);
  if (schema?.type === 'map') return { schema: schema.values, required: false };
  return undefined;
}

function identityBy(mergeKey: string): Identity {
  return (item) => (isJsonObject(item) ? item[mergeKey] : undefined);
}

function unique(items: readonly unknown[]): unknown[] {
  const kept: unknown[] = [];
  for (const item of items) if (!kept.some((other) => equal(other, item))) kept.push(item);
  return kept;
}

function noMergeKey(item: JsonObject, mergeKey: string): Error {
  return badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
}
