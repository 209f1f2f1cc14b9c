import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addQuantity,
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  isQuantity,
  milliValue,
  parseQuantity,
  quantityToNumber,
  quantityValue,
  subQuantity,
} from './quantity.ts';

describe('canonicalQuantity', () => {
  const cases: [string | number, string][] = [
    ['0', '0'],
    ['0Ki', '0'],
    ['1', '1'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.', '1'],
    ['+1', '1'],
    ['-1.5', '-1500m'],
    ['1000', '1k'],
    ['1024', '1024'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Mi', '512Ki'],
    ['0.5Ki', '512'],
    ['0.1Ki', '102400m'],
    ['100e3', '100e3'],
    ['1e3', '1e3'],
    ['1E', '1E'],
    ['1E3', '1e3'],
    ['1000000n', '1m'],
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    ['9223372036854775808', '9223372036854775807'],
    [' 1 ', '1'],
    [2, '2'],
    [0.5, '500m'],
  ];
  for (const [text, expected] of cases) {
    it(`writes ${JSON.stringify(text)} as ${expected}`, () => assert.equal(canonicalQuantity(text), expected));
  }

  it('takes no short cut that changes the outcome', () => {
    const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti', 'E', 'Ei');
    fc.assert(
      fc.property(fc.nat(3_000_000), suffix, (value, unit) => {
        const text = `${value}${unit}`;
        const canonical = canonicalQuantity(text);
        assert.equal(canonical, formatQuantity(parseQuantity(text)));
        assert.equal(parseQuantity(canonical).nanos, parseQuantity(text).nanos);
      }),
    );
  });

  const errors: [string, RegExp][] = [
    ['', /^quantities must match the regular expression/],
    ['1 Gi', /^quantities must match the regular expression/],
    ['1..2', /^unable to parse numeric part of quantity$/],
    ['.', /^unable to parse numeric part of quantity$/],
    ['1Kii', /^unable to parse quantity's suffix$/],
    ['1e', /^unable to parse quantity's suffix$/],
  ];
  for (const [text, expected] of errors) {
    it(`refuses "${text}"`, () => {
      assert.throws(() => parseQuantity(text), { message: expected });
      assert.equal(isQuantity(text), false);
    });
  }
});

describe('arithmetic', () => {
  it('is exact and keeps the first format that is not of zero', () => {
    assert.equal(formatQuantity(addQuantity(parseQuantity('0.1'), parseQuantity('0.2'))), '300m');
    assert.equal(formatQuantity(addQuantity(parseQuantity('0'), parseQuantity('1Gi'))), '1Gi');
    assert.equal(formatQuantity(subQuantity(parseQuantity('1Gi'), parseQuantity('512Mi'))), '512Mi');
    assert.equal(compareQuantity(parseQuantity('1Ki'), parseQuantity('1k')), 1);
    assert.equal(compareQuantity(parseQuantity('1000m'), parseQuantity('1')), 0);
  });

  it('rounds up what a scale cannot hold', () => {
    assert.equal(quantityValue(parseQuantity('1500m')), 2);
    assert.equal(milliValue(parseQuantity('100u')), 1);
    assert.equal(milliValue(parseQuantity('1.5')), 1500);
    assert.equal(quantityToNumber('250m'), 0.25);
    assert.equal(quantityToNumber('1Ki'), 1024);
    assert.ok(Number.isNaN(quantityToNumber('x')));
  });
});
