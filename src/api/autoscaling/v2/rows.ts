import { ageColumn, column, nameColumn } from '../../columns.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { formatTargets } from './targets.ts';
import type { HorizontalPodAutoscaler, HPAScalingRules } from './types.generated.ts';
import { validateAutoscaler } from './validation.ts';

export const autoscalerColumns: readonly Column[] = [
  nameColumn,
  column<HorizontalPodAutoscaler>(
    'Reference',
    ({ spec }) => `${spec.scaleTargetRef?.kind ?? ''}/${spec.scaleTargetRef?.name ?? ''}`,
  ),
  column<HorizontalPodAutoscaler>('Targets', ({ spec, status }) => formatTargets(spec.metrics, status?.currentMetrics)),
  column<HorizontalPodAutoscaler>('MinPods', ({ spec }) => String(spec.minReplicas ?? '<unset>')),
  column<HorizontalPodAutoscaler>('MaxPods', ({ spec }) => spec.maxReplicas ?? 0),
  column<HorizontalPodAutoscaler>('Replicas', ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];

export const autoscalingV2Resources: readonly ResourceDefinition[] = [
  defineResource<HorizontalPodAutoscaler>({
    group: 'autoscaling',
    version: 'v2',
    kind: 'HorizontalPodAutoscaler',
    resource: 'horizontalpodautoscalers',
    shortNames: ['hpa'],
    categories: ['all'],
    schema: 'autoscaling/v2.HorizontalPodAutoscaler',
    columns: autoscalerColumns,
    statusSubresource: true,
    initialStatus: () => ({ desiredReplicas: 0, currentMetrics: null }),
    defaults: applyAutoscalerDefaults,
    validate: validateAutoscaler,
  }),
];

function applyAutoscalerDefaults(autoscaler: HorizontalPodAutoscaler): void {
  autoscaler.spec ??= { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const { spec } = autoscaler;
  spec.minReplicas ??= 1;
  if (spec.metrics === undefined || spec.metrics.length === 0) {
    spec.metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
    ];
  }
  if (spec.behavior === undefined) return;
  spec.behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
    ...given(spec.behavior.scaleUp),
  };
  spec.behavior.scaleDown = {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    ...given(spec.behavior.scaleDown),
  };
}

/** The rules as written, an empty list of policies counting as none. */
function given(rules: HPAScalingRules = {}): HPAScalingRules {
  const { policies, ...rest } = rules;
  return policies === undefined || policies.length === 0 ? rest : rules;
}
