import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clone, equal, parseJson } from './json.ts';
import type { Field, Schema, StructSchema } from './schema.ts';
import { checkFields, decodeFields } from './unknown-fields.ts';

const plain = (schema: Schema): Field => ({ schema, required: false });
const struct = (name: string, fields: Record<string, Schema>, preserveUnknown = false): StructSchema => ({
  type: 'struct',
  name,
  atomic: false,
  preserveUnknown,
  fields: new Map(Object.entries(fields).map(([field, schema]) => [field, plain(schema)])),
});
const list = (items: Schema): Schema => ({ type: 'list', items, listType: 'atomic', listKeys: [] });
const port = struct('io.k8s.api.core.v1.ContainerPort', { containerPort: { type: 'int32' } });
const container = struct('io.k8s.api.core.v1.Container', {
  name: { type: 'string' },
  ports: list(port),
  args: list({ type: 'string' }),
  limits: { type: 'map', values: { type: 'quantity' }, atomic: false },
});
const schema = struct('io.k8s.api.core.v1.Pod', {
  containers: list(container),
  at: { type: 'time' },
  micro: { type: 'microtime' },
  data: { type: 'map', values: { type: 'bytes' }, atomic: false },
  labels: { type: 'map', values: { type: 'string' }, atomic: false },
  on: { type: 'bool' },
  port: { type: 'intstr' },
  any: { type: 'any' },
  open: struct('', { known: { type: 'string' } }, true),
});

describe('decodeFields', () => {
  it('takes unknown fields out and names them with their path', () => {
    const value = { foo: 1, containers: [{ name: 'a' }, { name: 'b', bar: {}, ports: [{ Containerport: 1 }] }] };
    const { unknown, typeErrors } = decodeFields(value, schema);
    assert.deepEqual(unknown, ['foo', 'containers[1].bar', 'containers[1].ports[0].Containerport']);
    assert.deepEqual(typeErrors, []);
    assert.deepEqual(value, { containers: [{ name: 'a' }, { name: 'b', ports: [{}] }] });
  });

  it('keeps unknown fields where the schema says so', () => {
    const value = { open: { known: 'a', other: { deep: null } } };
    assert.deepEqual(decodeFields(value, schema).unknown, []);
    assert.deepEqual(value, { open: { known: 'a', other: { deep: null } } });
  });

  it('drops nulls, and makes them zero values inside maps and lists', () => {
    const value = { on: null, labels: { a: null }, containers: [{ args: [null] }], any: { x: null } };
    decodeFields(value, schema);
    assert.deepEqual(value, { labels: { a: '' }, containers: [{ args: [''] }], any: { x: null } });
  });

  it('writes quantities and times canonically', () => {
    const value = {
      containers: [{ limits: { cpu: 2, memory: '1024Mi' } }],
      at: '2026-01-02T04:04:05.9+01:00',
      micro: '2026-01-02T03:04:05.123Z',
    };
    assert.deepEqual(decodeFields(value, schema).typeErrors, []);
    assert.deepEqual(value, {
      containers: [{ limits: { cpu: '2', memory: '1Gi' } }],
      at: '2026-01-02T03:04:05Z',
      micro: '2026-01-02T03:04:05.123000Z',
    });
  });

  const wrong: [object, RegExp][] = [
    [
      { containers: 'x' },
      /^json: cannot unmarshal string into Go struct field Pod\.containers of type \[\]v1\.Container$/,
    ],
    [
      { containers: [{ ports: [{ containerPort: '80' }] }] },
      /^json: cannot unmarshal string into Go struct field ContainerPort\.containers\.ports\.containerPort of type int32$/,
    ],
    [
      { containers: [{ ports: [{ containerPort: 1.5 }] }] },
      /^json: cannot unmarshal number 1\.5 into Go struct field .* of type int32$/,
    ],
    [{ labels: { a: 1 } }, /^json: cannot unmarshal number into Go struct field Pod\.labels\.a of type string$/],
    [{ on: 'true' }, /cannot unmarshal string .* of type bool$/],
    [{ containers: [{ limits: { cpu: 'x' } }] }, /^quantities must match the regular expression/],
    [{ at: 'yesterday' }, /^parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse/],
    [{ data: { a: 'not base64!' } }, /^illegal base64 data at input byte 3$/],
  ];
  for (const [value, expected] of wrong) {
    it(`reports ${JSON.stringify(value)}`, () => {
      assert.match(decodeFields(clone(value), schema).typeErrors[0] ?? 'nothing', expected);
    });
  }

  it('changes nothing when it only checks', () => {
    const value = { foo: 1, on: null, containers: [{ limits: { cpu: '1000m' } }] };
    const copy = clone(value);
    assert.deepEqual(checkFields(value, schema).unknown, ['foo']);
    assert.ok(equal(value, copy));
  });
});

describe('parseJson', () => {
  it('names fields that stand twice', () => {
    const text = '{"a":{"b":[{"c":1,"c":2},{"d":"}\\"","d":1}]},"a":{"b":[]}, "e":[[{"f":1,"f":2}]]}';
    assert.deepEqual(parseJson(text, { duplicates: true }).duplicateFields, ['a.b[0].c', 'a.b[1].d', 'a', 'e[0][0].f']);
    assert.deepEqual(parseJson(Buffer.from(text), { duplicates: false }).duplicateFields, []);
  });

  it('throws for what is not JSON', () => {
    assert.throws(() => parseJson('{"a":', { duplicates: true }), SyntaxError);
  });
});

describe('equal', () => {
  it('compares deeply and takes undefined for absent', () => {
    assert.ok(equal({ a: [1, { b: null }], c: undefined }, { a: [1, { b: null }] }));
    assert.ok(!equal({ a: undefined, b: 1 }, { a: 1, b: 1 }));
    assert.ok(!equal([1], { 0: 1 }));
    assert.ok(!equal({}, []));
    assert.ok(!equal(null, {}));
  });
});
