import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLogger } from '../machinery/logger.ts';
import type { Reconcile } from './contract.ts';
import { runController, TerminalError } from './controller-runner.ts';
import { createWorkQueue } from './work-queue.ts';

function start(reconcile: Reconcile, synced: () => Promise<void> = async () => undefined) {
  const queue = createWorkQueue();
  const ending = new AbortController();
  const options = { name: 'test', queue, reconcile, workers: 2, synced, logger: silentLogger };
  const running = runController(options, ending.signal);
  return {
    queue,
    stop: async (): Promise<void> => {
      ending.abort();
      await running;
    },
  };
}

describe('controller', () => {
  it('tries a key again that failed, and forgets its failures when it succeeds', async () => {
    const done = Promise.withResolvers<void>();
    let tries = 0;
    const { queue, stop } = start(async () => {
      tries++;
      if (tries < 3) throw new Error('not yet');
      done.resolve();
      return undefined;
    });
    queue.add('a');
    await done.promise;
    await stop();
    assert.deepEqual([tries, queue.requeues('a')], [3, 0]);
  });

  it('gives up a key whose failure is final', async () => {
    const seen: string[] = [];
    const done = Promise.withResolvers<void>();
    const { queue, stop } = start(async (key) => {
      seen.push(key);
      if (key === 'last') done.resolve();
      else throw new TerminalError('never');
      return undefined;
    });
    queue.add('a');
    queue.addAfter('last', 50);
    await done.promise;
    await stop();
    assert.deepEqual(seen, ['a', 'last']);
  });

  it('waits for its caches', async () => {
    const filled = Promise.withResolvers<void>();
    const seen: string[] = [];
    const { queue, stop } = start(
      async (key) => {
        seen.push(key);
        return undefined;
      },
      () => filled.promise,
    );
    queue.add('a');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, []);
    filled.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    await stop();
    assert.deepEqual(seen, ['a']);
  });

  it('never works on one key twice at a time', async () => {
    let inWork = 0;
    let most = 0;
    let runs = 0;
    const done = Promise.withResolvers<void>();
    const { queue, stop } = start(async () => {
      inWork++;
      most = Math.max(most, inWork);
      await new Promise((resolve) => setImmediate(resolve));
      inWork--;
      runs++;
      if (runs < 5) queue.add('a');
      else done.resolve();
      return undefined;
    });
    queue.add('a');
    queue.add('a');
    await done.promise;
    await stop();
    assert.equal(most, 1);
  });
});
