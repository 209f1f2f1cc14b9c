/**
 * k8s.io/apimachinery/pkg/util/intstr.GetScaledValueFromIntOrPercent: a number stands for itself, `"25%"` for that part
 * of `total`. Throws an Error in upstream's words for any other text.
 */
export function scaledValueFromIntOrPercent(value: number | string, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  const percent = percentOf(value);
  if (percent === undefined) {
    throw new Error('invalid value for IntOrString: invalid type: string is not a percentage');
  }
  const scaled = (percent * total) / 100;
  return roundUp ? Math.ceil(scaled) : Math.floor(scaled);
}

/** `"25%"` -> 25; undefined for anything that is not a percentage. */
export function percentOf(value: number | string): number | undefined {
  if (typeof value !== 'string' || !/^[0-9]+%$/.test(value)) return undefined;
  return Number(value.slice(0, -1));
}
