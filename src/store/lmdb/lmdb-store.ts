import { statfsSync } from 'node:fs';
import type { Database, RootDatabase } from 'lmdb';
import {
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoredEntry,
  type StoredValue,
  StoreError,
  type StoreEvent,
} from '../contract.ts';
import { EventFeed } from '../event-feed.ts';
import { decodeHistoryRow, encodeHistoryRow, historyEvent } from './history-row.ts';

/** What `openLmdbStore` opened. */
export interface LmdbTables {
  /** Where the file lies. */
  readonly directory: string;
  readonly root: RootDatabase<unknown, string>;
  /** Key to value; the version of a row is its revision. */
  readonly objects: Database<Buffer, string>;
  /** Revision to what it did; see `history-row.ts`. The newest row always stays, for it names the current revision. */
  readonly history: Database<Buffer, number>;
  /** `compacted`: the last revision whose history is forgotten. */
  readonly facts: Database<number, string>;
}

/** Writes of one commit; more wait for the next. */
const batchWritesMax = 2048;
/** With less than this left on the disk, a failed commit is put down to it. */
const freeBytesMin = 1024 * 1024;
/** History rows handed to a watcher, or removed by a compaction, in one go. */
const historyChunkRows = 1000;

type Write =
  | { readonly type: 'create'; readonly key: string; readonly value: Buffer }
  | { readonly type: 'update'; readonly key: string; readonly value: Buffer; readonly expected: number }
  | { readonly type: 'delete'; readonly key: string; readonly expected: number };

interface QueuedWrite {
  readonly write: Write;
  readonly resolve: (revision: number) => void;
  readonly reject: (error: StoreError) => void;
}

/** A key as the batch under way leaves it. */
interface Pending {
  readonly revision: number;
  readonly created: boolean;
  /** Undefined: deleted. */
  readonly value: Buffer | undefined;
}

/**
 * The embedded store. Writes queue, are decided in order against what is committed plus what goes before them in the
 * same batch, and become one LMDB transaction that is on disk before any of them is acknowledged.
 */
export class LmdbStore implements Store {
  readonly #tables: LmdbTables;
  readonly #release: () => void;
  readonly #feed = new EventFeed();
  #queue: QueuedWrite[] = [];
  #compactTo = 0;
  #compactWaiters: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #flushing: Promise<void> | undefined;
  #revision: number;
  #compacted: number;
  #closed = false;

  constructor(tables: LmdbTables, release: () => void) {
    this.#tables = tables;
    this.#release = release;
    this.#revision = newestRevision(tables.history);
    this.#compacted = tables.facts.get('compacted') ?? 0;
  }

  async get(key: string): Promise<StoredValue | undefined> {
    this.#assertOpen();
    const entry = this.#tables.objects.getEntry(key);
    return entry === undefined ? undefined : { value: entry.value, revision: entry.version ?? 0 };
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#assertOpen();
    const { objects, history } = this.#tables;
    // The reads below share one read transaction: nothing is awaited between them.
    objects.resetReadTxn();
    const revision = newestRevision(history);
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    const after = options.after !== undefined && options.after >= prefix ? options.after : undefined;
    const entries: StoredEntry[] = [];
    let more = false;
    const rows = objects.getRange({
      start: after ?? prefix,
      ...(after === undefined ? {} : { exclusiveStart: true }),
      ...(prefix === '' ? {} : { end: prefixEnd(prefix) }),
      versions: true,
    });
    for (const { key, value, version } of rows) {
      if (entries.length >= limit) {
        more = true;
        break;
      }
      entries.push({ key, value, revision: version ?? 0 });
    }
    return { entries, revision, more };
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#enqueue({ type: 'create', key, value: asBuffer(value) });
  }

  update(key: string, value: Uint8Array, expected: number): Promise<number> {
    return this.#enqueue({ type: 'update', key, value: asBuffer(value), expected });
  }

  delete(key: string, expected: number): Promise<number> {
    return this.#enqueue({ type: 'delete', key, expected });
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
        // Whatever is published while the history is read is in the feed; the cursor keeps it from coming twice.
        while (!feed.closed && cursor < this.#revision) {
          const chunk = this.#readHistory(prefix, cursor);
          cursor = chunk.through;
          if (chunk.events.length > 0) yield chunk.events;
        }
        while (!feed.closed && !feed.overrun) {
          const taken = feed.take();
          const fresh = (taken[0]?.revision ?? 0) > cursor ? taken : taken.filter((event) => event.revision > cursor);
          const last = fresh.at(-1);
          if (last !== undefined) {
            cursor = last.revision;
            yield fresh;
          } else if (taken.length === 0) await feed.wait();
        }
      }
      if (this.#closed && !signal.aborted) throw closedError();
    } finally {
      signal.removeEventListener('abort', onAbort);
      feed.close();
    }
  }

  compact(revision: number): Promise<void> {
    if (this.#closed) return Promise.reject(closedError());
    const target = Math.min(revision, this.#revision);
    if (target <= this.#compacted) return Promise.resolve();
    this.#compactTo = Math.max(this.#compactTo, target);
    return new Promise((resolve, reject) => {
      this.#compactWaiters.push({ resolve, reject });
      this.#startFlushing();
    });
  }

  async currentRevision(): Promise<number> {
    this.#assertOpen();
    return this.#revision;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#flushing !== undefined) await this.#flushing;
    this.#feed.close();
    await this.#tables.root.close();
    this.#release();
  }

  #enqueue(write: Write): Promise<number> {
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, resolve, reject });
      this.#startFlushing();
    });
  }

  #startFlushing(): void {
    this.#flushing ??= this.#flush();
  }

  /** One batch after the other until nothing is queued. Never rejects. */
  async #flush(): Promise<void> {
    // After every request that has come in already: one commit for all of them instead of one for the first alone.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 || this.#compactWaiters.length > 0) {
      if (this.#queue.length > 0) {
        const batch = this.#queue.length <= batchWritesMax ? this.#queue : this.#queue.slice(0, batchWritesMax);
        this.#queue = this.#queue.length <= batchWritesMax ? [] : this.#queue.slice(batchWritesMax);
        await this.#commitBatch(batch);
      }
      if (this.#compactWaiters.length > 0) await this.#compactChunk();
    }
    // In the same turn as the last look at the queue, so that no write can slip in between and wait for ever.
    this.#flushing = undefined;
  }

  async #commitBatch(batch: readonly QueuedWrite[]): Promise<void> {
    const plan = new BatchPlan(this.#tables, this.#revision, this.#compacted);
    const outcomes = batch.map(({ write }) => plan.decide(write));
    try {
      await plan.commit();
    } catch (error) {
      const failure = commitError(error, this.#tables.directory);
      for (const { reject } of batch) reject(failure);
      return;
    }
    this.#revision = plan.revision;
    this.#tables.objects.resetReadTxn();
    if (plan.events.length > 0) this.#feed.publish(plan.events);
    batch.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (typeof outcome === 'number') resolve(outcome);
      else if (outcome !== undefined) reject(outcome);
    });
  }

  #readHistory(prefix: string, after: number): { events: StoreEvent[]; through: number } {
    if (after < this.#compacted) {
      throw new StoreError('compacted', `Revision ${after} is compacted; the oldest kept is ${this.#compacted}`);
    }
    const { history, objects } = this.#tables;
    const events: StoreEvent[] = [];
    const upTo = this.#revision;
    let through = upTo;
    let rows = 0;
    for (const { key: revision, value } of history.getRange({ start: after + 1, end: upTo, inclusiveEnd: true })) {
      const row = decodeHistoryRow(value);
      if (row.key.startsWith(prefix)) {
        const current = row.type === 'put' && row.value === undefined ? objects.get(row.key) : undefined;
        events.push(historyEvent(row, revision, current));
      }
      if (++rows >= historyChunkRows) {
        through = revision;
        break;
      }
    }
    return { events, through };
  }

  async #compactChunk(): Promise<void> {
    const { root, history, facts } = this.#tables;
    // From here on overwritten values at or below the target are no longer kept.
    this.#compacted = Math.max(this.#compacted, this.#compactTo);
    const doomed = [
      ...history.getKeys({ start: 0, end: Math.min(this.#compacted + 1, this.#revision), limit: historyChunkRows }),
    ];
    const done = doomed.length < historyChunkRows;
    const waiters = done ? this.#compactWaiters : [];
    if (done) this.#compactWaiters = [];
    try {
      const writes: Promise<unknown>[] = [];
      const transaction = root.batch(() => {
        writes.push(facts.put('compacted', this.#compacted));
        for (const revision of doomed) writes.push(history.remove(revision));
      });
      await committed([transaction, ...writes]);
      history.resetReadTxn();
      for (const { resolve } of waiters) resolve();
    } catch (error) {
      const failure = commitError(error, this.#tables.directory);
      const failed = done ? waiters : this.#compactWaiters;
      if (!done) this.#compactWaiters = [];
      for (const { reject } of failed) reject(failure);
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

/** Decides the writes of one batch and puts what they amount to into one transaction. */
class BatchPlan {
  readonly events: StoreEvent[] = [];
  revision: number;
  readonly #tables: LmdbTables;
  readonly #committed: number;
  readonly #compacted: number;
  readonly #keys = new Map<string, Pending>();
  readonly #history = new Map<number, Buffer>();

  constructor(tables: LmdbTables, committed: number, compacted: number) {
    this.#tables = tables;
    this.revision = committed;
    this.#committed = committed;
    this.#compacted = compacted;
  }

  /** The revision that the write takes, or why it fails. */
  decide(write: Write): number | StoreError {
    const { key } = write;
    const now = this.#state(key);
    if (write.type === 'create') {
      if (now !== undefined) return new StoreError('exists', `Key ${key} exists`, key);
      return this.#put(key, write.value, true);
    }
    if (now === undefined) return new StoreError('notFound', `Key ${key} does not exist`, key);
    if (now.revision !== write.expected) {
      return new StoreError('conflict', `Key ${key} is at revision ${now.revision}, not ${write.expected}`, key);
    }
    this.#keepOverwritten(key, now.revision);
    if (write.type === 'update') return this.#put(key, write.value, false);
    const revision = ++this.revision;
    this.#keys.set(key, { revision, created: false, value: undefined });
    this.#history.set(revision, encodeHistoryRow({ type: 'delete', created: false, key }));
    this.events.push({ type: 'delete', key, revision });
    return revision;
  }

  async commit(): Promise<void> {
    if (this.revision === this.#committed) return;
    const { root, objects, history } = this.#tables;
    const writes: Promise<unknown>[] = [];
    const transaction = root.batch(() => {
      for (const [key, { value, revision }] of this.#keys) {
        writes.push(value === undefined ? objects.remove(key) : objects.put(key, value, revision));
      }
      for (const [revision, row] of this.#history) writes.push(history.put(revision, row));
    });
    await committed([transaction, ...writes]);
  }

  #state(key: string): { revision: number } | undefined {
    const pending = this.#keys.get(key);
    if (pending !== undefined) return pending.value === undefined ? undefined : pending;
    const entry = this.#tables.objects.getEntry(key);
    return entry === undefined ? undefined : { revision: entry.version ?? 0 };
  }

  #put(key: string, value: Buffer, created: boolean): number {
    const revision = ++this.revision;
    this.#keys.set(key, { revision, created, value });
    this.#history.set(revision, encodeHistoryRow({ type: 'put', created, key }));
    this.events.push({ type: 'put', key, value, revision, created });
    return revision;
  }

  /** Moves the value that is about to be overwritten into its history row, unless its history is forgotten. */
  #keepOverwritten(key: string, revision: number): void {
    if (revision <= this.#compacted) return;
    const pending = this.#keys.get(key);
    const value = pending?.value ?? this.#tables.objects.get(key);
    if (value === undefined) return;
    let created = pending?.created;
    if (created === undefined) {
      const row = this.#tables.history.get(revision);
      if (row === undefined) return;
      created = decodeHistoryRow(row).created;
    }
    this.#history.set(revision, encodeHistoryRow({ type: 'put', created, key, value }));
  }
}

function newestRevision(history: Database<Buffer, number>): number {
  for (const revision of history.getKeys({ reverse: true, limit: 1 })) return revision;
  return 0;
}

/** The first key after every key that starts with `prefix`. */
function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function closedError(): StoreError {
  return new StoreError('closed', 'The store is closed');
}

/**
 * Resolves when a transaction is on disk. When it fails, every one of its writes rejects, and what they reject with has
 * the reason in yet another promise.
 */
async function committed(writes: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(writes)) {
    if (outcome.status === 'fulfilled') continue;
    const error: unknown = outcome.reason;
    if (error instanceof Error && 'commitError' in error) await error.commitError;
    throw error;
  }
}

function commitError(error: unknown, directory: string): StoreError {
  const text = error instanceof Error ? error.message : String(error);
  if (/No space left|MDB_MAP_FULL|ENOSPC/i.test(text) || isDiskFull(directory)) {
    const full = 'The disk of the data directory is full and nothing was written; free some space and try again';
    return new StoreError('full', full, '', { cause: error });
  }
  return new StoreError('unavailable', `Cannot commit to the data directory: ${text}`, '', { cause: error });
}

/** A write that found room for its beginning only is an input/output error to LMDB. */
function isDiskFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < freeBytesMin;
}
