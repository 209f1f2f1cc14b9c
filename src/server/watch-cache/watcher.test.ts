import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapResource } from '../../api/core/v1/config-map.ts';
import { silentLogger } from '../../machinery/logger.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import type { ResponseStream } from '../request.ts';
import { CacheHub, cachePrefix } from './cache-hub.ts';
import { storedBytes } from './object-bytes.ts';
import { Selection } from './selection.ts';
import { Watcher } from './watcher.ts';

/** A client that takes what it is sent only when told to. */
class SlowStream implements ResponseStream {
  text = '';
  blocked = false;
  #drained: (() => void)[] = [];

  write(chunk: Uint8Array): boolean {
    this.text += Buffer.from(chunk).toString();
    return !this.blocked;
  }

  drained(): Promise<void> {
    return this.blocked ? new Promise((resolve) => this.#drained.push(resolve)) : Promise.resolve();
  }

  unblock(): void {
    this.blocked = false;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  end(): void {
    this.text += 'END\n';
  }

  get events(): { type: string; object: UnknownObject }[] {
    const lines = this.text.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as { type: string; object: UnknownObject });
  }
}

async function hubWithWatcher(): Promise<{
  store: MemoryStore;
  hub: CacheHub;
  stream: SlowStream;
  running: Promise<void>;
  stop: AbortController;
}> {
  const store = new MemoryStore();
  const hub = new CacheHub(store, silentLogger);
  await hub.start([configMapResource]);
  const cache = hub.cache(configMapResource);
  assert.ok(cache);
  const stream = new SlowStream();
  const stop = new AbortController();
  const start = { revision: 0, markInitialEnd: false, bookmarks: true };
  const watcher = new Watcher({
    selection: new Selection(configMapResource, ''),
    cache,
    hub,
    form: { id: '', encode: undefined },
    kind: { apiVersion: 'v1', kind: 'ConfigMap' },
    stream,
    start,
  });
  return { store, hub, stream, stop, running: watcher.run(start, stop.signal) };
}

function configMap(name: string, data: string): Buffer {
  return storedBytes({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { data } });
}

const prefix = `${cachePrefix(configMapResource)}default/`;

async function settled(hub: CacheHub): Promise<void> {
  await hub.fresh();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

test('a client that falls behind gets what it missed, in order and once', async () => {
  const { store, hub, stream, running, stop } = await hubWithWatcher();
  await store.create(`${prefix}a`, configMap('a', '1'));
  await settled(hub);
  stream.blocked = true;
  await store.create(`${prefix}b`, configMap('b', 'x'));
  await settled(hub);
  for (let index = 0; index < 400; index++) await store.create(`${prefix}b${index}`, configMap(`b${index}`, 'x'));
  await settled(hub);
  const sentWhileBlocked = stream.events.length;
  assert.equal(sentWhileBlocked, 2);
  stream.unblock();
  await settled(hub);
  await store.create(`${prefix}z`, configMap('z', '1'));
  await settled(hub);
  const revisions = stream.events.map(({ object }) => Number(object.metadata.resourceVersion));
  assert.deepEqual(
    revisions,
    Array.from({ length: 403 }, (_, index) => index + 1),
  );
  stop.abort();
  await running;
  await hub.close();
});

test('a client that falls out of the ring is told so and ended', async () => {
  const { store, hub, stream, running } = await hubWithWatcher();
  await store.create(`${prefix}a`, configMap('a', '1'));
  await settled(hub);
  stream.blocked = true;
  let revision = await store.update(`${prefix}a`, configMap('a', '2'), 1);
  await settled(hub);
  const large = configMap('a', 'x'.repeat(200_000));
  for (let index = 0; index < 200; index++) revision = await store.update(`${prefix}a`, large, revision);
  await settled(hub);
  stream.unblock();
  await running;
  const last = stream.events.at(-1);
  assert.equal(last?.type, 'ERROR');
  assert.equal((last?.object as unknown as { code?: number } | undefined)?.code, 410);
  await hub.close();
});

test('a deleted object comes in its last state with the revision of the deletion', async () => {
  const { store, hub, stream, running, stop } = await hubWithWatcher();
  const revision = await store.create(`${prefix}a`, configMap('a', '1'));
  const deletion = await store.delete(`${prefix}a`, revision);
  await settled(hub);
  const last = stream.events.at(-1);
  assert.equal(last?.type, 'DELETED');
  assert.equal(last?.object.metadata.resourceVersion, String(deletion));
  assert.deepEqual(last?.object['data'], { data: '1' });
  stop.abort();
  await running;
  await hub.close();
});
