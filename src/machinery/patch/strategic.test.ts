import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JsonObject } from '../json.ts';
import type { Field, Schema, StructSchema } from '../schema.ts';
import { applyJsonPatch } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicMergePatch } from './strategic.ts';

const string: Schema = { type: 'string' };
const list = (items: Schema): Schema => ({ type: 'list', items, listType: 'atomic', listKeys: [] });
const struct = (fields: Record<string, Field>): StructSchema => ({
  type: 'struct',
  name: 'Thing',
  atomic: false,
  fields: new Map(Object.entries(fields)),
});
const plain = (schema: Schema): Field => ({ schema, required: false });

const item = struct({ name: plain(string), value: plain(string), args: plain(list(string)) });
const schema = struct({
  items: { schema: list(item), required: false, patchStrategy: ['merge'], patchMergeKey: 'name' },
  volumes: { schema: list(item), required: false, patchStrategy: ['merge', 'retainKeys'], patchMergeKey: 'name' },
  finalizers: { schema: list(string), required: false, patchStrategy: ['merge'] },
  replaced: plain(list(item)),
  strategy: { schema: struct({ type: plain(string) }), required: false, patchStrategy: ['retainKeys'] },
  labels: plain({ type: 'map', values: string, atomic: false }),
});

const a = { name: 'a', value: '1' };
const b = { name: 'b', value: '1' };
const c = { name: 'c', value: '1' };

const cases: { name: string; document: JsonObject; patch: JsonObject; expected: JsonObject }[] = [
  {
    name: 'merges maps and removes nulls',
    document: { labels: { x: '1', y: '2' } },
    patch: { labels: { x: null, z: '3' } },
    expected: { labels: { y: '2', z: '3' } },
  },
  {
    name: 'merges items by their key and keeps the order',
    document: { items: [a, b] },
    patch: { items: [{ name: 'b', value: '2' }] },
    expected: { items: [a, { name: 'b', value: '2' }] },
  },
  {
    name: 'puts new items before those only the server has',
    document: { items: [a] },
    patch: { items: [c] },
    expected: { items: [c, a] },
  },
  {
    name: 'replaces a list without a merge strategy',
    document: { replaced: [a, b] },
    patch: { replaced: [c] },
    expected: { replaced: [c] },
  },
  {
    name: 'deletes an item',
    document: { items: [a, b] },
    patch: { items: [{ name: 'a', $patch: 'delete' }] },
    expected: { items: [b] },
  },
  {
    name: 'replaces a list that says so',
    document: { items: [a, b] },
    patch: { items: [{ $patch: 'replace' }, c] },
    expected: { items: [c] },
  },
  {
    name: 'replaces and deletes a map that says so',
    document: { labels: { x: '1' }, strategy: { type: 'A' } },
    patch: { labels: { $patch: 'replace', y: '1' }, strategy: { $patch: 'delete' } },
    expected: { labels: { y: '1' }, strategy: {} },
  },
  {
    name: 'orders items by $setElementOrder',
    document: { items: [a, b, c] },
    patch: { '$setElementOrder/items': [{ name: 'c' }, { name: 'a' }], items: [{ name: 'a', value: '2' }] },
    expected: { items: [b, c, { name: 'a', value: '2' }] },
  },
  {
    name: 'keeps an emptied order directive from making a list',
    document: {},
    patch: { '$setElementOrder/items': [{ name: 'a' }] },
    expected: {},
  },
  {
    name: 'merges and deletes primitives',
    document: { finalizers: ['x', 'y'] },
    patch: { '$deleteFromPrimitiveList/finalizers': ['x'], finalizers: ['z', 'y'] },
    expected: { finalizers: ['z', 'y'] },
  },
  {
    name: 'retains only the named keys',
    document: { strategy: { type: 'A', rest: '1' }, volumes: [{ name: 'a', value: '1' }] },
    patch: {
      strategy: { $retainKeys: ['type'], type: 'B' },
      volumes: [{ $retainKeys: ['name', 'args'], name: 'a', args: ['1'] }],
    },
    expected: { strategy: { type: 'B' }, volumes: [{ name: 'a', args: ['1'] }] },
  },
  {
    name: 'leaves no directives or nulls in what is new',
    document: {},
    patch: {
      items: [
        { name: 'a', value: null },
        { name: 'b', $patch: 'delete' },
      ],
      labels: { x: null, y: '1' },
    },
    expected: { items: [{ name: 'a' }], labels: { y: '1' } },
  },
];

describe('applyStrategicMergePatch', () => {
  for (const { name, document, patch, expected } of cases) {
    it(name, () => {
      const copy = structuredClone({ document, patch });
      assert.deepEqual(applyStrategicMergePatch(copy.document, copy.patch, schema), expected);
    });
  }

  it('refuses an item without its merge key and a directive it does not know', () => {
    assert.throws(() => applyStrategicMergePatch({ items: [a] }, { items: [{ value: '1' }] }, schema), {
      message: 'map: {"value":"1"} does not contain declared merge key: name',
      code: 400,
    });
    assert.throws(() => applyStrategicMergePatch({}, { $patch: 'burn' }, schema), {
      message: 'unknown patch type: burn in map',
    });
  });
});

describe('applyMergePatch', () => {
  it('follows RFC 7386', () => {
    const document = { a: 'b', c: { d: 'e', f: 'g' }, l: [1] };
    assert.deepEqual(applyMergePatch(document, { a: 'z', c: { f: null }, l: [2], n: { x: null } }), {
      a: 'z',
      c: { d: 'e' },
      l: [2],
      n: {},
    });
    assert.deepEqual(applyMergePatch({ a: 1 }, ['x']), ['x']);
  });
});

describe('applyJsonPatch', () => {
  it('applies operations in order', () => {
    const operations = [
      { op: 'test', path: '/a', value: 1 },
      { op: 'add', path: '/l/-', value: 2 },
      { op: 'remove', path: '/a' },
      { op: 'add', path: '/x~1y', value: true },
    ];
    assert.deepEqual(applyJsonPatch({ a: 1, l: [1] }, operations), { l: [1, 2], 'x/y': true });
  });

  for (const operation of [
    { op: 'test', path: '/a', value: 2 },
    { op: 'remove', path: '/missing' },
    { op: 'replace', path: '/missing/deeper', value: 1 },
  ]) {
    it(`answers 422 when ${operation.op} ${operation.path} fails`, () => {
      assert.throws(() => applyJsonPatch({ a: 1 }, [operation]), {
        code: 422,
        message: 'the server rejected our request due to an error in our request',
      });
    });
  }

  it('answers 400 for what is no list and 413 for too many operations', () => {
    assert.throws(() => applyJsonPatch({}, { op: 'add' }), { code: 400 });
    assert.throws(() => applyJsonPatch({}, new Array(10_001).fill({ op: 'test', path: '/a' })), { code: 413 });
  });
});
