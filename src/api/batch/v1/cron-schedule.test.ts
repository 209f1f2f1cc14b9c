import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCronSchedule } from './cron-schedule.ts';

describe('cron schedule', () => {
  it('reads stars, steps, ranges, lists and names', () => {
    const { fields } = parseCronSchedule('*/20 1-3 1,15 jan-mar SUN');
    assert.deepEqual([...(fields?.minute ?? [])], [0, 20, 40]);
    assert.deepEqual([...(fields?.hour ?? [])], [1, 2, 3]);
    assert.deepEqual([...(fields?.dayOfMonth ?? [])], [1, 15]);
    assert.deepEqual([...(fields?.month ?? [])], [1, 2, 3]);
    assert.deepEqual([...(fields?.dayOfWeek ?? [])], [0]);
    assert.equal(fields?.isAnyDayOfMonth, false);
  });

  it('reads descriptors', () => {
    assert.deepEqual([...(parseCronSchedule('@hourly').fields?.minute ?? [])], [0]);
    assert.equal(parseCronSchedule('@every 1h30m').everySeconds, 5400);
  });

  const bad: [text: string, message: string][] = [
    ['* * *', 'expected exactly 5 fields, found 3: [* * *]'],
    ['61 * * * *', 'end of range (61) above maximum (59): 61'],
    ['* * * * x', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['@fortnightly', 'unrecognized descriptor: @fortnightly'],
  ];
  for (const [text, message] of bad) {
    it(`refuses ${text}`, () => {
      assert.throws(() => parseCronSchedule(text), { message });
    });
  }
});
