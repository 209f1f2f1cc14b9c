import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import { autoscalingV2Resources } from './rows.ts';
import { formatTargets } from './targets.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec } from './types.generated.ts';

const [row] = autoscalingV2Resources;
assert.ok(row !== undefined);
const { strategy } = row;

function errorsOf(spec: Partial<HorizontalPodAutoscalerSpec>): string[] {
  const object: HorizontalPodAutoscaler & { [field: string]: unknown } = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, ...spec },
  };
  strategy.applyDefaults(object);
  strategy.prepareForCreate(object);
  return strategy.validate(object).map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
}

describe('horizontal pod autoscaler', () => {
  it('is complete with a target and a maximum', () => {
    assert.deepEqual(errorsOf({}), []);
    assert.deepEqual(errorsOf({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } }), []);
  });

  const cases: [spec: Partial<HorizontalPodAutoscalerSpec>, error: string][] = [
    [{ maxReplicas: 0 }, 'spec.maxReplicas: Invalid value: 0: must be greater than 0'],
    [{ minReplicas: 5 }, 'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
    [
      { metrics: [{ type: 'Pods' }] },
      'spec.metrics[0].pods: Required value: must populate information for the given metric source',
    ],
    [
      { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] },
      'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
    ],
    [
      { behavior: { scaleUp: { stabilizationWindowSeconds: 4000 } } },
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600',
    ],
  ];
  for (const [spec, error] of cases) {
    it(`is refused with ${error}`, () => {
      assert.deepEqual(errorsOf(spec), [error]);
    });
  }

  it('shows two targets and counts the rest', () => {
    const metric = (name: string) => ({
      type: 'Resource',
      resource: { name, target: { type: 'Utilization', averageUtilization: 80 } },
    });
    const current = [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 12 } } }];
    assert.equal(
      formatTargets([metric('cpu'), metric('memory'), metric('disk')], current),
      'cpu: 12%/80%, memory: <unknown>/80% + 1 more...',
    );
  });
});
