import type { Toleration } from '../../api/core/v1/types.generated.ts';

/** Whether whatever `narrow` tolerates is tolerated by `wide` too, as pkg/util/tolerations.isSuperset. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  const { key = '', effect = '', operator = 'Equal', value = '', tolerationSeconds } = wide;
  if (key !== '' && key !== (narrow.key ?? '')) return false;
  if (key === '' && operator !== 'Exists') return false;
  if (effect !== '' && effect !== (narrow.effect ?? '')) return false;
  if (narrow.effect === 'NoExecute' && tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || tolerationSeconds < narrow.tolerationSeconds) return false;
  }
  if (operator === 'Exists') return true;
  return (narrow.operator ?? 'Equal') === operator && value === (narrow.value ?? '');
}

/** Both lists in one, without what another member covers. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  return all.filter((one, index) => {
    return !all.some((other, at) => at !== index && covers(other, one) && (!covers(one, other) || at < index));
  });
}

/** Every toleration is covered by one of the whitelist; an empty whitelist allows everything. */
export function areWhitelisted(tolerations: readonly Toleration[], whitelist: readonly Toleration[]): boolean {
  if (whitelist.length === 0) return true;
  return tolerations.every((toleration) => whitelist.some((allowed) => covers(allowed, toleration)));
}
