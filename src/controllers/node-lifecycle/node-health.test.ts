import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node, NodeCondition, Taint } from '../../api/core/v1/types.generated.ts';
import { evictionTime } from '../taint-eviction.ts';
import { Heartbeats, silentConditions, taintsFor } from './node-health.ts';

function node(conditions: NodeCondition[], taints: Taint[] = [], unschedulable = false): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
    spec: { taints, unschedulable },
    status: { conditions },
  };
}

const ready = (status: string): NodeCondition => ({ type: 'Ready', status });
const own: Taint = { key: 'gpu', effect: 'NoSchedule', value: 'true' };

describe('taints of a node', () => {
  const cases: [what: string, node: Node, taints: string[] | undefined][] = [
    ['none while it is ready', node([ready('True')], [own]), undefined],
    [
      'not-ready while it is not',
      node([ready('False')], [own]),
      ['gpu:NoSchedule', 'not-ready:NoSchedule', 'not-ready:NoExecute'],
    ],
    ['unreachable while it is silent', node([ready('Unknown')]), ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['not-ready for scheduling before it has spoken', node([]), ['not-ready:NoSchedule']],
    [
      'gone when it recovers',
      node([ready('True')], [own, { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' }]),
      ['gpu:NoSchedule'],
    ],
    ['unschedulable when cordoned', node([ready('True')], [], true), ['unschedulable:NoSchedule']],
    ['pressure', node([ready('True'), { type: 'DiskPressure', status: 'True' }]), ['disk-pressure:NoSchedule']],
  ];
  for (const [what, of, taints] of cases) {
    it(what, () => {
      const found = taintsFor(of, 0)?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);
      assert.deepEqual(found, taints);
    });
  }
});

it('silence is measured from the last change of the lease', () => {
  const silence = new Heartbeats();
  const of = node([]);
  const lease = (renewTime: string) => ({
    apiVersion: '',
    kind: 'Lease',
    metadata: { name: 'n' },
    spec: { renewTime },
  });
  assert.equal(silence.silenceMs(of, lease('1'), 1_000), 0);
  assert.equal(silence.silenceMs(of, lease('1'), 41_500), 40_500);
  assert.equal(silence.silenceMs(of, lease('2'), 42_000), 0);
});

it('a silent node has unknown conditions, said once', () => {
  const conditions = silentConditions(node([ready('True')]), 0) ?? [];
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => [type, status, reason]),
    [
      ['Ready', 'Unknown', 'NodeStatusUnknown'],
      ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ],
  );
  assert.equal(silentConditions(node(conditions), 0), undefined);
});

describe('eviction by taint', () => {
  const taint: Taint = { key: 'k', effect: 'NoExecute', timeAdded: new Date(1_000_000).toISOString() };
  it('is at once without a toleration', () => assert.equal(evictionTime([taint], []), 0));
  it('is never with one that has no end', () => {
    assert.equal(evictionTime([taint], [{ key: 'k', operator: 'Exists' }]), undefined);
  });
  it('is when the shortest toleration ends', () => {
    const tolerations = [
      { key: 'k', operator: 'Exists', tolerationSeconds: 300 },
      { operator: 'Exists', tolerationSeconds: 30 },
    ];
    assert.equal(evictionTime([taint], tolerations), 1_030_000);
  });
});
