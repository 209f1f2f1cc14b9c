import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JSONSchemaProps } from '../../api/apiextensions/v1/types.generated.ts';
import { fieldErrorMessage } from '../../machinery/status-error.ts';
import { applySchemaDefaults } from './defaulting.ts';
import { findAll, parseJsonPath } from './json-path.ts';
import { printerColumns } from './printer-columns.ts';
import { decodeCustomResource } from './pruning.ts';
import { rulesOf } from './rule-checks.ts';
import { compileSchema } from './schema-node.ts';
import { validateValue } from './value-validation.ts';

function object(properties: Record<string, JSONSchemaProps>, rest: JSONSchemaProps = {}): JSONSchemaProps {
  return { type: 'object', properties, ...rest };
}

function errorsOf(schema: JSONSchemaProps, value: unknown, old?: unknown): string[] {
  const errors = validateValue(value, compileSchema(object({ v: schema })), '', old);
  return errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
}

describe('validateValue', () => {
  const integerOrString: JSONSchemaProps = { 'x-kubernetes-int-or-string': true };
  const keyed: JSONSchemaProps = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: object({ k: { type: 'string' }, n: { type: 'integer', maximum: 3 } }),
  };
  const cases: [string, JSONSchemaProps, unknown, string[]][] = [
    ['type', { type: 'integer' }, 'x', ['v: Invalid value: "string": v in body must be of type integer: "string"']],
    [
      'whole numbers',
      { type: 'integer' },
      1.5,
      ['v: Invalid value: "number": v in body must be of type integer: "number"'],
    ],
    ['a whole number is a number', { type: 'number' }, 1, []],
    ['null', { type: 'string' }, null, ['v: Invalid value: "null": v in body must be of type string: "null"']],
    ['nullable', { type: 'string', nullable: true }, null, []],
    [
      'int-or-string',
      integerOrString,
      true,
      ['v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"'],
    ],
    ['int-or-string taken', integerOrString, '5%', []],
    ['enum', { type: 'string', enum: ['a', 'b'] }, 'c', ['v: Unsupported value: "c": supported values: "a", "b"']],
    ['pattern', { type: 'string', pattern: '^a$' }, 'b', [`v: Invalid value: "b": v in body should match '^a$'`]],
    [
      'minLength',
      { type: 'string', minLength: 2 },
      'b',
      ['v: Invalid value: "b": v in body should be at least 2 chars long'],
    ],
    ['maxLength', { type: 'string', maxLength: 2 }, 'abc', ['v: Too long: may not be more than 2 bytes']],
    [
      'maximum',
      { type: 'integer', maximum: 2 },
      3,
      ['v: Invalid value: 3: v in body should be less than or equal to 2'],
    ],
    [
      'exclusive',
      { type: 'integer', minimum: 2, exclusiveMinimum: true },
      2,
      ['v: Invalid value: 2: v in body should be greater than 2'],
    ],
    ['multipleOf', { type: 'number', multipleOf: 0.1 }, 0.3, []],
    [
      'no multiple',
      { type: 'integer', multipleOf: 2 },
      3,
      ['v: Invalid value: 3: v in body should be a multiple of 2'],
    ],
    ['format', { type: 'string', format: 'ipv4' }, 'x', ['v: Invalid value: "x": v in body must be of type ipv4: "x"']],
    [
      'minItems',
      { type: 'array', minItems: 1, items: { type: 'string' } },
      [],
      ['v: Invalid value: 0: v in body should have at least 1 items'],
    ],
    [
      'maxItems',
      { type: 'array', maxItems: 1, items: { type: 'string' } },
      ['a', 'b'],
      ['v: Too many: 2: must have at most 1 items'],
    ],
    [
      'items',
      { type: 'array', items: { type: 'string' } },
      ['a', 1],
      ['v[1]: Invalid value: "integer": v[1] in body must be of type string: "integer"'],
    ],
    [
      'sets',
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      ['a', 'a'],
      ['v[1]: Duplicate value: "a"'],
    ],
    ['keys', keyed, [{ k: 'a' }, { k: 'a', n: 1 }], ['v[1]: Duplicate value: {"k":"a"}']],
    ['required', object({}, { required: ['a'] }), {}, ['v.a: Required value']],
    [
      'maxProperties',
      { type: 'object', maxProperties: 1, additionalProperties: { type: 'string' } },
      { a: 'x', b: 'y' },
      ['v: Too many: 2: must have at most 1 items'],
    ],
    [
      'additionalProperties',
      { type: 'object', additionalProperties: { type: 'string' } },
      { a: 1 },
      ['v.a: Invalid value: "integer": v.a in body must be of type string: "integer"'],
    ],
    [
      'oneOf',
      {
        type: 'object',
        oneOf: [{ required: ['a'] }, { required: ['b'] }],
        properties: { a: { type: 'string' }, b: { type: 'string' } },
      },
      { a: 'x', b: 'x' },
      ['v: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      'anyOf',
      { type: 'object', anyOf: [{ required: ['a'] }] },
      {},
      ['v: Invalid value: "": "v" must validate at least one schema (anyOf)', 'v.a: Required value'],
    ],
    [
      'not',
      { type: 'string', not: { enum: ['a'] } },
      'a',
      ['v: Invalid value: "": "v" must not validate the schema (not)'],
    ],
  ];
  for (const [name, schema, value, expected] of cases) {
    it(name, () => assert.deepEqual(errorsOf(schema, { v: value }), expected));
  }

  it('leaves alone what did not change', () => {
    const schema = object({ a: { type: 'integer', maximum: 3 }, list: keyed });
    const old = { v: { a: 9, list: [{ k: 'x', n: 9 }] } };
    assert.deepEqual(errorsOf(schema, { v: { a: 9, list: [{ k: 'y' }, { k: 'x', n: 9 }] } }, old), []);
    assert.equal(errorsOf(schema, { v: { a: 8, list: [{ k: 'x', n: 8 }] } }, old).length, 2);
  });
});

describe('decodeCustomResource', () => {
  const root = compileSchema(
    object({
      spec: object({
        known: { type: 'string' },
        open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { inner: object({}) } },
        map: { type: 'object', additionalProperties: object({ a: { type: 'string' } }) },
        list: { type: 'array', items: object({ a: { type: 'string' } }) },
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          'x-kubernetes-preserve-unknown-fields': true,
        },
      }),
    }),
  );

  it('takes out what the schema does not know and names it', () => {
    const value = {
      apiVersion: 'g/v1',
      kind: 'K',
      metadata: { name: 'a', nope: 1 },
      spec: {
        known: 'a',
        typo: 1,
        open: { kept: { deep: 1 }, inner: { gone: 1 } },
        map: { x: { a: '1', b: 2 } },
        list: [{ a: '1' }, { c: 1 }],
        template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: {} },
      },
      extra: {},
    };
    const { unknown } = decodeCustomResource(value, root);
    const expected = ['spec.typo', 'spec.open.inner.gone', 'spec.map.x.b', 'spec.list[1].c', 'extra', 'metadata.nope'];
    assert.deepEqual([...unknown].sort(), [...expected].sort());
    assert.deepEqual(value.spec.open, { kept: { deep: 1 }, inner: {} });
    assert.deepEqual(value.spec.template.metadata, { name: 'p' });
  });
});

describe('applySchemaDefaults', () => {
  const root = compileSchema(
    object({
      spec: object(
        {
          a: { type: 'integer', default: 1 },
          n: { type: 'string', nullable: true, default: 'x' },
          list: { type: 'array', items: object({ p: { type: 'string', default: 'TCP' } }) },
          map: { type: 'object', additionalProperties: object({ q: { type: 'string', default: 'z' } }) },
        },
        { default: {} },
      ),
    }),
  );

  it('fills in from the outside to the inside', () => {
    const value: Record<string, unknown> = {};
    assert.equal(applySchemaDefaults(value, root), true);
    assert.deepEqual(value, { spec: { a: 1, n: 'x' } });
    assert.equal(applySchemaDefaults(value, root), false);
  });

  it('replaces a null where null may not be, and reaches into lists and maps', () => {
    const value = { spec: { a: null, n: null, list: [{}, { p: 'UDP' }], map: { k: {} } } };
    applySchemaDefaults(value, root);
    assert.deepEqual(value, { spec: { a: 1, n: null, list: [{ p: 'TCP' }, { p: 'UDP' }], map: { k: { q: 'z' } } } });
  });
});

describe('parseJsonPath', () => {
  const value = {
    a: { 'b.c': [1, 2, 3] },
    list: [
      { t: 'Ready', s: 'True' },
      { t: 'Other', s: 'False', n: 5 },
    ],
  };
  const cases: [string, unknown[]][] = [
    ['.a', [value.a]],
    [".a['b.c'][1]", [2]],
    ['.a.b\\.c[-1:]', [3]],
    ['.a.b\\.c[0:2]', [1, 2]],
    ['.list[*].t', ['Ready', 'Other']],
    ['.list[?(@.t=="Ready")].s', ['True']],
    ['.list[?(@.n > 4)].t', ['Other']],
    ['..s', ['True', 'False']],
    ['{.a.none}', []],
  ];
  for (const [path, expected] of cases) {
    it(path, () => assert.deepEqual(findAll(value, parseJsonPath(path)), expected));
  }
  it('refuses an open bracket', () => assert.throws(() => parseJsonPath('.a[0'), /unterminated array/));
});

describe('printerColumns', () => {
  it('gives cells of the type they are declared', () => {
    const columns = printerColumns([
      { name: 'N', type: 'integer', jsonPath: '.spec.n' },
      { name: 'S', type: 'string', jsonPath: '.spec' },
      { name: 'D', type: 'date', jsonPath: '.metadata.creationTimestamp' },
      { name: 'X', type: 'string', jsonPath: '.none', priority: 1 },
    ]);
    const custom = {
      apiVersion: 'g/v1',
      kind: 'K',
      metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: { n: 3.7 },
    };
    const cells = columns.map((column) => column.value(custom, Date.parse('2026-01-01T00:00:42Z')));
    assert.deepEqual(cells, ['a', 3, '{"n":3.7}', '42s', null]);
  });
});

describe('rulesOf', () => {
  const root = compileSchema(
    object({
      spec: object(
        {
          name: {
            type: 'string',
            'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'is immutable' }],
          },
          low: {
            type: 'string',
            'x-kubernetes-validations': [
              {
                rule: 'self == self.lowerAscii()',
                messageExpression: '"not lower: " + self',
                reason: 'FieldValueForbidden',
              },
            ],
          },
          first: {
            type: 'integer',
            'x-kubernetes-validations': [{ rule: 'oldSelf.hasValue() || self == 1', optionalOldSelf: true }],
          },
          bad: { type: 'integer', 'x-kubernetes-validations': [{ rule: '1 / self == 1' }] },
        },
        {
          'x-kubernetes-validations': [
            { rule: '!has(self.low) || size(self.low) < 5', fieldPath: '.low', message: 'too long' },
          ],
        },
      ),
    }),
  );
  const check = (spec: object, oldSpec?: object) => {
    const { errors, warnings } = rulesOf(root).check({ spec }, oldSpec === undefined ? undefined : { spec: oldSpec });
    return { errors: errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`), warnings };
  };

  it('words errors by message, expression, reason and path', () => {
    assert.deepEqual(check({ low: 'UPPER' }).errors, [
      'spec.low: Invalid value: too long',
      'spec.low: Forbidden: not lower: UPPER',
    ]);
  });
  it('runs transition rules on updates only', () => {
    assert.deepEqual(check({ name: 'a' }).errors, []);
    assert.deepEqual(check({ name: 'b' }, { name: 'a' }).errors, ['spec.name: Invalid value: "b": is immutable']);
  });
  it('tells a rule with an optional old value whether there was one', () => {
    assert.deepEqual(check({ first: 2 }).errors, [
      'spec.first: Invalid value: 2: failed rule: oldSelf.hasValue() || self == 1',
    ]);
    assert.deepEqual(check({ first: 2 }, { first: 1 }).errors, []);
  });
  it('reports what fails while running', () => {
    assert.deepEqual(check({ bad: 0 }).errors, [
      'spec.bad: Invalid value: "integer": division by zero evaluating rule: 1 / self == 1',
    ]);
  });
  it('stops a rule that costs too much, and all rules after it', () => {
    const loops = compileSchema(
      object({
        spec: object(
          { values: { type: 'array', items: { type: 'integer' } } },
          {
            'x-kubernetes-validations': [
              { rule: 'self.values.all(x, self.values.all(y, x + y >= 0))', message: 'sums' },
              { rule: 'false' },
            ],
          },
        ),
      }),
    );
    const { errors } = rulesOf(loops).check(
      { spec: { values: Array.from({ length: 600 }, (_, at) => at) } },
      undefined,
    );
    assert.deepEqual(
      errors.map(({ field, detail }) => [field, detail]),
      [
        [
          'spec',
          "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: sums",
        ],
      ],
    );
  });
  it('only warns of what was wrong before', () => {
    const { errors, warnings } = check({ low: 'UP', first: 2 }, { low: 'UP', first: 1 });
    assert.deepEqual(errors, []);
    assert.deepEqual(warnings, ['spec.low: Forbidden: not lower: UP']);
  });
});
