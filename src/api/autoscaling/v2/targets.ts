import type { MetricSpec, MetricStatus, MetricTarget, MetricValueStatus } from './types.generated.ts';

const shownMax = 2;

/** `cpu: 12%/80%, 3/10 + 1 more...`: the TARGETS cell, current over wanted for each metric. */
export function formatTargets(
  specs: readonly MetricSpec[] | undefined,
  statuses: readonly MetricStatus[] | undefined | null,
): string {
  if (specs === undefined || specs.length === 0) return '<none>';
  const all = specs.map((spec, index) => formatTarget(spec, statuses?.[index]));
  const shown = all.slice(0, shownMax).join(', ');
  return all.length > shownMax ? `${shown} + ${all.length - shownMax} more...` : shown;
}

function formatTarget(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'Resource':
      return `${spec.resource?.name ?? ''}: ${over(status?.resource?.current, spec.resource?.target)}`;
    case 'ContainerResource':
      return `${spec.containerResource?.name ?? ''}: ${over(status?.containerResource?.current, spec.containerResource?.target)}`;
    case 'Pods':
      return over(status?.pods?.current, spec.pods?.target);
    case 'Object':
      return over(status?.object?.current, spec.object?.target);
    case 'External':
      return over(status?.external?.current, spec.external?.target);
    default:
      return '<unknown type>';
  }
}

function over(current: MetricValueStatus | undefined, target: MetricTarget | undefined): string {
  if (target?.averageUtilization !== undefined) {
    const now = current?.averageUtilization;
    return `${now === undefined ? '<unknown>' : `${now}%`}/${target.averageUtilization}%`;
  }
  if (target?.averageValue !== undefined) {
    return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`;
  }
  return `${current?.value ?? '<unknown>'}/${target?.value ?? '<auto>'}`;
}
