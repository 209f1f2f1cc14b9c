import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment, ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import { fenceposts, isScaling, newSetReplicas, scale, scaleDownOld, setsToForget } from './rollout-plan.ts';

function deployment(
  replicas: number,
  maxSurge: number | string = '25%',
  maxUnavailable: number | string = '25%',
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: {},
      template: {},
      revisionHistoryLimit: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
    },
  };
}

let age = 0;
function set(name: string, replicas: number, available = replicas, desired?: number, max?: number): ReplicaSet {
  age++;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      uid: name,
      creationTimestamp: new Date(age * 1000).toISOString(),
      annotations: {
        ...(desired === undefined ? {} : { 'deployment.kubernetes.io/desired-replicas': String(desired) }),
        ...(max === undefined ? {} : { 'deployment.kubernetes.io/max-replicas': String(max) }),
      },
    },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available },
  };
}

const sizes = (scalings: readonly { set: ReplicaSet; replicas: number }[]): Record<string, number> =>
  Object.fromEntries(scalings.map(({ set: { metadata }, replicas }) => [metadata.name, replicas]));

describe('fenceposts of a rollout', () => {
  const cases: [replicas: number, surge: number | string, unavailable: number | string, result: [number, number]][] = [
    [10, '25%', '25%', [3, 2]],
    [1, '25%', '25%', [1, 0]],
    [4, 0, 0, [0, 1]],
    [0, '25%', '25%', [0, 0]],
    [2, 1, 5, [1, 2]],
  ];
  for (const [replicas, surge, unavailable, [maxSurge, maxUnavailable]] of cases) {
    it(`are ${maxSurge} and ${maxUnavailable} for ${replicas} pods with ${surge} and ${unavailable}`, () => {
      assert.deepEqual(fenceposts(deployment(replicas, surge, unavailable)), { maxSurge, maxUnavailable });
    });
  }
});

describe('size of the newest set', () => {
  it('is everything when nothing else runs', () => {
    assert.equal(newSetReplicas(deployment(4), [], 0), 4);
  });
  it('is held back by surge while old pods run', () => {
    assert.equal(newSetReplicas(deployment(10), [set('old', 10)], 0), 3);
  });
  it('does not shrink when there is no room', () => {
    assert.equal(newSetReplicas(deployment(10, 0, 1), [set('old', 9), set('new', 1)], 1), 1);
  });
});

describe('scaling down of old sets', () => {
  it('takes what availability allows', () => {
    const old = set('old', 10);
    const newest = set('new', 3, 0);
    assert.deepEqual(sizes(scaleDownOld(deployment(10), [old, newest], [old], newest)), { old: 8 });
  });
  it('takes pods that do not work first', () => {
    const broken = set('broken', 3, 0);
    const good = set('good', 8);
    const newest = set('new', 2, 0);
    // 13 pods, at least 8 available, 2 new ones not there yet: 3 may go, and the broken ones are 3.
    const scaled = scaleDownOld(deployment(10), [broken, good, newest], [broken, good], newest);
    assert.deepEqual(sizes(scaled), { broken: 0 });
  });
  it('takes nothing while new pods are not available', () => {
    const old = set('old', 3);
    const newest = set('new', 1, 0);
    assert.deepEqual(scaleDownOld(deployment(3), [old, newest], [old], newest), []);
  });
});

describe('scaling of a deployment', () => {
  it('resizes the only active set', () => {
    assert.deepEqual(sizes(scale(deployment(7), set('new', 3), [set('old', 0)])), { new: 7 });
  });
  it('empties old sets when the newest is complete', () => {
    assert.deepEqual(sizes(scale(deployment(5), set('new', 5, 5, 5), [set('old', 2)])), { old: 0 });
  });
  it('shares out a growth by size in the middle of a rollout', () => {
    // 10 pods with 3 surge are 8 and 5; to 20 with 5 surge there are 12 to add.
    const scaled = scale(deployment(20), set('new', 5, 5, 10, 13), [set('old', 8, 8, 10, 13)]);
    assert.deepEqual(sizes(scaled), { old: 15, new: 10 });
  });
  it('is noticed by the size that the sets were made for', () => {
    assert.equal(isScaling(deployment(5), [set('new', 3, 3, 3)]), true);
    assert.equal(isScaling(deployment(3), [set('new', 3, 3, 3)]), false);
  });
});

it('old sets past the history limit are forgotten once they are empty', () => {
  const revisions = new Map([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  const old = [set('a', 0), set('b', 2), set('c', 0)];
  const forgotten = setsToForget(deployment(1), old, ({ metadata }) => revisions.get(metadata.name) ?? 0);
  assert.deepEqual(
    forgotten.map(({ metadata }) => metadata.name),
    ['a'],
  );
});
