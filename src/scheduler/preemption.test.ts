import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../api/core/v1/types.generated.ts';
import type { PodDisruptionBudget } from '../api/policy/v1/types.generated.ts';
import { defaultPlugins } from './plugins/default-plugins.ts';
import { podInfoOf } from './pod-info.ts';
import { type PreemptionResult, planPreemption } from './preemption.ts';
import type { ClusterSnapshot } from './snapshot.ts';
import { makeCluster, makeNode, makePod, place } from './testing.ts';

function preempt(snapshot: ClusterSnapshot, pod: Pod, budgets: PodDisruptionBudget[] = []): PreemptionResult {
  const result = place(snapshot, pod);
  assert.ok(result.kind === 'unschedulable');
  return planPreemption(snapshot, podInfoOf(pod), result.diagnosis, { plugins: defaultPlugins, budgets, offset: 0 });
}

function evicted(result: PreemptionResult): string {
  assert.ok(result.kind === 'evict', 'expected victims');
  return `${result.eviction.node}: ${result.eviction.victims.map(({ pod }) => pod.metadata.name).join(' ')}`;
}

const vip = (cpu: string): Pod => makePod('vip', { priority: 100, requests: { cpu } });
const taker = (name: string, cpu: string, priority = 0): Pod =>
  makePod(name, { priority, requests: { cpu }, labels: { app: name } });

describe('planPreemption', () => {
  test('takes no more pods than it needs, the least important first', () => {
    const snapshot = makeCluster([makeNode('a')], {
      a: [taker('x', '1', 5), taker('y', '500m', 1), taker('z', '500m', 9)],
    });
    assert.equal(evicted(preempt(snapshot, vip('500m'))), 'a: y');
  });

  test('prefers the node whose highest victim is the least important', () => {
    const snapshot = makeCluster([makeNode('a'), makeNode('b')], { a: [taker('x', '2', 5)], b: [taker('y', '2', 1)] });
    assert.equal(evicted(preempt(snapshot, vip('1'))), 'b: y');
  });

  test('prefers a node where no disruption budget is broken', () => {
    const snapshot = makeCluster([makeNode('a'), makeNode('b')], { a: [taker('x', '2', 5)], b: [taker('y', '2', 1)] });
    const budget: PodDisruptionBudget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'y' } } },
      status: { disruptionsAllowed: 0 },
    };
    assert.equal(evicted(preempt(snapshot, vip('1'), [budget])), 'a: x');
  });

  test('never touches pods of the same priority', () => {
    const snapshot = makeCluster([makeNode('a')], { a: [taker('x', '2', 100)] });
    const result = preempt(snapshot, vip('1'));
    assert.deepEqual(result, {
      kind: 'none',
      message: 'preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
      keepsNomination: false,
    });
  });

  test('respects preemptionPolicy Never', () => {
    const snapshot = makeCluster([makeNode('a')], { a: [taker('x', '2')] });
    const pod = makePod('vip', { priority: 100, preemptionPolicy: 'Never', requests: { cpu: '1' } });
    assert.deepEqual(preempt(snapshot, pod), {
      kind: 'none',
      message: 'preemption: not eligible due to preemptionPolicy=Never.',
      keepsNomination: true,
    });
  });

  test('waits for victims that are going already', () => {
    const leaving = taker('x', '2');
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    const pod = vip('1');
    pod.status = { nominatedNodeName: 'a' };
    assert.deepEqual(preempt(makeCluster([makeNode('a')], { a: [leaving] }), pod), {
      kind: 'none',
      message: 'preemption: not eligible due to a terminating pod on the nominated node.',
      keepsNomination: true,
    });
  });
});
