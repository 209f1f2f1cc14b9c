import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCronSchedule } from '../../api/batch/v1/cron-schedule.ts';
import { missedTimes, nextTime, wallClockIn } from './cron-times.ts';

function next(schedule: string, after: string, timeZone?: string): string | undefined {
  const time = nextTime(parseCronSchedule(schedule), Date.parse(after), wallClockIn(timeZone));
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
}

describe('next time of a schedule', () => {
  const cases: [schedule: string, after: string, time: string | undefined, timeZone?: string][] = [
    ['*/15 * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:15'],
    ['0 3 * * *', '2026-01-01T03:00:00Z', '2026-01-02T03:00'],
    ['30 9 * * 1-5', '2026-01-02T10:00:00Z', '2026-01-05T09:30'],
    ['0 0 13 * 5', '2026-01-01T12:00:00Z', '2026-01-02T00:00'],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00'],
    ['0 0 30 2 *', '2026-01-01T00:00:00Z', undefined],
    ['0 8 * * *', '2026-01-01T00:00:00Z', '2026-01-02T00:00', 'Asia/Shanghai'],
    ['30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T00:30', 'Europe/Berlin'],
  ];
  for (const [schedule, after, time, timeZone] of cases) {
    it(`${schedule} after ${after} ${timeZone ?? 'UTC'} is ${time ?? 'never'}`, () => {
      assert.equal(next(schedule, after, timeZone), time);
    });
  }
});

describe('missed times', () => {
  const clock = wallClockIn(undefined);
  const at = (text: string): number => Date.parse(text);

  it('are none before the first', () => {
    const schedule = parseCronSchedule('0 * * * *');
    assert.equal(missedTimes(schedule, at('2026-01-01T00:01:00Z'), at('2026-01-01T00:59:00Z'), clock), undefined);
  });
  it('give the newest', () => {
    const schedule = parseCronSchedule('0 * * * *');
    const missed = missedTimes(schedule, at('2026-01-01T00:01:00Z'), at('2026-01-01T03:30:00Z'), clock);
    assert.deepEqual(missed, { latest: at('2026-01-01T03:00:00Z'), tooMany: false });
  });
  it('say when they are too many, and still give the newest', () => {
    const schedule = parseCronSchedule('* * * * *');
    const missed = missedTimes(schedule, at('2026-01-01T00:00:00Z'), at('2026-01-02T00:00:30Z'), clock);
    assert.deepEqual(missed, { latest: at('2026-01-02T00:00:00Z'), tooMany: true });
  });
});
