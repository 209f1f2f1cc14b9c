import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { fromV2, toV2 } from './conversion.ts';

const v2: UnknownObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', annotations: { team: 'a' } },
  spec: {
    scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
    minReplicas: 1,
    maxReplicas: 5,
    metrics: [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      { type: 'Resource', resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 70 } } },
    ],
    behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
  },
  status: { currentReplicas: 1, desiredReplicas: 2, conditions: [{ type: 'AbleToScale', status: 'True' }] },
};

describe('autoscaling/v1 conversion', () => {
  it('shows the processor target as the one number of v1', () => {
    const v1 = fromV2(v2) as UnknownObject & { spec: Record<string, unknown> };
    assert.equal(v1.apiVersion, 'autoscaling/v1');
    assert.equal(v1.spec['targetCPUUtilizationPercentage'], 50);
    assert.equal(v1.spec['metrics'], undefined);
  });

  it('loses nothing on the way to v1 and back', () => {
    assert.deepEqual(toV2(fromV2(v2)), v2);
  });

  it('passes over an annotation that is not JSON', () => {
    const object: UnknownObject = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', annotations: { 'autoscaling.alpha.kubernetes.io/metrics': '{' } },
      spec: { maxReplicas: 2 },
    };
    assert.deepEqual(toV2(object)['spec'], { maxReplicas: 2 });
  });
});
