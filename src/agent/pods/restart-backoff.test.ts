import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration, RestartBackoff } from './restart-backoff.ts';

test('the first restart is free, then the delay doubles up to five minutes', () => {
  const backoff = new RestartBackoff();
  let now = 1_000_000;
  assert.equal(backoff.remainingMs('k', now, now), 0);
  const delays: number[] = [];
  for (let round = 0; round < 7; round++) {
    backoff.next('k', now, now);
    delays.push(backoff.remainingMs('k', now, now) / 1000);
    now += backoff.delayMs('k');
  }
  assert.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300]);
});

test('a container that ran long enough starts from nothing again', () => {
  const backoff = new RestartBackoff();
  backoff.next('k', 0, 0);
  backoff.next('k', 0, 0);
  const tenMinutesLater = 601_000;
  assert.equal(backoff.remainingMs('k', tenMinutesLater, tenMinutesLater), 0);
  backoff.next('k', tenMinutesLater, tenMinutesLater);
  assert.equal(backoff.delayMs('k'), 10_000);
});

test('entries carry the back-off over a restart of the agent', () => {
  const before = new RestartBackoff();
  before.next('pod/a', 0, 0);
  const after = new RestartBackoff();
  after.restore(before.entries('pod/'));
  assert.equal(after.remainingMs('pod/a', 0, 0), 10_000);
});

test('goDuration writes as Go does', () => {
  assert.deepEqual([10_000, 80_000, 300_000].map(goDuration), ['10s', '1m20s', '5m0s']);
});
