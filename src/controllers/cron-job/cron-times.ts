import type { CronSchedule } from '../../api/batch/v1/cron-schedule.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** A schedule with no time in this long (30 February) has none. */
const horizonMs = 5 * 366 * 24 * hourMs;

interface WallClock {
  readonly minute: number;
  readonly hour: number;
  readonly dayOfMonth: number;
  readonly month: number;
  readonly dayOfWeek: number;
}

/** Reads the wall clock of a time zone; undefined is UTC. Throws a RangeError for a zone that does not exist. */
export function wallClockIn(timeZone: string | undefined): (ms: number) => WallClock {
  if (timeZone === undefined || timeZone === 'UTC' || timeZone === 'Etc/UTC') return utcClock;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    year: 'numeric',
  });
  return (ms) => {
    const read = new Map(format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    const [month = 1, dayOfMonth = 1, year = 1970] = [read.get('month'), read.get('day'), read.get('year')];
    return {
      minute: read.get('minute') ?? 0,
      hour: read.get('hour') ?? 0,
      dayOfMonth,
      month,
      dayOfWeek: new Date(Date.UTC(year, month - 1, dayOfMonth)).getUTCDay(),
    };
  };
}

function utcClock(ms: number): WallClock {
  const date = new Date(ms);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    dayOfMonth: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    dayOfWeek: date.getUTCDay(),
  };
}

/** The first time of the schedule after `after`, both in ms since the epoch; undefined: never. */
export function nextTime(
  { fields, everySeconds }: CronSchedule,
  after: number,
  clock: (ms: number) => WallClock,
): number | undefined {
  if (everySeconds !== undefined) return Math.floor(after / 1000) * 1000 + Math.max(1, everySeconds) * 1000;
  if (fields === undefined) return undefined;
  const isDay = ({ dayOfMonth, dayOfWeek, month }: WallClock): boolean => {
    if (!fields.month.has(month)) return false;
    const byMonth = fields.dayOfMonth.has(dayOfMonth);
    const byWeek = fields.dayOfWeek.has(dayOfWeek);
    return fields.isAnyDayOfMonth || fields.isAnyDayOfWeek ? byMonth && byWeek : byMonth || byWeek;
  };
  let time = Math.floor(after / minuteMs) * minuteMs + minuteMs;
  for (const end = after + horizonMs; time < end; ) {
    const wall = clock(time);
    if (isDay(wall) && fields.hour.has(wall.hour)) {
      if (fields.minute.has(wall.minute)) return time;
      time += minuteMs;
      // By hours and never by days: a day with a change of the clock has 23 or 25 of them.
    } else time += hourMs - wall.minute * minuteMs;
  }
  return undefined;
}

/** The times of a schedule that have passed: the newest, and whether they are suspiciously many. */
export interface MissedTimes {
  readonly latest: number;
  readonly tooMany: boolean;
}

const missedMax = 100;

export function missedTimes(
  schedule: CronSchedule,
  earliest: number,
  now: number,
  clock: (ms: number) => WallClock,
): MissedTimes | undefined {
  const first = nextTime(schedule, earliest, clock);
  if (first === undefined || first > now) return undefined;
  let latest = first;
  for (let count = 1; ; count++) {
    const next = nextTime(schedule, latest, clock);
    if (next === undefined || next > now) return { latest, tooMany: count > missedMax };
    if (count > missedMax) {
      // A clock that jumped, or a long stop: only the newest matters, which is near now.
      const near = now - 2 * (next - latest);
      return { latest: missedTimes(schedule, Math.max(near, latest), now, clock)?.latest ?? latest, tooMany: true };
    }
    latest = next;
  }
}
