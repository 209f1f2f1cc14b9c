import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CelBudgetError, CelCompileError, CelError } from './errors.ts';
import { CostBudget } from './evaluator.ts';
import { fromJson, toJson } from './json-values.ts';
import { compileCel } from './program.ts';
import { boolType, type CelType, dynType, intType, listOf, mapOf, stringType } from './types.ts';

const fields = new Map<string, CelType>([
  ['count', intType],
  ['name', stringType],
  ['tags', listOf(stringType)],
  ['labels', mapOf(stringType, stringType)],
  ['any', dynType],
  ['redact-me', stringType],
  ['namespace', stringType],
  ['keyed', { kind: 'list', element: dynType, listType: 'map', listKeys: ['k'] }],
  ['set', { kind: 'list', element: stringType, listType: 'set', listKeys: [] }],
]);
const selfType: CelType = { kind: 'object', name: 'object', fields };
const self = {
  count: 5,
  name: 'web',
  tags: ['a', 'ab'],
  labels: { app: 'x', 'a/b': 'y' },
  any: { x: 1.5, list: [1, 2] },
  'redact-me': 'z',
  namespace: 'n',
  keyed: [
    { k: 'a', v: 1 },
    { k: 'b', v: 2 },
  ],
  set: ['p', 'q'],
};

function evaluate(source: string, cost = 1_000_000): unknown {
  const program = compileCel(source, { variables: { self: selfType } });
  return toJson(program.evaluate({ self: fromJson(self, selfType) }, new CostBudget(cost)));
}

describe('compileCel', () => {
  const cases: [string, unknown][] = [
    ['self.count + 1 == 6 && self.name.startsWith("w")', true],
    ['has(self.name) && !has(self.missing)', CelCompileError],
    ['has(self.any.x) && !has(self.any.y)', true],
    ['self.tags.all(t, t.matches("^a")) && self.tags.exists_one(t, t == "ab")', true],
    ['self.tags.map(t, t + "1")', ['a1', 'ab1']],
    ['self.tags.filter(t, t.size() > 1)', ['ab']],
    ['self.labels.exists(k, self.labels[k] == "y") && "app" in self.labels', true],
    ['self.tags.all(i, t, i < 2) && self.labels.transformMap(k, v, v + k)["app"] == "xapp"', true],
    ['cel.bind(n, self.count, n * n)', 25],
    ['self.?any.?y.orValue(7)', 7],
    ['self.any[?"x"].optMap(v, v * 2.0).value()', 3],
    ['[1, ?optional.none(), 3]', [1, 3]],
    ['self.redact__dash__me + self.__namespace__', 'zn'],
    ['1 < 1.5 && 2u > 1 && dyn(1) == 1.0', true],
    ['1 / 0 == 1 || true', true],
    ['[1, 2].exists(x, x / 0 == 1 || x == 2)', true],
    ['timestamp("2026-01-02T03:04:05Z") + duration("90m") == timestamp("2026-01-02T04:34:05Z")', true],
    ['duration("1h30m").getMinutes()', 90],
    ['"%s has %d".format([self.name, self.count])', 'web has 5'],
    ['"a,b,c".split(",", 2)', ['a', 'b,c']],
    ['"abcabc".replace("b", "x", 1).upperAscii().substring(1)', 'XCABC'],
    ['"x=1 y=22".findAll("[0-9]+")', ['1', '22']],
    ['[3, 1, 2].max() - [3, 1, 2].min() + [1, 2].sum()', 5],
    ['["a", "b"].isSorted() && [1, 2].indexOf(2) == 1', true],
    ['quantity("1Gi").isGreaterThan(quantity("1G")) && quantity("1k").add(1).compareTo(quantity("1001")) == 0', true],
    ['cidr("10.0.0.0/8").containsIP("10.1.2.3") && ip("::1").isLoopback() && !isIP("1.2.3")', true],
    ['url("https://u@example.com:80/a?b=c&b=d").getQuery()["b"]', ['c', 'd']],
    ['url("https://example.com:80/a").getHostname()', 'example.com'],
    ['isURL("/a/b") && !isURL("example.com")', true],
    ['semver("1.2.3-rc.1").isLessThan(semver("1.2.3"))', true],
    ['format.dns1123Label().validate("Not-A-Label").hasValue()', true],
    ['sets.contains([1, 2, 3], [3, 1])', true],
    ['self.set == ["q", "p"] && self.set + ["q", "r"] == ["p", "q", "r"]', true],
    ['(self.keyed + [{"k": "a", "v": 9}])[0].v', 9],
    ['type(self.count) == int', true],
    ['b"\\xff".size() == 1 && r"\\n".size() == 2', true],
    ['self.name == "web" ? "yes" : "no"', 'yes'],
    ['-9223372036854775808 < 0', true],
  ];
  for (const [source, expected] of cases) {
    it(source, () => {
      if (expected === CelCompileError) assert.throws(() => evaluate(source), CelCompileError);
      else assert.deepEqual(evaluate(source), expected);
    });
  }

  const refused: [string, RegExp][] = [
    ['self.nope', /ERROR: <input>:1:5: undefined field 'nope'\n \| self\.nope\n \| \.{4}\^$/],
    ['other > 1', /undeclared reference to 'other' \(in container ''\)/],
    ['self.count + "a"', /found no matching overload for '_\+_' applied to '\(int, string\)'/],
    ['self.name.foo()', /undeclared reference to 'foo'/],
    ['self.name.all(x, true)', /expression of type 'string' cannot be range of a comprehension/],
    ['self.count >', /Syntax error/],
    ['"open', /Syntax error/],
    ['has(self)', /invalid argument to has\(\) macro/],
    ['9223372036854775808', /invalid int literal/],
  ];
  for (const [source, message] of refused) {
    it(`refuses ${source}`, () => assert.throws(() => evaluate(source), message));
  }

  it('refuses a result of another type than is wanted', () => {
    const compile = () => compileCel('1', { variables: {}, result: boolType });
    assert.throws(compile, /cel expression must evaluate to a bool/);
  });

  const failing: [string, string][] = [
    ['self.labels["none"]', 'no such key: none'],
    ['self.tags[5]', 'index out of bounds: 5'],
    ['1 / (self.count - 5)', 'division by zero'],
    ['9223372036854775807 + self.count', 'integer overflow'],
    ['self.any.x + 1', 'no such overload'],
    ['"a".matches("(")', 'error parsing regexp'],
  ];
  for (const [source, message] of failing) {
    it(`fails while running ${source}`, () => {
      assert.throws(
        () => evaluate(source),
        (error) => error instanceof CelError && error.message.startsWith(message),
      );
    });
  }

  it('stops when the budget is used up, and no operator absorbs that', () => {
    const loop = '[1,2,3,4,5,6,7,8,9].all(a, [1,2,3,4,5,6,7,8,9].all(b, a + b > 0)) || true';
    assert.equal(evaluate(loop), true);
    assert.throws(() => evaluate(loop, 100), CelBudgetError);
  });

  it('estimates more for loops in loops over what nobody bounded', () => {
    const list = (max?: number): CelType => ({
      kind: 'list',
      element: intType,
      ...(max === undefined ? {} : { max }),
    });
    const cost = (type: CelType) => compileCel('l.all(a, l.all(b, a != b))', { variables: { l: type } }).estimatedCost;
    assert.ok(cost(list(10)) < 1000);
    assert.ok(cost(list()) > 1e9);
  });

  it('answers for a pattern that would backtrack without end', () => {
    assert.equal(evaluate(`"${'a'.repeat(40)}!".matches("^(a+)+$")`), false);
  });
});
