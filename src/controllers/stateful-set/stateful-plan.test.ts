import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatefulSet, StatefulSetSpec } from '../../api/apps/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { planStatefulSet } from './stateful-plan.ts';

const revisions = { current: 'r1', update: 'r2' };

function set(replicas: number, spec: Partial<StatefulSetSpec> = {}): StatefulSet {
  const full = { replicas, serviceName: 'db', selector: {}, template: {}, ...spec };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec: full };
}

function pod(ordinal: number, revision = 'r2', more: { ready?: boolean; stopping?: boolean } = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `db-${ordinal}`,
      labels: { 'controller-revision-hash': revision },
      ...(more.stopping === true ? { deletionTimestamp: 'now' } : {}),
    },
    spec: { containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }] },
  };
}

describe('stateful set', () => {
  const cases: [what: string, set: StatefulSet, pods: Pod[], create: number[], remove: string[]][] = [
    ['starts with the lowest ordinal', set(3), [], [0], []],
    ['waits for a pod before the next', set(3), [pod(0, 'r2', { ready: false })], [], []],
    ['goes on when it is ready', set(3), [pod(0)], [1], []],
    ['starts all at once in parallel', set(3, { podManagementPolicy: 'Parallel' }), [], [0, 1, 2], []],
    ['scales down from the top, one at a time', set(1), [pod(0), pod(1), pod(2)], [], ['db-2']],
    ['waits for the one that is stopping', set(1), [pod(0), pod(1), pod(2, 'r2', { stopping: true })], [], []],
    ['updates from the top, one at a time', set(3), [pod(0, 'r1'), pod(1, 'r1'), pod(2, 'r1')], [], ['db-2']],
    ['waits for the updated one', set(3), [pod(0, 'r1'), pod(1, 'r1'), pod(2, 'r2', { ready: false })], [], []],
    [
      'leaves pods below the partition',
      set(2, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }),
      [pod(0, 'r1'), pod(1)],
      [],
      [],
    ],
    ['leaves updates to the user', set(1, { updateStrategy: { type: 'OnDelete' } }), [pod(0, 'r1')], [], []],
    ['counts from the first ordinal', set(2, { ordinals: { start: 5 } }), [pod(5)], [6], []],
  ];
  for (const [what, of, pods, create, remove] of cases) {
    it(what, () => {
      const plan = planStatefulSet(of, pods, revisions, 0);
      assert.deepEqual(
        plan.create.map(({ ordinal }) => ordinal),
        create,
      );
      assert.deepEqual(
        plan.remove.map(({ metadata }) => metadata.name),
        remove,
      );
    });
  }
});
