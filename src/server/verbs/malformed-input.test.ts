import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeProtobuf } from '../../api/schema/protobuf.ts';
import { encodeProtobuf } from '../../api/schema/protobuf-encoding.ts';
import { schemaOf } from '../../api/schema/structure.ts';
import { parseFieldSelector } from '../../machinery/fields.ts';
import { equal, isDeeperThan, parseJson } from '../../machinery/json.ts';
import { formatSelector, parseLabelSelector } from '../../machinery/labels.ts';
import { applyJsonPatch } from '../../machinery/patch/json.ts';
import { addQuantity, formatQuantity, parseQuantity } from '../../machinery/quantity.ts';
import { isApiError } from '../../machinery/status-error.ts';
import { decodeFields } from '../../machinery/unknown-fields.ts';
import { CelBudgetError, CelCompileError, CelError } from '../cel/errors.ts';
import { CostBudget } from '../cel/evaluator.ts';
import { compileCel } from '../cel/program.ts';
import { dynType } from '../cel/types.ts';
import { parseYaml } from './yaml-body.ts';

/** What a decoder may say of malformed input; a RangeError or TypeError would be a bug in it. */
function isRefusal(error: unknown): boolean {
  return isApiError(error) || (error instanceof SyntaxError && error.constructor === SyntaxError);
}

function acceptsOrRefuses<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

async function acceptsOrRefusesLater(decode: () => Promise<unknown>): Promise<void> {
  try {
    await decode();
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}

/** Texts near the grammar: pieces of it in any order, some cut, some wild. */
function nearly(...pieces: string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { arbitrary: fc.constantFrom(...pieces), weight: 8 },
    fc.string({ maxLength: 4, unit: 'binary' }),
  );
  return fc.array(piece, { maxLength: 40 }).map((parts) => parts.join(''));
}

const jsonLike = nearly(
  '{',
  '}',
  '[',
  ']',
  '"a"',
  '"a":',
  ',',
  ':',
  '1',
  '-1e9',
  'null',
  'true',
  '\\u0000',
  '"\\',
  '__proto__',
  ' ',
);

test('JSON of any text is parsed or refused', () => {
  fc.assert(
    fc.property(jsonLike, (text) => {
      acceptsOrRefuses(() => parseJson(text, { duplicates: true }));
    }),
    { numRuns: 3000 },
  );
});

test('JSON of any bytes is parsed or refused', () => {
  fc.assert(
    fc.property(fc.json(), fc.uint8Array({ maxLength: 8 }), fc.nat(), (text, noise, at) => {
      const bytes = Buffer.from(text);
      const where = at % (bytes.length + 1);
      const damaged = Buffer.concat([bytes.subarray(0, where), noise, bytes.subarray(where)]);
      acceptsOrRefuses(() => parseJson(damaged, { duplicates: true }));
    }),
    { numRuns: 1000 },
  );
});

test('duplicate fields are found wherever they stand, and only they', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 8 }), fc.json(), (names, value) => {
      const fields = names.map((name) => `${JSON.stringify(name)}:${value}`);
      assert.deepEqual(parseJson(`{${fields.join(',')}}`, { duplicates: true }).duplicateFields.length, 0);
      const twice = parseJson(`[{"x":{${[...fields, fields[0]].join(',')}}}]`, { duplicates: true });
      assert.equal(twice.duplicateFields.length, 1);
    }),
    { numRuns: 500 },
  );
});

test('nesting is refused past its limit, in JSON and in YAML', async () => {
  for (const depth of [501, 5000, 300_000]) {
    assert.throws(() => parseJson('['.repeat(depth) + ']'.repeat(depth), { duplicates: true }), SyntaxError);
  }
  const nested = ['[', '{a: ', '- ', '? '];
  for (const piece of nested)
    await assert.rejects(parseYaml(Buffer.from(piece.repeat(20_000)), true), isApiError, piece);
});

const yamlLike = nearly(
  'a: ',
  '- ',
  '\n',
  '  ',
  '&x ',
  '*x',
  '<<: ',
  '!!binary ',
  '!!set',
  '| ',
  '>-',
  "'",
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  '? ',
  '#',
  '---\n',
  '~',
  '0x1',
  '1_0',
  '%YAML 1.1\n',
  '\t',
);

test('YAML of any text is parsed or refused', async () => {
  await fc.assert(
    fc.asyncProperty(yamlLike, async (text) => {
      await acceptsOrRefusesLater(() => parseYaml(Buffer.from(text), true));
    }),
    { numRuns: 1500 },
  );
});

test('aliases that multiply are refused', async () => {
  const levels = Array.from(
    { length: 9 },
    (_, at) => `k${at}: &k${at} [${at === 0 ? 'x' : Array(9).fill(`*k${at - 1}`)}]`,
  );
  await assert.rejects(parseYaml(Buffer.from(levels.join('\n')), true), isApiError);
});

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', labels: { a: 'b' }, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: {
    containers: [
      { name: 'c', image: 'i', ports: [{ containerPort: 80 }], resources: { limits: { cpu: '100m', memory: '1Gi' } } },
    ],
    tolerations: [{ operator: 'Exists', tolerationSeconds: 5 }],
  },
};

test('protobuf cut short, changed or made up is decoded or refused', () => {
  const whole = encodeProtobuf(pod);
  assert.ok(whole);
  for (let length = 0; length < whole.length; length += 1) decodesOrSays(whole.subarray(0, length));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      (changes) => {
        const damaged = Buffer.from(whole);
        for (const [at, byte] of changes) damaged[at] = byte;
        decodesOrSays(damaged);
      },
    ),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      decodesOrSays(Buffer.concat([whole.subarray(0, 4), bytes]));
    }),
    { numRuns: 1000 },
  );
});

/** The media filter turns whatever it throws into a 400; only running out of stack or time would hurt. */
function decodesOrSays(bytes: Buffer): void {
  try {
    decodeProtobuf(bytes);
  } catch (error) {
    assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
  }
}

test('fields of any JSON are decoded by a schema without a failure', () => {
  const schema = schemaOf('core/v1.Pod');
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('metadata', 'spec', 'status'), (value, field) => {
      decodeFields({ apiVersion: 'v1', kind: 'Pod', [field]: value }, schema);
    }),
    { numRuns: 1000 },
  );
});

test('a label selector of any text is parsed or refused, and one that is parsed comes back from its text', () => {
  const text = nearly('a', 'b.c/d', ' in ', ' notin ', '(', ')', ',', '=', '==', '!=', '!', '>', '<', '1', ' ');
  fc.assert(
    fc.property(text, (source) => {
      const selector = acceptsOrRefuses(() => parseLabelSelector(source));
      if (selector === undefined) return;
      const again = formatSelector(parseLabelSelector(formatSelector(selector)));
      assert.equal(again, formatSelector(selector));
    }),
    { numRuns: 3000 },
  );
});

test('a field selector of any text is parsed or refused', () => {
  fc.assert(
    fc.property(nearly('a', 'metadata.name', '=', '==', '!=', ',', '\\', '\\,', ' '), (source) => {
      acceptsOrRefuses(() => parseFieldSelector(source));
    }),
    { numRuns: 2000 },
  );
});

test('a quantity of any text is parsed or refused, and its canonical form is stable and of the same amount', () => {
  const text = nearly('1', '0', '.', '-', '+', 'e', 'E', 'k', 'Ki', 'm', 'n', 'Ei', '999999999999');
  fc.assert(
    fc.property(text, (source) => {
      let quantity: ReturnType<typeof parseQuantity>;
      try {
        quantity = parseQuantity(source);
      } catch (error) {
        assert.ok(
          error instanceof Error && !(error instanceof RangeError) && !(error instanceof TypeError),
          String(error),
        );
        return;
      }
      const formatted = formatQuantity(quantity);
      const again = parseQuantity(formatted);
      assert.equal(again.nanos, quantity.nanos);
      assert.equal(formatQuantity(again), formatted);
      assert.equal(addQuantity(quantity, again).nanos, 2n * quantity.nanos);
    }),
    { numRuns: 3000 },
  );
});

test('CEL of any text compiles or is refused, and runs within its budget', () => {
  const text = nearly(
    'self',
    '.a',
    '[0]',
    '+',
    '-',
    '*',
    '/',
    '%',
    '==',
    '<',
    '&&',
    '||',
    '!',
    '?',
    ':',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"x"',
    "r'\\d'",
    '1',
    '1u',
    '1.5',
    'true',
    'null',
    '.map(x, x)',
    '.all(x, x > 1)',
    'size(',
    '.matches(',
    '.split(',
    'duration("1s")',
    'has(self.a)',
    'b"\\x00"',
    '"""',
  );
  fc.assert(
    fc.property(text, fc.constantFrom(1n, 'text', [1n, 2n], null), (source, self) => {
      try {
        compileCel(source, { variables: { self: dynType } }).evaluate({ self }, new CostBudget(10_000));
      } catch (error) {
        const isExpected =
          error instanceof CelCompileError || error instanceof CelError || error instanceof CelBudgetError;
        assert.ok(isExpected, `${source}: ${error instanceof Error ? error.stack : error}`);
      }
    }),
    { numRuns: 4000 },
  );
});

test('CEL that nests or chains without end is refused', () => {
  const long: string[] = [
    '('.repeat(50_000),
    '!'.repeat(50_000),
    Array(20_000).fill('1').join('+'),
    Array(20_000).fill('true').join('||'),
    `self${'.a'.repeat(20_000)}`,
    `self${'[0]'.repeat(20_000)}`,
    'true?1:'.repeat(10_000),
  ];
  for (const source of long) {
    assert.throws(() => compileCel(source, { variables: { self: dynType } }), CelCompileError, source.slice(0, 20));
  }
});

test('a JSON patch of any operations applies or is refused', () => {
  const path = fc.constantFrom(
    '',
    '/',
    '/a',
    '/a/0',
    '/a/-',
    '/b',
    '/b/c',
    '/b~1c',
    '/__proto__/x',
    '/constructor',
    'a',
    '/a/99',
  );
  const operation = fc.record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'other'),
      path,
      from: path,
      value: fc.jsonValue({ maxDepth: 1 }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ arbitrary: operation, weight: 20 }, fc.jsonValue()), { maxLength: 6 }),
      (operations) => {
        acceptsOrRefuses(() => applyJsonPatch({ a: [1, 2], b: { c: 'd' } }, operations));
        assert.ok(!('x' in {}));
      },
    ),
    { numRuns: 3000 },
  );
});

test('a JSON patch whose copies double the document is refused before it fills memory', () => {
  const doubling = Array.from({ length: 60 }, (_, at) => ({ op: 'copy', from: '/a', path: `/a/b${at}` }));
  assert.throws(() => applyJsonPatch({ a: {} }, doubling), isApiError);
  const few = applyJsonPatch<unknown>({ a: { x: 1 } }, doubling.slice(0, 2));
  assert.ok(equal(few, { a: { x: 1, b0: { x: 1 }, b1: { x: 1, b0: { x: 1 } } } }));
  assert.equal(isDeeperThan(few, 4), false);
});
