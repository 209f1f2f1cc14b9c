import type { Clock } from './clock.ts';

/** client-go's figures (tools/record/events_cache.go). */
const similarMax = 10;
const similarIntervalMs = 600_000;
const spamBurst = 25;
const spamRefillMs = 300_000;
const entriesMax = 4096;

/** An Event before it is written. */
export interface EventFacts {
  /** Who says it, of what: component, host and the object with its uid. */
  readonly source: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export type Correlated =
  | { readonly kind: 'drop' }
  /** `previous` is set when the same was written before: raise its count. */
  | { readonly kind: 'write'; readonly message: string; readonly key: string; readonly previous?: WrittenEvent };

export interface WrittenEvent {
  readonly namespace: string;
  readonly name: string;
  readonly firstTimestamp: string;
  readonly count: number;
}

/** Decides what becomes of an Event: written, counted onto an earlier one, or dropped because its source floods. */
export class EventCorrelator {
  private readonly clock: Clock;
  private readonly buckets = new Map<string, { tokens: number; at: number }>();
  private readonly similar = new Map<string, { messages: Set<string>; at: number }>();
  private readonly written = new Map<string, WrittenEvent>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  correlate(event: EventFacts): Correlated {
    if (!this.takeToken(event.source)) return { kind: 'drop' };
    const group = `${event.source}|${event.type}|${event.reason}`;
    const combined = this.isOneOfMany(group, event.message);
    const message = combined ? `(combined from similar events): ${event.message}` : event.message;
    const key = combined ? group : `${group}|${event.message}`;
    const previous = this.written.get(key);
    return previous === undefined ? { kind: 'write', message, key } : { kind: 'write', message, key, previous };
  }

  remember(key: string, event: WrittenEvent): void {
    put(this.written, key, event);
  }

  forget(key: string): void {
    this.written.delete(key);
  }

  private takeToken(source: string): boolean {
    const now = this.clock.now();
    const bucket = this.buckets.get(source) ?? { tokens: spamBurst, at: now };
    bucket.tokens = Math.min(spamBurst, bucket.tokens + (now - bucket.at) / spamRefillMs);
    bucket.at = now;
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens--;
    put(this.buckets, source, bucket);
    return allowed;
  }

  /** More than a few different messages of one reason in a while: they become one Event. */
  private isOneOfMany(group: string, message: string): boolean {
    const now = this.clock.now();
    const found = this.similar.get(group);
    const entry =
      found === undefined || now - found.at > similarIntervalMs ? { messages: new Set<string>(), at: now } : found;
    entry.at = now;
    entry.messages.add(message);
    put(this.similar, group, entry);
    if (entry.messages.size < similarMax) return false;
    // Upstream forgets one, so that the set stays at its limit.
    for (const oldest of entry.messages) {
      entry.messages.delete(oldest);
      break;
    }
    return true;
  }
}

/** Sets as the most recently used, and forgets the least recently used past the limit. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= entriesMax) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
