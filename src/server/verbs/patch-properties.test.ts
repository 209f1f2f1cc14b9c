import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { schemaOf } from '../../api/schema/structure.ts';
import { clone, equal, isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { apply } from '../../machinery/managed-fields/apply.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { applyMergePatch } from '../../machinery/patch/merge.ts';
import { applyStrategicMergePatch } from '../../machinery/patch/strategic.ts';
import type { Field, ListSchema, Schema, StructSchema } from '../../machinery/schema.ts';

const depthMax = 6;
const words = fc.constantFrom('a', 'b', 'c', 'x.y/z', 'TCP');

/** A value of the schema's shape. Items of lists that have keys have all of them. */
function shapedBy(schema: Schema, depth: number, mergeKey?: string): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'struct':
      return depth >= depthMax ? fc.constant({}) : structOf(schema, depth, []);
    case 'list':
      return listOf(schema, depth, mergeKey);
    case 'map':
      return fc.dictionary(words, shapedBy(schema.values, depth + 1), { maxKeys: 3, noNullPrototype: true });
    case 'bool':
      return fc.boolean();
    case 'int32':
    case 'int64':
    case 'double':
      return fc.integer({ min: 0, max: 3 });
    case 'object':
      return fc.dictionary(words, words, { maxKeys: 2, noNullPrototype: true });
    case 'time':
    case 'microtime':
      return fc.constant('2026-01-01T00:00:00Z');
    default:
      return words;
  }
}

function structOf(schema: StructSchema, depth: number, always: readonly string[]): fc.Arbitrary<JsonObject> {
  const optional = [...schema.fields].filter(([name]) => !always.includes(name) && name !== 'managedFields');
  const names = fc.subarray(
    optional.map(([name]) => name),
    { maxLength: Math.min(optional.length, depth === 0 ? 3 : 4) },
  );
  return names.chain((chosen) => {
    const fields: Record<string, fc.Arbitrary<unknown>> = {};
    for (const name of [...always, ...chosen]) {
      const field = schema.fields.get(name);
      fields[name] = shapedBy(field?.schema ?? { type: 'string' }, depth + 1, field?.patchMergeKey);
    }
    return fc.record(fields, { noNullPrototype: true });
  });
}

function listOf({ items, listType, listKeys }: ListSchema, depth: number, mergeKey?: string): fc.Arbitrary<unknown[]> {
  const [key = mergeKey] = listKeys;
  if (key !== undefined && items.type === 'struct') {
    // By one key alone: a strategic patch cannot tell apart what only a second one does, here and upstream.
    const by = mergeKey ?? key;
    const always = [...new Set([by, ...listKeys])];
    const item = structOf(items, Math.min(depth + 1, depthMax), always);
    return fc.uniqueArray(item, { maxLength: 3, selector: (one) => one[by] });
  }
  const item = shapedBy(items, depth + 1);
  return listType === 'set'
    ? fc.uniqueArray(item, { maxLength: 3, selector: (value) => JSON.stringify(value) })
    : fc.array(item, { maxLength: 3 });
}

const schemas = ['core/v1.Pod', 'apps/v1.Deployment', 'core/v1.Service', 'core/v1.Node'].map((name) => schemaOf(name));

/** A schema with two objects of its shape. */
const pairs = fc
  .constantFrom(...schemas)
  .chain((schema) => fc.tuple(fc.constant(schema), objectOf(schema), objectOf(schema)));

function objectOf(schema: StructSchema): fc.Arbitrary<UnknownObject> {
  return structOf(schema, 0, ['spec']).map((object) => ({
    ...object,
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { ...(isJsonObject(object['metadata']) ? object['metadata'] : {}), name: 'x', namespace: 'y' },
  }));
}

const json = fc.jsonValue({ maxDepth: 3 });

test('a merge patch that is applied again changes nothing, and what it sets is there', () => {
  fc.assert(
    fc.property(json, json, (document, patch) => {
      const once = applyMergePatch(clone(document), clone(patch));
      assert.ok(equal(applyMergePatch(clone(once), clone(patch)), once));
      if (!isJsonObject(patch)) return;
      for (const [name, value] of Object.entries(patch)) {
        if (name === '__proto__') continue;
        assert.equal(isJsonObject(once) && Object.hasOwn(once, name), value !== null);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a strategic patch of an object with itself, or with nothing, is that object', () => {
  fc.assert(
    fc.property(pairs, ([schema, object]) => {
      assert.deepEqual(applyStrategicMergePatch(clone(object), clone(object), schema), object);
      assert.deepEqual(applyStrategicMergePatch({}, clone(object), schema), object);
      assert.deepEqual(applyStrategicMergePatch(clone(object), {}, schema), object);
    }),
    { numRuns: 400 },
  );
});

test('the strategic patch from one object to another makes it the other', () => {
  fc.assert(
    fc.property(pairs, ([schema, from, to]) => {
      const patched = applyStrategicMergePatch(clone(from), difference(from, to, schema), schema);
      assert.deepEqual(sorted(patched, schema), sorted(to, schema));
    }),
    { numRuns: 400 },
  );
});

/** The fields that differ, as kubectl makes a patch of them; merged lists by their keys, others whole. */
function difference(from: JsonObject, to: JsonObject, schema: Schema | undefined): JsonObject {
  const patch: JsonObject = {};
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name)) patch[name] = null;
  for (const [name, value] of Object.entries(to)) {
    const before = from[name];
    if (equal(before, value)) continue;
    const field = schema?.type === 'struct' ? schema.fields.get(name) : undefined;
    const inner = field?.schema ?? (schema?.type === 'map' ? schema.values : undefined);
    const replaces = field?.patchStrategy?.includes('replace') === true;
    if (isJsonObject(value) && isJsonObject(before) && !replaces) patch[name] = difference(before, value, inner);
    else if (Array.isArray(value) && Array.isArray(before) && mergesByKey(field))
      patch[name] = itemDifference(before as JsonObject[], value as JsonObject[], field);
    else if (Array.isArray(value) && Array.isArray(before) && field?.patchStrategy?.includes('merge') === true) {
      patch[name] = value;
      const gone = before.filter((item) => !value.some((one) => equal(one, item)));
      if (gone.length > 0) patch[`$deleteFromPrimitiveList/${name}`] = gone;
    } else patch[name] = value;
  }
  return clone(patch);
}

type KeyedField = Field & { readonly schema: ListSchema; readonly patchMergeKey: string };

function mergesByKey(field: Field | undefined): field is KeyedField {
  return field?.schema.type === 'list' && field.patchMergeKey !== undefined;
}

function itemDifference(from: readonly JsonObject[], to: readonly JsonObject[], field: KeyedField): JsonObject[] {
  const { patchMergeKey: key, schema } = field;
  const gone = from.filter((item) => !to.some((one) => equal(one[key], item[key])));
  const kept = to.map((item) => {
    const before = from.find((one) => equal(one[key], item[key]));
    return before === undefined ? item : { ...difference(before, item, schema.items), [key]: item[key] };
  });
  return [...kept, ...gone.map((item) => ({ [key]: item[key], $patch: 'delete' }))];
}

/** Lists whose order a patch may change are put in one order. */
function sorted(value: unknown, schema: Schema | undefined, field?: Field): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => sorted(item, schema?.type === 'list' ? schema.items : undefined));
    return field?.patchStrategy?.includes('merge') === true
      ? items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : items;
  }
  if (!isJsonObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(
    names.map((name) => {
      const inner = schema?.type === 'struct' ? schema.fields.get(name) : undefined;
      return [name, sorted(value[name], inner?.schema ?? (schema?.type === 'map' ? schema.values : undefined), inner)];
    }),
  );
}

test('applying the same configuration again changes nothing', () => {
  fc.assert(
    fc.property(pairs, ([schema, live, applied]) => {
      const options = { schema, manager: 'm', apiVersion: 'v1', force: true, subresource: '', now: 1_700_000_000_000 };
      const first = apply({
        ...options,
        live: apply({ ...options, live: undefined, applied: live, manager: 'other' }).object,
        applied,
      });
      const again = apply({ ...options, live: first.object, applied, now: 1_800_000_000_000 });
      assert.deepEqual(again.object, first.object);
    }),
    { numRuns: 300 },
  );
});

test('what one applier sets and then leaves out is gone, and what another set stays', () => {
  fc.assert(
    fc.property(pairs, ([schema, mine, theirs]) => {
      const options = { schema, apiVersion: 'v1', force: true, subresource: '', now: 1_700_000_000_000 };
      const nothing: UnknownObject = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x', namespace: 'y' } };
      const alone = apply({ ...options, live: undefined, applied: mine, manager: 'mine' }).object;
      const emptied = apply({ ...options, live: alone, applied: nothing, manager: 'mine' }).object;
      const { managedFields: _mine, ...metadata } = emptied.metadata;
      assert.ok(!Object.hasOwn(emptied, 'spec') || equal(emptied['spec'], {}), JSON.stringify(emptied['spec']));
      assert.equal(metadata.name, 'x');
      const both = apply({ ...options, live: alone, applied: theirs, manager: 'theirs' }).object;
      const left = apply({ ...options, live: both, applied: nothing, manager: 'mine' }).object;
      const again = apply({ ...options, live: left, applied: theirs, manager: 'theirs' }).object;
      assert.deepEqual(again['spec'], left['spec']);
    }),
    { numRuns: 300 },
  );
});
