import type { UnknownObject } from '../../../machinery/meta.ts';
import { as } from '../../resource.ts';
import type { HorizontalPodAutoscaler, MetricSpec } from '../v2/types.generated.ts';
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from './types.generated.ts';

/** What v1 has no field for travels in annotations, as JSON of the v2 form. */
export const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior';
const currentMetricsAnnotation = 'autoscaling.alpha.kubernetes.io/current-metrics';
const conditionsAnnotation = 'autoscaling.alpha.kubernetes.io/conditions';
const carried = [metricsAnnotation, behaviorAnnotation, currentMetricsAnnotation, conditionsAnnotation];

/** v1 -> v2, the version that is stored. */
export function toV2(object: UnknownObject): UnknownObject {
  const v1 = as<HorizontalPodAutoscalerV1>(object);
  const annotations = v1.metadata.annotations ?? {};
  const { targetCPUUtilizationPercentage, ...spec } = v1.spec ?? {};
  const { currentCPUUtilizationPercentage, ...status } = v1.status ?? {};
  const metrics: unknown[] = [...readList(annotations[metricsAnnotation])];
  if (targetCPUUtilizationPercentage !== undefined) metrics.unshift(cpuMetric(targetCPUUtilizationPercentage));
  const currentMetrics: unknown[] = [...readList(annotations[currentMetricsAnnotation])];
  if (currentCPUUtilizationPercentage !== undefined) {
    const current = { averageUtilization: currentCPUUtilizationPercentage };
    currentMetrics.unshift({ type: 'Resource', resource: { name: 'cpu', current } });
  }
  const behavior = readJson(annotations[behaviorAnnotation]);
  const conditions = readList(annotations[conditionsAnnotation]);
  const kept = Object.entries(annotations).filter(([key]) => !carried.includes(key));
  const { annotations: _annotations, ...metadata } = v1.metadata;
  return {
    apiVersion: 'autoscaling/v2',
    kind: v1.kind,
    metadata: kept.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(kept) },
    spec: {
      ...spec,
      ...(metrics.length === 0 ? {} : { metrics }),
      ...(behavior === undefined ? {} : { behavior }),
    },
    ...(v1.status === undefined
      ? {}
      : {
          status: {
            ...status,
            ...(currentMetrics.length === 0 ? {} : { currentMetrics }),
            ...(conditions.length === 0 ? {} : { conditions }),
          },
        }),
  };
}

export function fromV2(object: UnknownObject): UnknownObject {
  const v2 = as<HorizontalPodAutoscaler>(object);
  const { metrics, behavior, ...spec } = v2.spec;
  const { currentMetrics, conditions, ...status } = v2.status ?? {};
  const isCpu = (metric: MetricSpec): boolean =>
    metric.type === 'Resource' &&
    metric.resource?.name === 'cpu' &&
    metric.resource.target.averageUtilization !== undefined;
  const cpu = metrics?.find(isCpu);
  const others = (metrics ?? []).filter((metric) => metric !== cpu);
  const current = currentMetrics?.find((metric) => metric.type === 'Resource' && metric.resource?.name === 'cpu');
  const otherCurrent = (currentMetrics ?? []).filter((metric) => metric !== current);
  const extra: Record<string, string> = {
    ...(others.length === 0 ? {} : { [metricsAnnotation]: JSON.stringify(others) }),
    ...(behavior === undefined ? {} : { [behaviorAnnotation]: JSON.stringify(behavior) }),
    ...(otherCurrent.length === 0 ? {} : { [currentMetricsAnnotation]: JSON.stringify(otherCurrent) }),
    ...(conditions === undefined || conditions.length === 0
      ? {}
      : { [conditionsAnnotation]: JSON.stringify(conditions) }),
  };
  const target = cpu?.resource?.target.averageUtilization;
  const utilization = current?.resource?.current.averageUtilization;
  const hasExtra = Object.keys(extra).length > 0;
  return {
    apiVersion: 'autoscaling/v1',
    kind: v2.kind,
    metadata: hasExtra ? { ...v2.metadata, annotations: { ...v2.metadata.annotations, ...extra } } : v2.metadata,
    spec: { ...spec, ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }) },
    ...(v2.status === undefined
      ? {}
      : {
          status: { ...status, ...(utilization === undefined ? {} : { currentCPUUtilizationPercentage: utilization }) },
        }),
  };
}

function cpuMetric(averageUtilization: number): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } };
}

function readList(text: string | undefined): readonly unknown[] {
  const value = readJson(text);
  return Array.isArray(value) ? value : [];
}

/** Annotations are the user's to write: what is not JSON is passed over. */
function readJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
