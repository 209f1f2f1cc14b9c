import type { Pod, Taint, Toleration } from '../api/core/v1/types.generated.ts';

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

export function podTolerates(pod: Pod, taint: Taint): boolean {
  return pod.spec?.tolerations?.some((toleration) => tolerates(toleration, taint)) === true;
}

/** The first taint that keeps the pod off: NoSchedule or NoExecute, and not tolerated. */
export function repellingTaint(pod: Pod, taints: readonly Taint[] | undefined): Taint | undefined {
  return taints?.find((taint) => taint.effect !== 'PreferNoSchedule' && !podTolerates(pod, taint));
}
