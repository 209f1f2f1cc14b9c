import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacedRuns } from './paced-runs.ts';

test('what is asked for during a run is done by one more, never beside it', async () => {
  let runs = 0;
  let beside = 0;
  const paced = new PacedRuns({
    async run() {
      runs += 1;
      beside += 1;
      assert.equal(beside, 1);
      if (runs === 1) for (let more = 0; more < 5; more++) paced.ask();
      await new Promise(setImmediate);
      beside -= 1;
    },
    failed: () => assert.fail('A run failed'),
    intervalMs: 1,
    retryMs: 1,
  });
  paced.ask();
  paced.ask();
  await paced.settled();
  assert.equal(runs, 2);
});

test('a run that fails is tried again until it does not', async () => {
  const failures: unknown[] = [];
  let runs = 0;
  const paced = new PacedRuns({
    async run() {
      runs += 1;
      if (runs < 3) throw new Error(`failure ${runs}`);
    },
    failed: (error) => failures.push(error),
    intervalMs: 1,
    retryMs: 1,
  });
  paced.ask();
  await paced.settled();
  assert.deepEqual(failures.map(String), ['Error: failure 1', 'Error: failure 2']);
});

test('after it is closed nothing runs, and nobody waits', async () => {
  let runs = 0;
  const paced = new PacedRuns({
    async run() {
      runs += 1;
    },
    failed: () => assert.fail('A run failed'),
    intervalMs: 1,
    retryMs: 1,
  });
  paced.ask();
  const settled = paced.settled();
  paced.close();
  await settled;
  paced.ask();
  await paced.settled();
  assert.equal(runs, 0);
});
