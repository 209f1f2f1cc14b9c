import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Clock } from './clock.ts';
import { createWorkQueue } from './work-queue.ts';

/** A clock that goes on only when told. */
function virtualClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  return {
    now: () => now,
    after(delayMs, run) {
      const timer = { at: now + delayMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = next.at;
        next.run();
      }
      now = until;
    },
  };
}

describe('work queue', () => {
  it('hands out keys in order, each waiting key once', async () => {
    const queue = createWorkQueue();
    for (const key of ['a', 'b', 'a']) queue.add(key);
    assert.equal(queue.length, 2);
    assert.deepEqual([await queue.get(), await queue.get()], ['a', 'b']);
  });

  it('holds back a key that is in work until it is done', async () => {
    const queue = createWorkQueue();
    queue.add('a');
    assert.equal(await queue.get(), 'a');
    queue.add('a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(queue.length, 1);
    assert.equal(await queue.get(), 'a');
  });

  it('gives a waiting worker the next key', async () => {
    const queue = createWorkQueue();
    const first = queue.get();
    queue.add('a');
    queue.add('a');
    assert.equal(await first, 'a');
    assert.equal(queue.length, 0);
    queue.done('a');
    assert.equal(queue.length, 1);
  });

  it('adds a delayed key at its earliest time', () => {
    const clock = virtualClock();
    const queue = createWorkQueue({ clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 200);
    clock.advance(49);
    assert.equal(queue.length, 0);
    clock.advance(1);
    assert.equal(queue.length, 1);
  });

  it('doubles the wait of a key with each failure until it is forgotten', async () => {
    const clock = virtualClock();
    const queue = createWorkQueue({ clock });
    for (const waitMs of [5, 10, 20, 40]) {
      queue.addRateLimited('a');
      clock.advance(waitMs - 1);
      assert.equal(queue.length, 0);
      clock.advance(1);
      assert.equal(queue.length, 1);
      queue.done((await queue.get()) ?? '');
    }
    assert.equal(queue.requeues('a'), 4);
    queue.forget('a');
    queue.addRateLimited('a');
    clock.advance(5);
    assert.equal(queue.length, 1);
  });

  it('waits at most a thousand seconds', () => {
    const clock = virtualClock();
    const queue = createWorkQueue({ clock });
    for (let failures = 0; failures < 40; failures++) queue.addRateLimited('a');
    clock.advance(1_000_000 * 41);
    assert.equal(queue.length, 1);
  });

  it('lets retries of many keys through at ten a second after a burst', () => {
    const clock = virtualClock();
    const queue = createWorkQueue({ clock });
    for (let key = 0; key < 110; key++) queue.addRateLimited(String(key));
    clock.advance(5);
    assert.equal(queue.length, 100);
    clock.advance(1000);
    assert.equal(queue.length, 110);
  });

  it('is drained by shutdown: what is ready is handed out, then nothing', async () => {
    const queue = createWorkQueue();
    queue.add('a');
    queue.addAfter('b', 10);
    queue.shutDown();
    queue.add('c');
    assert.equal(await queue.get(), 'a');
    assert.equal(await queue.get(), undefined);
  });
});
