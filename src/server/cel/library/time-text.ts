import { CelDuration, CelTimestamp } from '../values.ts';

const unitNanos: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  ns: 1n,
};
export const nanosPerSecond = 1_000_000_000n;
const durationNanosMax = 2n ** 63n - 1n;
const timestampNanosMin = -62_135_596_800n * nanosPerSecond;
const timestampNanosMax = 253_402_300_799n * nanosPerSecond + 999_999_999n;

/** RFC 3339; undefined for what is not. */
export function parseTimestamp(text: string): CelTimestamp | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d))?$/.exec(text);
  if (parts === null) return undefined;
  const [, date = '', time = '00:00:00', fraction = '', zone = 'Z'] = parts;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  return timestampOf((BigInt(ms) / 1000n) * nanosPerSecond + BigInt(fraction.padEnd(9, '0') || '0'));
}

/** Undefined beyond the years 1 to 9999. */
export function timestampOf(nanos: bigint): CelTimestamp | undefined {
  return nanos < timestampNanosMin || nanos > timestampNanosMax ? undefined : new CelTimestamp(nanos);
}

export function formatTimestamp({ nanos }: CelTimestamp): string {
  const [seconds, fraction] = splitSeconds(nanos);
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}${fraction === 0n ? '' : `.${fraction.toString().padStart(9, '0').replace(/0+$/, '')}`}Z`;
}

/** Go's durations: `1h30m`, `-1.5s`. */
export function parseDuration(text: string): CelDuration | undefined {
  const parts = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|us|\u00b5s|ns|m|s))+|0)$/.exec(text);
  if (parts === null) return undefined;
  let nanos = 0n;
  for (const [, amount = '', unit = ''] of (parts[2] ?? '').matchAll(
    /(\d+(?:\.\d*)?|\.\d+)(h|ms|us|\u00b5s|ns|m|s)/g,
  )) {
    const [whole = '', fraction = ''] = amount.split('.');
    const factor = unitNanos[unit] ?? 1n;
    nanos += BigInt(whole === '' ? '0' : whole) * factor;
    if (fraction !== '') nanos += (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length);
  }
  return durationOf(parts[1] === '-' ? -nanos : nanos);
}

export function durationOf(nanos: bigint): CelDuration | undefined {
  return nanos > durationNanosMax || nanos < -durationNanosMax - 1n ? undefined : new CelDuration(nanos);
}

/** In seconds, as `string(duration)` writes them. */
export function formatDuration({ nanos }: CelDuration): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = size % nanosPerSecond;
  const text = `${size / nanosPerSecond}${fraction === 0n ? '' : `.${fraction.toString().padStart(9, '0').replace(/0+$/, '')}`}`;
  return `${nanos < 0n ? '-' : ''}${text}s`;
}

function splitSeconds(nanos: bigint): [bigint, bigint] {
  const fraction = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  return [(nanos - fraction) / nanosPerSecond, fraction];
}
