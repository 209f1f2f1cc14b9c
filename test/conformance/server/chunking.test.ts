import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at, namesOf } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

let aheadMs = 0;
const suite = controlPlaneSuite({ now: () => Date.now() + aheadMs });
const collection = '/api/v1/namespaces/default/podtemplates';
const total = 400;

/** Made by whichever test runs first. */
async function createTemplates(): Promise<void> {
  if ((await suite.api.send('GET', `${collection}/template-0000`)).status === 200) return;
  const template = { spec: { containers: [{ name: 'main', image: 'example.test/none' }] } };
  for (let from = 0; from < total; from += 20) {
    const names = Array.from({ length: 20 }, (_, index) => `template-${String(from + index).padStart(4, '0')}`);
    await Promise.all(names.map((name) => suite.api.create(collection, { metadata: { name }, template })));
  }
}

interface Chunk {
  readonly items: readonly UnknownObject[];
  readonly token: string;
  readonly remaining: number | undefined;
  readonly version: string;
}

async function chunk(limit: number, token: string): Promise<Chunk> {
  const list = await suite.api.get(`${collection}?limit=${limit}&continue=${encodeURIComponent(token)}`);
  return {
    items: list['items'] as UnknownObject[],
    token: String(at(list, 'metadata.continue') ?? ''),
    remaining: at(list, 'metadata.remainingItemCount') as number | undefined,
    version: String(at(list, 'metadata.resourceVersion')),
  };
}

/** Reads on to the end: every chunk full, of one version, and telling truly how much is left. */
async function readOn(first: Chunk, seenBefore: number, limit: number): Promise<string[]> {
  const names = namesOf(first.items);
  for (let last = first; last.token !== ''; ) {
    assert.equal(last.remaining, total - seenBefore - names.length);
    last = await chunk(limit, last.token);
    assert.ok(last.items.length <= limit);
    assert.equal(last.version, first.version);
    names.push(...namesOf(last.items));
  }
  return names;
}

behaviour('API Chunking, server should return chunks of results for list calls', async () => {
  await createTemplates();
  for (const limit of [7, 100, 399, 400, 500]) {
    const names = await readOn(await chunk(limit, ''), 0, limit);
    assert.equal(new Set(names).size, total);
    assert.deepEqual(names, [...names].sort());
  }
  const all = await suite.api.get(collection);
  assert.equal((all['items'] as unknown[]).length, total);
  assert.equal(at(all, 'metadata.continue'), undefined);
});

behaviour(
  'API Chunking, server should support continue listing from the last key even if the original version has been compacted away',
  async () => {
    await createTemplates();
    const limit = total / 10;
    const first = await chunk(limit, '');
    await suite.api.patch(`${collection}/${first.items[0]?.metadata.name}`, {
      metadata: { labels: { changed: 'yes' } },
    });
    aheadMs = 6 * 60_000;
    await suite.plane.store.compact(await suite.plane.store.currentRevision());
    const answer = await suite.api.send(
      'GET',
      `${collection}?limit=${limit}&continue=${encodeURIComponent(first.token)}`,
    );
    assert.equal(answer.status, 410, answer.text.slice(0, 500));
    const status = JSON.parse(answer.text) as UnknownObject;
    assert.equal(status['reason'], 'Expired');
    const token = String(at(status, 'metadata.continue'));
    assert.notEqual(token, 'undefined');
    const second = await chunk(limit, token);
    assert.equal(second.items.length, limit);
    assert.notEqual(second.version, first.version);
    assert.equal(new Set(await readOn(second, limit, limit)).size, total - limit);
  },
);
