import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isStoreError, type Store, type StoreErrorCode, type StoreEvent } from './contract.ts';

/** What `contract.ts` promises, held against an implementation. `make` opens an empty store. */
export function runStoreContract(name: string, make: () => Promise<Store>): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    before(async () => {
      store = await make();
    });
    after(() => store.close());

    test('revisions are dense and rise with every successful write', async () => {
      const start = await store.currentRevision();
      const created = await store.create('/dense/a', bytes('1'));
      await rejects(store.create('/dense/a', bytes('1')), 'exists');
      const updated = await store.update('/dense/a', bytes('2'), created);
      await rejects(store.update('/dense/a', bytes('3'), created), 'conflict');
      await rejects(store.delete('/dense/a', created), 'conflict');
      const deleted = await store.delete('/dense/a', updated);
      assert.deepEqual([created, updated, deleted], [start + 1, start + 2, start + 3]);
      await rejects(store.update('/dense/a', bytes('4'), deleted), 'notFound');
      await rejects(store.delete('/dense/a', deleted), 'notFound');
      assert.equal(await store.currentRevision(), deleted);
      assert.equal(await store.get('/dense/a'), undefined);
    });

    test('a resolved write is read', async () => {
      const revision = await store.create('/read/a', bytes('value'));
      const stored = await store.get('/read/a');
      assert.equal(text(stored?.value), 'value');
      assert.equal(stored?.revision, revision);
    });

    test('of concurrent writes on one revision exactly one succeeds', async () => {
      const revision = await store.create('/race/a', bytes('0'));
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => store.update('/race/a', bytes(String(index)), revision)),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.equal(await store.currentRevision(), revision + 1);
    });

    test('a range has the keys of a prefix in order and says when more follow', async () => {
      for (const key of ['/range/b', '/range/a', '/range/c', '/rangf']) await store.create(key, bytes(key));
      const all = await store.range('/range/');
      assert.deepEqual(keysOf(all.entries), ['/range/a', '/range/b', '/range/c']);
      assert.equal(all.more, false);
      assert.equal(all.revision, await store.currentRevision());
      const first = await store.range('/range/', { limit: 2 });
      assert.deepEqual(keysOf(first.entries), ['/range/a', '/range/b']);
      assert.equal(first.more, true);
      const rest = await store.range('/range/', { after: '/range/b', limit: 2 });
      assert.deepEqual(keysOf(rest.entries), ['/range/c']);
      assert.equal(rest.more, false);
    });

    test('a watch has the history after a revision and then what comes, each event once', async () => {
      const start = await store.currentRevision();
      const one = await store.create('/watch/a', bytes('1'));
      const two = await store.update('/watch/a', bytes('2'), one);
      await store.create('/elsewhere', bytes('x'));
      const seen = collect(store, '/watch/', start, 5);
      const three = await store.delete('/watch/a', two);
      await store.create('/watch/a', bytes('3'));
      await store.create('/watch/b', bytes('4'));
      const events = await seen;
      assert.deepEqual(events.map(describeEvent), [
        'created /watch/a 1',
        'put /watch/a 2',
        'delete /watch/a',
        'created /watch/a 3',
        'created /watch/b 4',
      ]);
      assert.deepEqual(events.map(({ revision }) => revision).slice(0, 3), [one, two, three]);
      assert.deepEqual((await collect(store, '/watch/', one, 1)).map(describeEvent), ['put /watch/a 2']);
    });

    test('a watch that is not read keeps its place while thousands of writes go by', async () => {
      const start = await store.currentRevision();
      const controller = new AbortController();
      const watch = store.watch('/many/', start, controller.signal)[Symbol.asyncIterator]();
      const first = watch.next();
      await Promise.all(Array.from({ length: 6000 }, (_, index) => store.create(`/many/${index}`, bytes('x'))));
      let expected = start;
      for (let batch = await first; !batch.done; batch = await watch.next()) {
        for (const event of batch.value) assert.equal(event.revision, ++expected);
        if (expected === start + 6000) controller.abort();
      }
      assert.equal(expected, start + 6000);
    });

    test('aborting ends a waiting watch', async () => {
      const controller = new AbortController();
      const watch = store.watch('/quiet/', await store.currentRevision(), controller.signal);
      const ended = watch[Symbol.asyncIterator]().next();
      controller.abort();
      assert.equal((await ended).done, true);
    });

    test('compaction forgets history and keeps values', async () => {
      const one = await store.create('/compact/a', bytes('1'));
      const two = await store.update('/compact/a', bytes('2'), one);
      const three = await store.update('/compact/a', bytes('3'), two);
      await store.compact(two);
      await rejects(collect(store, '/compact/', one, 1), 'compacted');
      assert.deepEqual((await collect(store, '/compact/', two, 1)).map(describeEvent), ['put /compact/a 3']);
      assert.equal(text((await store.get('/compact/a'))?.value), '3');
      await store.compact(three);
      assert.equal(await store.currentRevision(), three);
      const four = await store.update('/compact/a', bytes('4'), three);
      assert.equal(four, three + 1);
      assert.deepEqual((await collect(store, '/compact/', three, 1)).map(describeEvent), ['put /compact/a 4']);
    });
  });

  test(`store contract: ${name}: a closed store refuses`, async () => {
    const store = await make();
    await store.create('/a', bytes('1'));
    const pending = store.create('/b', bytes('2'));
    await store.close();
    assert.equal(await pending, 2);
    await rejects(store.get('/a'), 'closed');
    await rejects(store.create('/c', bytes('1')), 'closed');
  });
}

async function collect(store: Store, prefix: string, after: number, count: number): Promise<StoreEvent[]> {
  const controller = new AbortController();
  const events: StoreEvent[] = [];
  for await (const batch of store.watch(prefix, after, controller.signal)) {
    events.push(...batch);
    if (events.length >= count) controller.abort();
  }
  return events.slice(0, count);
}

async function rejects(promise: Promise<unknown>, code: StoreErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => isStoreError(error, code));
}

function describeEvent(event: StoreEvent): string {
  if (event.type === 'delete') return `delete ${event.key}`;
  return `${event.created ? 'created' : 'put'} ${event.key} ${text(event.value)}`;
}

function keysOf(entries: readonly { key: string }[]): string[] {
  return entries.map(({ key }) => key);
}

function bytes(value: string): Uint8Array {
  return Buffer.from(value);
}

function text(value: Uint8Array | undefined): string {
  return Buffer.from(value ?? []).toString();
}
