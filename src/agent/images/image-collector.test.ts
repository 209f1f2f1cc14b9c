import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuntimeImage } from '../runtime/contract.ts';
import { imagesToRemove } from './image-collector.ts';

const image = (id: string, sizeBytes: number): RuntimeImage => ({
  id,
  repoTags: [],
  repoDigests: [],
  sizeBytes,
  user: '',
  stopSignal: '',
});

test('images longest unused go first, no more than needed and none that is new', () => {
  const now = 10_000_000;
  const seen = new Map([
    ['a', 0],
    ['b', 0],
    ['c', 0],
    ['new', now - 1000],
  ]);
  const used = new Map([
    ['a', 500],
    ['b', 100],
    ['c', 900],
  ]);
  const all = [image('a', 10), image('b', 10), image('c', 10), image('new', 100)];
  const chosen = imagesToRemove(all, { bytesWanted: 15, now, firstSeen: seen, lastUsed: used });
  assert.deepEqual(
    chosen.map(({ id }) => id),
    ['b', 'a'],
  );
});
