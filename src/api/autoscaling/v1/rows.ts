import type { UnknownObject } from '../../../machinery/meta.ts';
import type { FieldError } from '../../../machinery/status-error.ts';
import type { ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import { autoscalerColumns, autoscalingV2Resources } from '../v2/rows.ts';
import { fromV2, metricsAnnotation, toV2 } from './conversion.ts';
import type { HorizontalPodAutoscaler } from './types.generated.ts';

export const autoscalingV1Resources: readonly ResourceDefinition[] = [
  defineResource<HorizontalPodAutoscaler>({
    group: 'autoscaling',
    version: 'v1',
    kind: 'HorizontalPodAutoscaler',
    resource: 'horizontalpodautoscalers',
    shortNames: ['hpa'],
    categories: ['all'],
    schema: 'autoscaling/v1.HorizontalPodAutoscaler',
    columns: autoscalerColumns.map((column) => ({
      ...column,
      value: (object, now) => column.value(toV2(object), now),
    })),
    storedAs: {
      group: 'autoscaling',
      version: 'v2',
      resource: 'horizontalpodautoscalers',
      toStored: toV2,
      fromStored: fromV2,
    },
    statusSubresource: true,
    initialStatus: () => ({ currentReplicas: 0, desiredReplicas: 0 }),
    defaults(autoscaler) {
      autoscaler.spec ??= { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
      const { metadata, spec } = autoscaler;
      spec.minReplicas ??= 1;
      if (metadata.annotations?.[metricsAnnotation] === undefined) spec.targetCPUUtilizationPercentage ??= 80;
    },
    validate: (autoscaler) => validateAsV2(autoscaler),
  }),
];

/** The rules are those of the version that is stored. */
function validateAsV2(autoscaler: HorizontalPodAutoscaler): FieldError[] {
  const stored = toV2({ ...autoscaler } satisfies UnknownObject);
  return autoscalingV2Resources[0]?.strategy.validate(stored) ?? [];
}
