import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand } from './expansion.ts';

const values = new Map([
  ['A', 'one'],
  ['B', ''],
]);
const cases: [string, string][] = [
  ['plain', 'plain'],
  ['$(A)', 'one'],
  ['x$(A)y$(A)', 'xoneyone'],
  ['$(B)', ''],
  ['$(NONE)', '$(NONE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$(A', '$(A'],
  ['$A', '$A'],
  ['end$', 'end$'],
  ['$()', '$()'],
];

for (const [text, expected] of cases) {
  test(`expand ${JSON.stringify(text)}`, () =>
    assert.equal(
      expand(text, (name) => values.get(name)),
      expected,
    ));
}
