import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone, equal } from './json.ts';

const cases: [string, unknown, unknown, boolean][] = [
  ['same text', { a: [1, { b: null }] }, { a: [1, { b: null }] }, true],
  ['another order of fields', { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ['an undefined field', { a: 1, b: undefined }, { a: 1 }, true],
  ['a field more', { a: 1 }, { a: 1, b: 2 }, false],
  ['a field less', { a: 1, b: 2 }, { a: 1 }, false],
  ['null instead of nothing', { a: null }, {}, false],
  ['a list instead of an object', {}, [], false],
  ['a name that every object inherits', { toString: {} }, {}, false],
  ['an own __proto__', JSON.parse('{"__proto__":{}}'), {}, false],
];

for (const [name, a, b, expected] of cases) {
  test(`${name}: ${expected ? 'equal' : 'not equal'}`, () => {
    assert.equal(equal(a, b), expected);
    assert.equal(equal(b, a), expected);
  });
}

test('a copy is equal and shares nothing', () => {
  const original = JSON.parse('{"a":[{"b":1}],"__proto__":{"c":2}}') as { a: object[] };
  const copy = clone(original);
  assert.ok(equal(original, copy));
  assert.notEqual(copy.a[0], original.a[0]);
});
