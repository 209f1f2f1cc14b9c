import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultPlugins } from '../plugins/default-plugins.ts';
import { podInfoOf } from '../pod-info.ts';
import { makePod, type PodOptions } from '../testing.ts';
import { SchedulingQueue } from './scheduling-queue.ts';

class Fixture {
  now = 0;
  readonly queue = new SchedulingQueue(defaultPlugins, () => this.now);

  add(name: string, options: PodOptions = {}): void {
    this.queue.set(podInfoOf(makePod(name, options)), true);
  }

  pop(): string | undefined {
    return this.queue.pop()?.pod.pod.metadata.name;
  }

  fail(...rejectedBy: string[]): void {
    const queued = this.queue.pop();
    assert.ok(queued !== undefined);
    this.queue.setUnschedulable(queued, new Set(rejectedBy));
  }

  advance(ms: number): void {
    this.now += ms;
    this.queue.tick();
  }
}

describe('SchedulingQueue', () => {
  test('gives the highest priority first, then the oldest', () => {
    const fixture = new Fixture();
    fixture.add('old');
    fixture.now = 1;
    fixture.add('young');
    fixture.add('vip', { priority: 5 });
    assert.deepEqual([fixture.pop(), fixture.pop(), fixture.pop(), fixture.pop()], ['vip', 'old', 'young', undefined]);
  });

  test('keeps gated pods until their gates are gone', () => {
    const fixture = new Fixture();
    fixture.add('p', { schedulingGates: [{ name: 'x' }] });
    assert.equal(fixture.pop(), undefined);
    fixture.add('p');
    assert.equal(fixture.pop(), 'p');
  });

  test('retries only on events that the rule at fault cares for', () => {
    const fixture = new Fixture();
    fixture.add('p');
    fixture.fail('NodeAffinity');
    fixture.now = 1000;
    fixture.queue.moveOn('assignedPodGone');
    assert.equal(fixture.pop(), undefined);
    fixture.queue.moveOn('nodeLabelsChanged');
    assert.equal(fixture.pop(), 'p');
  });

  test('backs off longer with every attempt, up to ten seconds', () => {
    const fixture = new Fixture();
    fixture.add('p');
    for (const expected of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
      fixture.fail('NodeResourcesFit');
      fixture.queue.moveOn('assignedPodGone');
      assert.equal(fixture.queue.nextTickAt, fixture.now + expected);
      fixture.advance(expected - 1);
      assert.equal(fixture.queue.lengths.active, 0);
      fixture.advance(1);
      assert.equal(fixture.queue.lengths.active, 1);
    }
  });

  test('tries everything again after five minutes', () => {
    const fixture = new Fixture();
    fixture.add('p');
    fixture.fail('NodeAffinity');
    fixture.advance(299_999);
    assert.equal(fixture.pop(), undefined);
    fixture.advance(1);
    assert.equal(fixture.pop(), 'p');
  });

  test('a status-only update leaves a pod where it waits', () => {
    const fixture = new Fixture();
    fixture.add('p');
    fixture.fail('NodeResourcesFit');
    fixture.now = 60_000;
    fixture.queue.set(podInfoOf(makePod('p')), false);
    assert.equal(fixture.pop(), undefined);
    fixture.queue.set(podInfoOf(makePod('p')), true);
    assert.equal(fixture.pop(), 'p');
  });

  test('forgets a deleted pod wherever it waits', () => {
    const fixture = new Fixture();
    for (const name of ['a', 'b', 'c']) fixture.add(name);
    fixture.queue.delete('default/b');
    assert.deepEqual([fixture.pop(), fixture.pop(), fixture.pop()], ['a', 'c', undefined]);
  });
});
