import type { Taint, Toleration } from './types.generated.ts';

/** As k8s.io/api/core/v1.Toleration.ToleratesTaint. A toleration without key or effect is for all of them. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { effect = '', key = '', operator = '', value = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  switch (operator) {
    case 'Exists':
      return true;
    case '':
    case 'Equal':
      return value === (taint.value ?? '');
    case 'Gt':
      return Number(taint.value) > Number(value);
    case 'Lt':
      return Number(taint.value) < Number(value);
    default:
      return false;
  }
}

/** Whether one of the tolerations is for the taint. */
export function isTolerated(taint: Taint, tolerations: readonly Toleration[] | undefined): boolean {
  return tolerations?.some((toleration) => tolerates(toleration, taint)) === true;
}

/** The first taint that keeps a new pod off: NoSchedule or NoExecute, and not tolerated. */
export function repellingTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
): Taint | undefined {
  return taints?.find((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(taint, tolerations));
}
