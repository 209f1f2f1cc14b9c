import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isConfigMapKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isEnvVarName,
  isPathSegmentName,
  isQualifiedName,
  isRelaxedEnvVarName,
  isValidLabelValue,
  isValidPortName,
  type Problems,
} from './names.ts';

const cases: [(value: string) => Problems, string[], [string, RegExp][]][] = [
  [
    isDns1123Label,
    ['a', 'a-b', '0', 'a'.repeat(63)],
    [
      ['', /^a lowercase RFC 1123 label must consist/],
      ['A', /e\.g\. 'my-name' or '123-abc', regex used for validation is/],
      ['a.b', /^must not contain dots$/],
      ['a'.repeat(64), /^must be no more than 63 bytes$/],
      ['-a', /label/],
    ],
  ],
  [
    isDns1123Subdomain,
    ['a.b', '1.2-3'],
    [
      ['a..b', /RFC 1123 subdomain/],
      ['a_b', /RFC 1123 subdomain/],
    ],
  ],
  [isDns1035Label, ['a1'], [['1a', /^a DNS-1035 label must consist/]]],
  [
    isQualifiedName,
    ['a', 'A_b.c', 'example.com/a'],
    [
      ['', /^name part must be non-empty$/],
      ['/a', /^prefix part must be non-empty$/],
      ['a/', /^name part must be non-empty$/],
      ['a/b/c', /with an optional DNS subdomain prefix and '\/'/],
      ['A.com/a', /^prefix part a lowercase RFC 1123 subdomain/],
      ['a'.repeat(64), /^name part must be no more than 63 bytes$/],
    ],
  ],
  [isValidLabelValue, ['', 'a', 'A.b_c'], [['a b', /^a valid label must be an empty string/]]],
  [
    isEnvVarName,
    ['A', '_a', '.a', 'a-b'],
    [
      ['1a', /must not start with a digit/],
      ['..', /^must not be '\.\.'$/],
      ['..a', /^must not start with '\.\.'$/],
    ],
  ],
  [isRelaxedEnvVarName, ['1a', 'a b', '#'], [['a=b', /printable ASCII characters other than '='/]]],
  [
    isConfigMapKey,
    ['a.b', '.a', '-'],
    [
      ['a/b', /^a valid config key/],
      ['.', /^must not be '\.'$/],
    ],
  ],
  [
    isPathSegmentName,
    ['a:b', 'A'],
    [
      ['..', /^may not be '\.\.'$/],
      ['a/b', /^may not contain '\/'$/],
    ],
  ],
  [
    isValidPortName,
    ['http', 'a-1'],
    [
      ['1', /^must contain at least one letter/],
      ['a--b', /^must not contain consecutive hyphens$/],
      ['-a', /^must not begin or end with a hyphen$/],
      ['A1', /^must contain only alpha-numeric/],
      ['abcdefghijklmnop', /^must be no more than 15 bytes$/],
    ],
  ],
];

for (const [check, valid, wrong] of cases) {
  describe(check.name, () => {
    for (const value of valid) it(`accepts "${value}"`, () => assert.deepEqual(check(value), []));
    for (const [value, expected] of wrong) {
      it(`refuses "${value}"`, () => assert.match(check(value)[0] ?? 'accepted', expected));
    }
  });
}

it('every problem of a port name is told', () => {
  assert.equal(isValidPortName('--').length, 3);
});
