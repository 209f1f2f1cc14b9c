import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clone } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import type { Schema } from '../../../machinery/schema.ts';
import { coreResources } from './rows.ts';

/** How deep objects are filled; what lies below stays empty. */
const depthMax = 7;

const words = [
  '',
  'a',
  'A_b',
  'x.y',
  'Always',
  'ClusterIP',
  'None',
  'In',
  'v1',
  'status.podIP',
  '10.0.0.1',
  'TCP',
  'Pod',
];
const amounts = ['1', '100m', '1Gi', '-1', 'bad', 5];

/** Anything that the schema lets through, required fields left out included. */
function arbitraryOf(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'struct': {
      if (depth >= depthMax) return fc.constant({});
      const fields: Record<string, fc.Arbitrary<unknown>> = {};
      for (const [name, field] of schema.fields) {
        const present = depth < 2 ? 4 : 1;
        const value = fc.constant(null).chain(() => arbitraryOf(field.schema, depth + 1));
        fields[name] = fc.oneof(
          { arbitrary: fc.constant(undefined), weight: 3 },
          { arbitrary: value, weight: present },
        );
      }
      return fc.record(fields).map(withoutUndefined);
    }
    case 'list':
      return fc.array(
        fc.constant(null).chain(() => arbitraryOf(schema.items, depth + 1)),
        { maxLength: 2 },
      );
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'cpu', 'memory', 'x/y', ''), arbitraryOf(schema.values, depth + 1), {
        maxKeys: 2,
        noNullPrototype: true,
      });
    case 'bool':
      return fc.boolean();
    case 'int32':
    case 'int64':
    case 'double':
      return fc.constantFrom(0, 1, -1, 80, 70000);
    case 'quantity':
      return fc.constantFrom(...amounts);
    case 'intstr':
      return fc.constantFrom<string | number>(80, 'http', '10%', '');
    case 'time':
    case 'microtime':
      return fc.constant('2026-01-01T00:00:00Z');
    case 'bytes':
      return fc.constantFrom('', 'AA==');
    case 'object':
    case 'any':
      return fc.constant({});
    default:
      return fc.constantFrom(...words);
  }
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

for (const row of coreResources) {
  const objects = arbitraryOf(row.schema, 0).map(
    (content): UnknownObject => ({
      ...(content as object),
      apiVersion: 'v1',
      kind: row.kind,
      metadata: { name: 'a', namespace: 'default' },
    }),
  );
  test(`the rules of ${row.resource} stand any object of the schema`, () => {
    const { strategy } = row;
    fc.assert(
      fc.property(objects, objects, (object, old) => {
        for (const each of [object, old]) {
          strategy.applyDefaults(each);
          strategy.prepareForCreate(each);
        }
        strategy.validate(object);
        const defaulted = clone(object);
        strategy.applyDefaults(object);
        assert.deepEqual(object, defaulted, 'defaults are not the same the second time');
        const before = clone(old);
        for (const rules of [strategy, ...row.subresources.map((subresource) => subresource.strategy)]) {
          const updated = clone(object);
          rules?.prepareForUpdate(updated, old);
          strategy.applyDefaults(updated);
          rules?.validateUpdate(updated, old);
        }
        assert.deepEqual(old, before, 'an update changed the old object');
      }),
      { numRuns: 60 },
    );
  });
}
