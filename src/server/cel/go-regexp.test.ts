import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { goRegExp } from './go-regexp.ts';

describe('goRegExp', () => {
  const cases: [string, string, boolean][] = [
    ['^[[:alpha:]_]+$', 'ab_', true],
    ['^[[:alpha:]]+$', 'ab1', false],
    ['(?i)^abc$', 'ABC', true],
    ['\\Aa\\z', 'a', true],
    ['^\\pL+$', 'ab', true],
    ['^\\p{Greek}$', 'a', false],
    ['^(?P<year>\\d{4})$', '2026', true],
    ['^\\Qa.b\\E$', 'a.b', true],
    ['^\\Qa.b\\E$', 'axb', false],
    ['^\\x{41}$', 'A', true],
    ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 'a-b', true],
  ];
  for (const [pattern, text, expected] of cases) {
    it(`${pattern} on ${text}`, () => assert.equal(goRegExp(pattern).test(text), expected));
  }

  for (const pattern of ['(', 'a(?=b)', '(a)\\1', '[z-a]']) {
    it(`refuses ${pattern}`, () => assert.throws(() => goRegExp(pattern), SyntaxError));
  }
});
