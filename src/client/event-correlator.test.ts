import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventCorrelator } from './event-correlator.ts';

function correlatorAt(start: number) {
  let now = start;
  const correlator = new EventCorrelator({ now: () => now, after: () => () => undefined });
  return {
    pass: (ms: number): void => {
      now += ms;
    },
    /** `new`, `again` or `drop`, with the message that is written. */
    say(message: string, source = 'kubelet|n1|Pod|default|web'): string {
      const decided = correlator.correlate({ source, type: 'Normal', reason: 'Pulled', message });
      if (decided.kind === 'drop') return 'drop';
      const written = {
        namespace: 'default',
        name: 'e',
        firstTimestamp: '',
        count: (decided.previous?.count ?? 0) + 1,
      };
      correlator.remember(decided.key, written);
      return `${decided.previous === undefined ? 'new' : 'again'} ${decided.message}`;
    },
  };
}

describe('event correlation', () => {
  it('counts the same message onto the event that is there', () => {
    const { say } = correlatorAt(0);
    assert.deepEqual([say('a'), say('a'), say('b')], ['new a', 'again a', 'new b']);
  });

  it('keeps objects apart', () => {
    const { say } = correlatorAt(0);
    assert.deepEqual([say('a', 'one'), say('a', 'two')], ['new a', 'new a']);
  });

  it('combines the tenth different message of one reason and those after it', () => {
    const { say } = correlatorAt(0);
    for (let message = 1; message < 10; message++) assert.equal(say(`m${message}`), `new m${message}`);
    assert.equal(say('m10'), 'new (combined from similar events): m10');
    assert.equal(say('m11'), 'again (combined from similar events): m11');
  });

  it('starts afresh after ten quiet minutes', () => {
    const { say, pass } = correlatorAt(0);
    for (let message = 1; message <= 10; message++) say(`m${message}`);
    pass(600_001);
    assert.equal(say('later'), 'new later');
  });

  it('drops what floods, and lets one through every five minutes', () => {
    const { say, pass } = correlatorAt(0);
    for (let count = 0; count < 25; count++) assert.notEqual(say('a'), 'drop');
    assert.equal(say('a'), 'drop');
    pass(300_000);
    assert.equal(say('a'), 'again a');
    assert.equal(say('a'), 'drop');
    assert.equal(say('a', 'another'), 'new a');
  });
});
