import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OrderedEntries, type OrderedSnapshot } from './ordered-entries.ts';

interface Entry {
  readonly key: string;
  readonly value: number;
}

const key = fc.integer({ min: 0, max: 999 }).map((number) => `ns${number % 3}/${String(number).padStart(3, '0')}`);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const), key }) },
);

test('entries are those of a map in key order, and a snapshot does not change', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1500, size: 'max' }), (steps) => {
      const entries = new OrderedEntries<Entry>();
      const model = new Map<string, Entry>();
      const snapshots: { snapshot: OrderedSnapshot<Entry>; expected: Entry[] }[] = [];
      steps.forEach((current, value) => {
        if (current.do === 'set') {
          const entry = { key: current.key, value };
          entries.set(entry);
          model.set(current.key, entry);
        } else if (current.do === 'delete') {
          entries.delete(current.key);
          model.delete(current.key);
        } else snapshots.push({ snapshot: entries.snapshot(), expected: sorted(model) });
      });
      snapshots.push({ snapshot: entries.snapshot(), expected: sorted(model) });
      for (const { snapshot, expected } of snapshots) {
        assert.deepEqual([...snapshot.range('')], expected);
        assert.equal(snapshot.size, expected.length);
        const inNamespace = expected.filter((entry) => entry.key.startsWith('ns1/'));
        assert.deepEqual([...snapshot.range('ns1/')], inNamespace);
        assert.deepEqual(snapshot.list('ns1/'), inNamespace);
        assert.deepEqual(snapshot.list(''), expected);
        const from = inNamespace[inNamespace.length >> 1]?.key ?? 'ns1/';
        assert.deepEqual(
          [...snapshot.range('ns1/', from)],
          inNamespace.filter((entry) => entry.key >= from),
        );
      }
      for (const [name, entry] of model) assert.equal(entries.get(name), entry);
      assert.equal(entries.get('none'), undefined);
    }),
    { numRuns: 40 },
  );
});

function sorted(model: ReadonlyMap<string, Entry>): Entry[] {
  return [...model.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
