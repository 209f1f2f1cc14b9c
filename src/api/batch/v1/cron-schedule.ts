/**
 * The schedule of a CronJob, in the language of github.com/robfig/cron's standard parser: five fields, or `@hourly` and
 * its like, or `@every <duration>`. Error texts are that parser's.
 */
export interface CronSchedule {
  /** Bit n of a field set: the value n matches. Absent for `@every`. */
  readonly fields?: {
    readonly minute: ReadonlySet<number>;
    readonly hour: ReadonlySet<number>;
    readonly dayOfMonth: ReadonlySet<number>;
    readonly month: ReadonlySet<number>;
    /** 0 is Sunday. */
    readonly dayOfWeek: ReadonlySet<number>;
    /** Written as `*` or `?`: then the other of the two day fields alone decides, else either may match. */
    readonly isAnyDayOfMonth: boolean;
    readonly isAnyDayOfWeek: boolean;
  };
  /** For `@every`: seconds between two runs. */
  readonly everySeconds?: number;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const bounds = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: { min: 1, max: 12, names: months },
  dayOfWeek: { min: 0, max: 6, names: weekdays },
} as const;

const descriptors: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const durationUnits: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** Throws an Error in the parser's words. */
export function parseCronSchedule(text: string): CronSchedule {
  const trimmed = text.trim();
  if (trimmed === '') throw new Error('empty spec string');
  if (trimmed.startsWith('@')) return parseDescriptor(trimmed);
  const parts = trimmed.split(/\s+/);
  if (parts.length !== 5) {
    throw new Error(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  }
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = ''] = parts;
  return {
    fields: {
      minute: parseField(minute, bounds.minute),
      hour: parseField(hour, bounds.hour),
      dayOfMonth: parseField(dayOfMonth, bounds.dayOfMonth),
      month: parseField(month, bounds.month),
      dayOfWeek: parseField(dayOfWeek, bounds.dayOfWeek),
      isAnyDayOfMonth: isAny(dayOfMonth),
      isAnyDayOfWeek: isAny(dayOfWeek),
    },
  };
}

function parseDescriptor(text: string): CronSchedule {
  const standard = descriptors[text];
  if (standard !== undefined) return parseCronSchedule(standard);
  const every = '@every ';
  if (!text.startsWith(every)) throw new Error(`unrecognized descriptor: ${text}`);
  const duration = text.slice(every.length);
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(duration)) {
    throw new Error(`failed to parse duration ${text}: time: invalid duration "${duration}"`);
  }
  let seconds = 0;
  for (const [, amount = '0', , unit = 's'] of duration.matchAll(/(\d+(\.\d+)?)(h|ms|m|s)/g)) {
    seconds += Number(amount) * (durationUnits[unit] ?? 0);
  }
  return { everySeconds: Math.max(1, Math.floor(seconds)) };
}

/** `*` alone, or with a step: robfig counts both as "any day". */
function isAny(text: string): boolean {
  return text.split(',').some((part) => part.startsWith('*') || part.startsWith('?'));
}

function parseField(text: string, field: Bounds): ReadonlySet<number> {
  const found = new Set<number>();
  for (const part of text.split(',').filter((piece) => piece !== '')) addRange(part, field, found);
  return found;
}

function addRange(text: string, field: Bounds, found: Set<number>): void {
  const [range = '', stepText, ...tooMany] = text.split('/');
  const [low = '', high, ...tooManyEnds] = range.split('-');
  if (tooMany.length > 0) throw new Error(`too many slashes: ${text}`);
  if (tooManyEnds.length > 0) throw new Error(`too many hyphens: ${text}`);
  const isStar = low === '*' || low === '?';
  const start = isStar ? field.min : parseValue(low, field);
  let end = isStar ? field.max : high === undefined ? start : parseValue(high, field);
  const step = stepText === undefined ? 1 : parseInteger(stepText);
  // `5/15` means from 5 to the greatest value.
  if (stepText !== undefined && high === undefined && !isStar) end = field.max;
  if (start < field.min) throw new Error(`beginning of range (${start}) below minimum (${field.min}): ${text}`);
  if (end > field.max) throw new Error(`end of range (${end}) above maximum (${field.max}): ${text}`);
  if (start > end) throw new Error(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`);
  for (let value = start; value <= end; value += step) found.add(value);
}

function parseValue(text: string, field: Bounds): number {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  return named >= 0 ? named + field.min : parseInteger(text);
}

function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = Number(text);
  if (value < 0) throw new Error(`negative number (${value}) not allowed: ${text}`);
  return value;
}
