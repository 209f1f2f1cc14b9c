import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { PodCheckpoint } from './pod-checkpoint.ts';

test('a damaged file is left out, and the other pods are found', async (t) => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  t.after(() => rm(dataDirectory, { recursive: true }));
  const checkpoint = new PodCheckpoint({ dataDirectory, logger: silentLogger });
  const pod = (uid: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: uid, uid },
    spec: { containers: [{ name: 'main', image: 'x' }] },
  });
  await checkpoint.save({ pod: pod('good'), backoff: [] });
  const damages = ['', 'null', '{}', '[]', '{"pod":null}', '{"pod":{"metadata":{"uid":"a"}},"backoff":[]}', '{"pod":'];
  for (const [index, text] of damages.entries()) {
    await mkdir(join(dataDirectory, 'pods', `bad-${index}`));
    await writeFile(join(dataDirectory, 'pods', `bad-${index}`, 'pod.json'), text);
  }
  assert.deepEqual(
    (await checkpoint.load()).map((found) => found.pod.metadata.uid),
    ['good'],
  );
});
