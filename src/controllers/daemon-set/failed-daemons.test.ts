import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FailedDaemons } from './failed-daemons.ts';

it('failed daemons are replaced at once, then ever later, and at once again after a long time', () => {
  const failed = new FailedDaemons();
  assert.equal(failed.delay('set/a', 0), 0);
  assert.equal(failed.delay('set/a', 400), 600);
  assert.equal(failed.delay('set/b', 400), 0);
  assert.equal(failed.delay('set/a', 1_000), 0);
  assert.equal(failed.delay('set/a', 2_000), 1_000);
  assert.equal(failed.delay('set/a', 10_000_000), 0);
  assert.equal(failed.delay('set/a', 10_000_500), 500);
  failed.forget('set');
  assert.equal(failed.delay('set/a', 10_000_501), 0);
});
