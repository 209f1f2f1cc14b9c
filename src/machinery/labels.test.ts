import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatSelector, parseLabelSelector, selectorFromSet, selectorOf } from './labels.ts';

describe('parseLabelSelector', () => {
  const labels = { app: 'web', tier: 'front', size: '5', in: 'x' };
  const cases: [string, boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web', true],
    ['app=db', false],
    ['app!=db', true],
    ['other!=db', true],
    ['app in (web, db)', true],
    ['app in (db)', false],
    ['app notin (db)', true],
    ['other notin (db)', true],
    ['app', true],
    ['!app', false],
    ['!other', true],
    ['size>4', true],
    ['size<5', false],
    ['app>4', false],
    ['app=web,tier=back', false],
    [' app = web , tier ', true],
    ['in in (x)', true],
    ['other=', false],
    ['other in (,x)', false],
  ];
  for (const [text, expected] of cases) {
    it(`${expected ? 'matches' : 'does not match'} by "${text}"`, () => {
      assert.equal(parseLabelSelector(text).matches(labels), expected);
    });
  }

  const errors: [string, RegExp][] = [
    ['a b', /^unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt$/],
    ['a=b,', /^found '', expected: identifier after ','$/],
    ['=a', /^found '=', expected: !, identifier, or 'end of string'$/],
    ['a=b c', /^found 'c', expected: ',' or 'end of string'$/],
    ['a in b', /^unable to parse requirement: found 'b' expected: '\('$/],
    ['a/b/c=d', /^unable to parse requirement: <nil>: Invalid value: "a\/b\/c": a qualified name/],
    [
      'a>b',
      /^unable to parse requirement: values: Invalid value: \["b"\]: for 'Gt', 'Lt' operators, the value must be/,
    ],
    ['a=-b', /a valid label must be an empty string or consist of/],
  ];
  for (const [text, expected] of errors) {
    it(`refuses "${text}"`, () => assert.throws(() => parseLabelSelector(text), { message: expected, code: 400 }));
  }

  it('writes what it has read, sorted by key', () => {
    const text = '!d,a=b,c in (y,x),e>1,f!=g,h';
    assert.equal(formatSelector(parseLabelSelector(text)), 'a=b,c in (x,y),!d,e>1,f!=g,h');
  });
});

describe('selectorOf', () => {
  it('selects nothing when absent and everything when empty', () => {
    assert.equal(selectorOf(undefined).matches({ a: 'b' }), false);
    assert.equal(selectorOf({}).matches(undefined), true);
    assert.equal(selectorOf({}).empty, true);
    assert.equal(selectorOf(undefined).empty, false);
  });

  it('asks for all labels and expressions', () => {
    const selector = selectorOf({
      matchLabels: { a: '1' },
      matchExpressions: [{ key: 'b', operator: 'NotIn', values: ['2'] }],
    });
    assert.equal(selector.matches({ a: '1' }), true);
    assert.equal(selector.matches({ a: '1', b: '2' }), false);
    assert.equal(selector.matches({ b: '1' }), false);
  });

  it('refuses an operator it does not know', () => {
    assert.throws(() => selectorOf({ matchExpressions: [{ key: 'a', operator: 'Is' }] }), {
      message: '"Is" is not a valid label selector operator',
    });
  });
});

it('selectorFromSet asks for every pair and does not see inherited names', () => {
  assert.equal(selectorFromSet({ a: '1' }).matches({ a: '1', b: '2' }), true);
  assert.equal(selectorFromSet({ constructor: 'x' }).matches({}), false);
  assert.equal(selectorFromSet({}).matches(undefined), true);
});
