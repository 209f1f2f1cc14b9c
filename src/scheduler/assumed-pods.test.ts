import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AssumedPods } from './assumed-pods.ts';
import { podInfoOf } from './pod-info.ts';
import { makeCluster, makeNode, makePod } from './testing.ts';

function makeAssumed() {
  const clock = { now: 0 };
  const snapshot = makeCluster([makeNode('a')]);
  const taken = (): number => snapshot.node('a')?.requested.milliCpu ?? Number.NaN;
  return { clock, taken, assumed: new AssumedPods(snapshot, () => clock.now) };
}

const pod = podInfoOf(makePod('p', { requests: { cpu: '1' } }));

describe('AssumedPods', () => {
  test('an assumed pod takes its room until it is taken back', () => {
    const { assumed, taken } = makeAssumed();
    assumed.assume(pod, 'a');
    assert.equal(taken(), 1000);
    assert.equal(assumed.forget(pod), true);
    assert.equal(taken(), 0);
  });

  test('what the watch has confirmed is not taken back', () => {
    const { assumed, taken } = makeAssumed();
    assumed.assume(pod, 'a');
    assumed.confirm(pod.key);
    assert.equal(assumed.forget(pod), false);
    assert.equal(taken(), 1000);
  });

  test('the failed binding of a pod does not free its successor of the same name', () => {
    const { assumed, taken } = makeAssumed();
    assumed.assume({ ...pod, uid: 'successor' }, 'a');
    assert.equal(assumed.forget(pod), false);
    assert.equal(taken(), 1000);
  });

  test('a bound pod that never shows up expires, one that is being bound does not', () => {
    const { assumed, taken, clock } = makeAssumed();
    assumed.assume(pod, 'a');
    clock.now = 3_600_000;
    assumed.expire();
    assert.equal(taken(), 1000);
    assumed.bound(pod);
    clock.now += 300_001;
    assumed.expire();
    assert.equal(taken(), 0);
  });
});
