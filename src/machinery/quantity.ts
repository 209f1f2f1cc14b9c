/**
 * Exact quantities as k8s.io/apimachinery/pkg/api/resource.Quantity: kept in whole nano-units, written canonically.
 * Finer than a nano rounds away from zero; beyond +-(2^63-1) units is cut there, both as upstream.
 */
export interface Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

const nanosPerUnit = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
const unitsMax = (1n << 63n) - 1n;
const nanosMax = unitsMax * nanosPerUnit;

const shape = /^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const number = /^([+-]?)([0-9]*)(?:\.([0-9]*))?$/;

const decimalExponents: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const binaryPowers: ReadonlyMap<string, number> = new Map([
  ['Ki', 1],
  ['Mi', 2],
  ['Gi', 3],
  ['Ti', 4],
  ['Pi', 5],
  ['Ei', 6],
]);
const decimalSuffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

export const zeroQuantity: Quantity = { nanos: 0n, format: 'DecimalSI' };

/** Throws an Error in upstream's words. A JSON number is read as its text. */
export function parseQuantity(value: string | number): Quantity {
  const text = typeof value === 'number' ? String(value) : value.trim();
  const parts = shape.exec(text);
  if (parts === null) {
    throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
  const [, digits = '', suffix = ''] = parts;
  const scale = scaleOf(suffix);
  if (scale === undefined) throw new Error("unable to parse quantity's suffix");
  const numeric = number.exec(digits);
  const [, sign, whole = '', fraction = ''] = numeric ?? [];
  if (numeric === null || (whole === '' && fraction === '')) {
    throw new Error('unable to parse numeric part of quantity');
  }
  const magnitude = scaled(BigInt(whole + fraction), scale.factor, scale.exponent - fraction.length + 9);
  const capped = magnitude > nanosMax ? nanosMax : magnitude;
  return { nanos: sign === '-' ? -capped : capped, format: scale.format };
}

export function isQuantity(value: unknown): value is string | number {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  if (typeof value === 'string' && /^[0-9]+(?:[mkMGTPE]|[KMGTPE]i)?$/.test(value)) return true;
  try {
    parseQuantity(value);
    return true;
  } catch {
    return false;
  }
}

export function compareQuantity(a: Quantity, b: Quantity): -1 | 0 | 1 {
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

/** The sum in `a`'s format, or in `b`'s when `a` is zero. */
export function addQuantity(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

export function subQuantity(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos - b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** Thousandths, rounded away from zero. */
export function milliValue(quantity: Quantity): number {
  return Number(divideAwayFromZero(quantity.nanos, nanosPerMilli));
}

/** Whole units, rounded away from zero. */
export function quantityValue(quantity: Quantity): number {
  return Number(divideAwayFromZero(quantity.nanos, nanosPerUnit));
}

export function quantityOf(units: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nanos: BigInt(Math.round(units)) * nanosPerUnit, format };
}

export function milliQuantity(millis: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return { nanos: BigInt(Math.round(millis)) * nanosPerMilli, format };
}

/** The canonical text: no fraction, the largest suffix that leaves a whole number. */
export function formatQuantity({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const magnitude = nanos < 0n ? -nanos : nanos;
  // Upstream shows small or fractional binary quantities in decimal, to lose nothing.
  if (format === 'BinarySI' && magnitude >= 1024n * nanosPerUnit && magnitude % nanosPerUnit === 0n) {
    let units = magnitude / nanosPerUnit;
    let power = 0;
    while (power < 6 && units % 1024n === 0n) {
      units /= 1024n;
      power++;
    }
    return `${sign}${units}${binarySuffixes[power] ?? ''}`;
  }
  let amount = magnitude;
  let thousands = 0;
  while (thousands < 9 && amount % 1000n === 0n) {
    amount /= 1000n;
    thousands++;
  }
  if (format !== 'DecimalExponent') return `${sign}${amount}${decimalSuffixes[thousands] ?? ''}`;
  const exponent = thousands * 3 - 9;
  return `${sign}${amount}${exponent === 0 ? '' : `e${exponent}`}`;
}

const plainCanonical = /^([1-9][0-9]*)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;

/** The text as the API writes it: `1000m` -> `1`. Throws as `parseQuantity`. */
export function canonicalQuantity(value: string | number): string {
  if (typeof value === 'string' && value.length < 15) {
    const parts = plainCanonical.exec(value);
    if (parts !== null) {
      const [, digits = '', suffix = ''] = parts;
      const canonical = suffix.endsWith('i') ? Number(digits) % 1024 !== 0 : !digits.endsWith('000');
      if (canonical && (!suffix.startsWith('E') || digits === '1')) return value;
    }
  }
  return formatQuantity(parseQuantity(value));
}

/** A cheap, inexact number of units; NaN for what is not a quantity. For scores, sorting and display only. */
export function quantityToNumber(value: string | number | undefined): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const parts = shape.exec(value.trim());
  if (parts === null) return Number.NaN;
  const scale = scaleOf(parts[2] ?? '');
  if (scale === undefined) return Number.NaN;
  return Number(parts[1]) * Number(scale.factor) * 10 ** scale.exponent;
}

interface Scale {
  readonly factor: bigint;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

const scales: ReadonlyMap<string, Scale> = new Map<string, Scale>([
  ...[...decimalExponents].map(([suffix, exponent]): [string, Scale] => [
    suffix,
    { factor: 1n, exponent, format: 'DecimalSI' },
  ]),
  ...[...binaryPowers].map(([suffix, power]): [string, Scale] => [
    suffix,
    { factor: 1024n ** BigInt(power), exponent: 0, format: 'BinarySI' },
  ]),
]);

/** The largest exponent that is looked at; more is cut to the maximum anyway, and must not build huge numbers. */
const exponentMax = 40;

function scaleOf(suffix: string): Scale | undefined {
  const known = scales.get(suffix);
  if (known !== undefined) return known;
  if (!/^[eE][-+]?[0-9]{1,9}$/.test(suffix)) return undefined;
  const exponent = Math.max(-1000, Math.min(exponentMax, Number(suffix.slice(1))));
  return { factor: 1n, exponent, format: 'DecimalExponent' };
}

function scaled(mantissa: bigint, factor: bigint, exponent: number): bigint {
  if (exponent >= 0) return mantissa * factor * 10n ** BigInt(exponent);
  return divideAwayFromZero(mantissa * factor, 10n ** BigInt(-exponent));
}

function divideAwayFromZero(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (quotient * divisor === value) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}
