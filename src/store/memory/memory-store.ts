import {
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoredValue,
  StoreError,
  type StoreEvent,
} from '../contract.ts';
import { EventFeed } from '../event-feed.ts';

/** The contract in memory, for tests: nothing survives, and history grows until compacted. */
export class MemoryStore implements Store {
  readonly #values = new Map<string, StoredValue>();
  readonly #feed = new EventFeed();
  #history: StoreEvent[] = [];
  #revision = 0;
  #compacted = 0;
  #closed = false;

  async get(key: string): Promise<StoredValue | undefined> {
    this.#assertOpen();
    return this.#values.get(key);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#assertOpen();
    const { after = '', limit = Number.POSITIVE_INFINITY } = options;
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const entries = keys.slice(0, limit).flatMap((key) => {
      const stored = this.#values.get(key);
      return stored === undefined ? [] : [{ key, ...stored }];
    });
    return { entries, revision: this.#revision, more: keys.length > entries.length };
  }

  async create(key: string, value: Uint8Array): Promise<number> {
    this.#assertOpen();
    if (this.#values.has(key)) throw new StoreError('exists', `Key ${key} exists`, key);
    return this.#put(key, value, true);
  }

  async update(key: string, value: Uint8Array, expected: number): Promise<number> {
    this.#assertRevision(key, expected);
    return this.#put(key, value, false);
  }

  async delete(key: string, expected: number): Promise<number> {
    this.#assertRevision(key, expected);
    this.#values.delete(key);
    const revision = ++this.#revision;
    this.#publish({ type: 'delete', key, revision });
    return revision;
  }

  async *watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncGenerator<readonly StoreEvent[]> {
    this.#assertOpen();
    const feed = this.#feed.open(prefix);
    const onAbort = () => feed.close();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) feed.close();
    let cursor = afterRevision;
    try {
      while (!feed.closed) {
        feed.restart();
        if (cursor < this.#compacted) throw new StoreError('compacted', `Revision ${cursor} is compacted`);
        const events = this.#history.filter((event) => event.revision > cursor && event.key.startsWith(prefix));
        cursor = Math.max(cursor, this.#revision);
        if (events.length > 0) yield events;
        while (!feed.closed && !feed.overrun) {
          const fresh = feed.take().filter((event) => event.revision > cursor);
          cursor = fresh.at(-1)?.revision ?? cursor;
          if (fresh.length > 0) yield fresh;
          else await feed.wait();
        }
      }
      if (this.#closed && !signal.aborted) throw new StoreError('closed', 'The store is closed');
    } finally {
      signal.removeEventListener('abort', onAbort);
      feed.close();
    }
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    this.#compacted = Math.max(this.#compacted, Math.min(revision, this.#revision));
    this.#history = this.#history.filter((event) => event.revision > this.#compacted);
  }

  async currentRevision(): Promise<number> {
    this.#assertOpen();
    return this.#revision;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#feed.close();
  }

  #put(key: string, value: Uint8Array, created: boolean): number {
    const revision = ++this.#revision;
    this.#values.set(key, { value, revision });
    this.#publish({ type: 'put', key, value, revision, created });
    return revision;
  }

  #publish(event: StoreEvent): void {
    this.#history.push(event);
    this.#feed.publish([event]);
  }

  #assertRevision(key: string, expected: number): void {
    this.#assertOpen();
    const stored = this.#values.get(key);
    if (stored === undefined) throw new StoreError('notFound', `Key ${key} does not exist`, key);
    if (stored.revision !== expected) {
      throw new StoreError('conflict', `Key ${key} is at revision ${stored.revision}, not ${expected}`, key);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('closed', 'The store is closed');
  }
}
