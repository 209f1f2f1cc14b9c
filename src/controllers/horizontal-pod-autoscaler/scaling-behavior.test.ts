import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HorizontalPodAutoscalerBehavior } from '../../api/autoscaling/v2/types.generated.ts';
import { applyBehavior, noteScale, type ScalingHistory } from './scaling-behavior.ts';

const newHistory = (): ScalingHistory => ({ recommendations: [], ups: [], downs: [] });
const now = 1_000_000;

function scale(current: number, desired: number, behavior?: HorizontalPodAutoscalerBehavior, history = newHistory()) {
  return applyBehavior({ current, desired, min: 1, max: 100, behavior, history, now });
}

describe('behavior of an autoscaler', () => {
  it('doubles, or adds four, at a time by default', () => {
    assert.equal(scale(1, 50).replicas, 5);
    assert.equal(scale(10, 50).replicas, 20);
    assert.equal(scale(10, 50).limit.reason, 'ScaleUpLimit');
  });

  it('counts what was added in the period', () => {
    const history = newHistory();
    noteScale(history, 10, 20, now - 5_000);
    assert.equal(scale(20, 50, undefined, history).replicas, 20);
  });

  it('waits five minutes before it shrinks', () => {
    const history: ScalingHistory = { ...newHistory(), recommendations: [{ replicas: 8, at: now - 60_000 }] };
    const { replicas, stabilized } = scale(10, 2, undefined, history);
    assert.equal(replicas, 8);
    assert.equal(stabilized?.reason, 'ScaleDownStabilized');
    const later: ScalingHistory = { ...newHistory(), recommendations: [{ replicas: 8, at: now - 301_000 }] };
    assert.equal(scale(10, 2, undefined, later).replicas, 2);
  });

  it('follows policies, the strictest when so asked, and none when disabled', () => {
    const policies = [
      { type: 'Pods', value: 1, periodSeconds: 60 },
      { type: 'Percent', value: 50, periodSeconds: 60 },
    ];
    const down = (selectPolicy: string) => ({ scaleDown: { stabilizationWindowSeconds: 0, policies, selectPolicy } });
    assert.equal(scale(10, 1, down('Max')).replicas, 5);
    assert.equal(scale(10, 1, down('Min')).replicas, 9);
    assert.equal(scale(10, 1, down('Disabled')).replicas, 10);
  });

  it('keeps to the bounds', () => {
    const bounded = applyBehavior({
      current: 3,
      desired: 9,
      min: 2,
      max: 5,
      behavior: undefined,
      history: newHistory(),
      now,
    });
    assert.deepEqual([bounded.replicas, bounded.limit.reason], [5, 'TooManyReplicas']);
  });
});
