import type { CacheEvent } from './cache-entry.ts';

/** Events of one resource kept for watches that resume, and the bytes that only they hold on to. */
const ringEventsMax = 8192;
const ringBytesMax = 16 * 1024 * 1024;
/** Forgotten events whose slots are given back in one go. */
const ringCompactAt = 1024;

/** The recent events of one resource, oldest first, without gaps. */
export class EventRing {
  #events: (CacheEvent | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #floor = 0;

  /** Every event after `revision` will be in the ring. */
  startAt(revision: number): void {
    this.#floor = revision;
  }

  /** Events at or below this revision are forgotten. */
  get floor(): number {
    return this.#floor;
  }

  get lastRevision(): number {
    return this.#events.at(-1)?.revision ?? this.#floor;
  }

  push(event: CacheEvent): void {
    this.#events.push(event);
    this.#bytes += weight(event);
    while (this.#bytes > ringBytesMax || this.#events.length - this.#first > ringEventsMax) {
      const oldest = this.#events[this.#first];
      if (oldest === undefined) break;
      this.#events[this.#first++] = undefined;
      this.#bytes -= weight(oldest);
      this.#floor = oldest.revision;
    }
    if (this.#first > ringCompactAt) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  /** At most `limit` events after `revision`, or undefined when some of those are forgotten. */
  after(revision: number, limit: number): readonly CacheEvent[] | undefined {
    if (revision < this.#floor) return undefined;
    let low = this.#first;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low, low + limit).filter((event) => event !== undefined);
  }
}

/** The state before is held by the ring alone; the state after usually by the cache too. */
function weight(event: CacheEvent): number {
  return 256 + (event.before?.bytes.length ?? 0);
}
