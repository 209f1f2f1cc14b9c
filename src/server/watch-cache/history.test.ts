import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinResources } from '../../api/registry.ts';
import { silentLogger } from '../../machinery/logger.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { createApi } from '../api.ts';
import { noAdmission, patch, Requests } from '../api-requests.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';

function open(store: MemoryStore): ReturnType<typeof createApi> {
  return createApi({ store, rows: builtinResources, admission: noAdmission, logger: silentLogger });
}

async function make(requests: Requests, name: string): Promise<string> {
  const body = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, labels: { app: 'x' } } };
  return (await requests.send('POST', configMaps, body)).object.metadata.resourceVersion ?? '';
}

test('a watch from before a restart goes on where it was', async () => {
  const store = new MemoryStore();
  const first = await open(store);
  const before = new Requests(first);
  const revision = await make(before, 'a');
  await make(before, 'b');
  await patch(before, `${configMaps}/a`, { data: { k: 'v' } });
  await patch(before, `${configMaps}/b`, { metadata: { labels: { app: 'y' } } });
  await before.send('DELETE', `${configMaps}/a`);
  await first.close();

  const second = await open(store);
  const after = new Requests(second);
  const query = `watch=1&resourceVersion=${revision}`;
  const whole = await after.watch(`${configMaps}?${query}`, 4);
  assert.deepEqual(
    whole.map(({ type, object }) => `${type} ${object.metadata.name}`),
    ['ADDED b', 'MODIFIED a', 'MODIFIED b', 'DELETED a'],
  );
  assert.deepEqual(whole[3]?.object['data'], { k: 'v' });
  const selected = await after.watch(`${configMaps}?${query}&labelSelector=app%3Dx`, 4);
  assert.deepEqual(
    selected.map(({ type, object }) => `${type} ${object.metadata.name}`),
    ['ADDED b', 'MODIFIED a', 'DELETED b', 'DELETED a'],
  );
  const past = await after.send('GET', `${configMaps}?resourceVersion=${revision}&resourceVersionMatch=Exact`);
  assert.deepEqual(
    (past.object['items'] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name),
    ['a'],
  );
  await second.close();
});

test('what is older than the compaction, or changed from a state that is, is answered 410', async () => {
  const store = new MemoryStore();
  const first = await open(store);
  const requests = new Requests(first);
  for (let index = 0; index < 40; index++) await make(requests, `old-${index}`);
  const compacted = await make(requests, 'a');
  await store.compact(Number(compacted));
  for (let index = 0; index < 30; index++) await make(requests, `between-${index}`);
  const made = await make(requests, 'b');
  const changed = (await patch(requests, `${configMaps}/a`, { data: { k: 'v' } })).object.metadata.resourceVersion;
  for (let index = 0; index < 20; index++) await make(requests, `new-${index}`);
  await first.close();
  const second = await open(store);
  const after = new Requests(second);
  const status = async (revision: string) =>
    (await after.send('GET', `${configMaps}?watch=1&timeoutSeconds=1&resourceVersion=${revision}`)).status;
  assert.equal(await status(compacted), 410);
  assert.equal(await status(made), 410, 'the state of a before its change is not known');
  assert.equal(await status(changed ?? ''), 200);
  await second.close();
});
