import { CelError } from '../errors.ts';
import type { CelTimestamp } from '../values.ts';
import { method, type Overload } from './overload.ts';

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'weekday' | 'yearDay';

/** A part of a moment, in UTC, a zone by name, or an offset (`+01:00`). */
function partOf({ nanos }: CelTimestamp, part: Part, zone: string): bigint {
  const ms = Number(nanos / 1_000_000n);
  const local = new Date(ms + offsetMs(ms, zone));
  switch (part) {
    case 'year':
      return BigInt(local.getUTCFullYear());
    case 'month':
      return BigInt(local.getUTCMonth());
    case 'day':
      return BigInt(local.getUTCDate());
    case 'hour':
      return BigInt(local.getUTCHours());
    case 'minute':
      return BigInt(local.getUTCMinutes());
    case 'second':
      return BigInt(local.getUTCSeconds());
    case 'weekday':
      return BigInt(local.getUTCDay());
    case 'yearDay': {
      const start = Date.UTC(local.getUTCFullYear(), 0, 1);
      return BigInt(Math.floor((local.getTime() - start) / 86_400_000));
    }
  }
}

function offsetMs(ms: number, zone: string): number {
  if (zone === '' || zone === 'UTC') return 0;
  const numeric = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (numeric !== null) {
    const [, sign, hours, minutes] = numeric;
    return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  }
  try {
    const text = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' }).format(ms);
    const [, offset = ''] = /GMT([+-]\d\d:\d\d)?/.exec(text) ?? [];
    return offset === '' ? 0 : offsetMs(ms, offset);
  } catch (error) {
    throw new CelError(`unknown time zone ${zone}${error instanceof Error ? '' : '?'}`);
  }
}

function accessor(name: string, part: Part, add = 0n): Overload[] {
  return [
    method(name, ['timestamp'], 'int', (time) => partOf(time, part, 'UTC') + add),
    method(name, ['timestamp', 'string'], 'int', (time, zone) => partOf(time, part, zone) + add),
  ];
}

export const times: readonly Overload[] = [
  ...accessor('getFullYear', 'year'),
  ...accessor('getMonth', 'month'),
  ...accessor('getDate', 'day'),
  ...accessor('getDayOfMonth', 'day', -1n),
  ...accessor('getDayOfWeek', 'weekday'),
  ...accessor('getDayOfYear', 'yearDay'),
  ...accessor('getHours', 'hour'),
  ...accessor('getMinutes', 'minute'),
  ...accessor('getSeconds', 'second'),
  method('getMilliseconds', ['timestamp'], 'int', ({ nanos }) => (((nanos / 1_000_000n) % 1000n) + 1000n) % 1000n),
  method('getHours', ['duration'], 'int', ({ nanos }) => nanos / 3_600_000_000_000n),
  method('getMinutes', ['duration'], 'int', ({ nanos }) => nanos / 60_000_000_000n),
  method('getSeconds', ['duration'], 'int', ({ nanos }) => nanos / 1_000_000_000n),
  method('getMilliseconds', ['duration'], 'int', ({ nanos }) => (nanos / 1_000_000n) % 1000n),
];
