import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFieldSelector } from './fields.ts';
import { scaledValueFromIntOrPercent } from './intstr.ts';
import type { ObjectMeta } from './meta-types.generated.ts';
import { generateName, inheritObjectMeta, validateObjectMeta, validateObjectMetaUpdate } from './object-meta.ts';
import { fieldErrorMessage } from './status-error.ts';
import { humanDuration, rfc3339, rfc3339Micro } from './time.ts';

const messages = (errors: ReturnType<typeof validateObjectMeta>): string[] =>
  errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);

describe('validateObjectMeta', () => {
  const check = (meta: Partial<ObjectMeta>, namespaced = true): string[] =>
    messages(validateObjectMeta({ name: 'x', namespace: namespaced ? 'y' : '', ...meta }, { namespaced }, 'metadata'));

  it('accepts what is valid', () => {
    assert.deepEqual(
      check({
        labels: { 'example.com/a': 'b' },
        annotations: { 'Example.com/A': 'anything at all' },
        finalizers: ['example.com/a'],
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'X', name: 'x', uid: '1', controller: true }],
      }),
      [],
    );
  });

  const cases: [string, Partial<ObjectMeta>, RegExp][] = [
    ['no name', { name: '' }, /^metadata\.name: Required value: name or generateName is required$/],
    ['a bad name', { name: 'A' }, /^metadata\.name: Invalid value: "A": a lowercase RFC 1123 subdomain/],
    ['no namespace', { namespace: '' }, /^metadata\.namespace: Required value$/],
    ['a bad label', { labels: { a: 'b c' } }, /^metadata\.labels: Invalid value: "b c": a valid label must/],
    [
      'too many annotations',
      { annotations: { a: 'x'.repeat(256 * 1024) } },
      /^metadata\.annotations: Too long: may not be more than 262144 bytes$/,
    ],
    [
      'two controllers',
      {
        ownerReferences: ['x', 'y'].map((name) => ({ apiVersion: 'v1', kind: 'K', name, uid: name, controller: true })),
      },
      /Only one reference can have Controller set to true\. Found "true" in references for K\/x and K\/y$/,
    ],
    [
      'an owner without a uid',
      { ownerReferences: [{ apiVersion: 'v1', kind: 'K', name: 'x', uid: '' }] },
      /^metadata\.ownerReferences\.uid: Invalid value: "": must not be empty$/,
    ],
    ['both finalizers of deletion', { finalizers: ['orphan', 'foregroundDeletion'] }, /cannot be both set$/],
  ];
  for (const [name, meta, expected] of cases) {
    it(`refuses ${name}`, () => assert.match(check(meta)[0] ?? 'accepted', expected));
  }

  it('refuses a namespace on a cluster-scoped kind', () => {
    assert.deepEqual(check({ namespace: 'y' }, false), ['metadata.namespace: Forbidden: not allowed on this type']);
  });
});

describe('validateObjectMetaUpdate', () => {
  it('lets a client leave out what the server owns', () => {
    const old: ObjectMeta = { name: 'x', uid: '1', creationTimestamp: 't', deletionTimestamp: 'd', generation: 2 };
    const meta: ObjectMeta = { name: 'x', generation: 2 };
    inheritObjectMeta(meta, old);
    assert.deepEqual(meta, old);
    assert.deepEqual(validateObjectMetaUpdate(meta, old, 'metadata'), []);
  });

  it('refuses another identity and new finalizers on what is being deleted', () => {
    const old: ObjectMeta = { name: 'x', uid: '1', deletionTimestamp: 'd', finalizers: ['a/b'] };
    const meta: ObjectMeta = { ...old, uid: '2', finalizers: ['a/b', 'c/d'] };
    assert.deepEqual(messages(validateObjectMetaUpdate(meta, old, 'metadata')), [
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
      'metadata.uid: Invalid value: "2": field is immutable',
    ]);
  });
});

it('generateName keeps to a label and adds five characters', () => {
  assert.match(generateName('web-'), /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.equal(generateName('a'.repeat(80)).length, 63);
});

it('humanDuration writes ages as kubectl does', () => {
  const minute = 60_000;
  const hour = 60 * minute;
  const day = 24 * hour;
  const cases: [number, string][] = [
    [-5000, '<invalid>'],
    [-500, '0s'],
    [119_000, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 30_000, '5m30s'],
    [90 * minute, '90m'],
    [3 * hour + minute, '3h1m'],
    [47 * hour, '47h'],
    [2 * day + 3 * hour, '2d3h'],
    [9 * day + hour, '9d'],
    [800 * day, '2y70d'],
    [3000 * day, '8y'],
  ];
  for (const [ms, expected] of cases) assert.equal(humanDuration(ms), expected);
});

it('times are written in UTC with seconds or microseconds', () => {
  assert.equal(rfc3339(1), '1970-01-01T00:00:00Z');
  assert.equal(rfc3339Micro(1.5), '1970-01-01T00:00:00.001500Z');
});

it('scaledValueFromIntOrPercent rounds as asked', () => {
  assert.equal(scaledValueFromIntOrPercent(3, 10, true), 3);
  assert.equal(scaledValueFromIntOrPercent('25%', 10, true), 3);
  assert.equal(scaledValueFromIntOrPercent('25%', 10, false), 2);
  assert.throws(() => scaledValueFromIntOrPercent('x', 10, true), /invalid type: string is not a percentage/);
});

it('parseFieldSelector reads operators and escapes', () => {
  const selector = parseFieldSelector('a=b\\,c,d!=e,f==');
  assert.deepEqual(selector.requirements, [
    { path: 'a', operator: '=', value: 'b,c' },
    { path: 'd', operator: '!=', value: 'e' },
    { path: 'f', operator: '=', value: '' },
  ]);
  assert.ok(selector.matches((path) => (path === 'a' ? 'b,c' : '')));
  assert.throws(() => parseFieldSelector('abc'), {
    message: "invalid selector: 'abc'; can't understand 'abc'",
    code: 400,
  });
});
