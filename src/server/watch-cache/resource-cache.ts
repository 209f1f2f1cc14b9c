import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { CacheEntry, type CacheEvent } from './cache-entry.ts';
import { EntryIndexes } from './entry-indexes.ts';
import { EventRing } from './event-ring.ts';
import { decodeObject, storedBytes, withRevision } from './object-bytes.ts';
import { OrderedEntries, type OrderedSnapshot } from './ordered-entries.ts';
import type { Selection } from './selection.ts';
import { WatcherIndex } from './watcher-index.ts';

/** Snapshots kept for lists that are read in chunks. */
const snapshotsMax = 32;
/** As upstream compacts: a continue token older than this starts over. */
const snapshotAgeMsMax = 5 * 60_000;

interface KeptSnapshot {
  readonly entries: OrderedSnapshot<CacheEntry>;
  readonly since: number;
}

/** Everything stored of one resource, with what happened to it lately. */
export class ResourceCache {
  /** The row in whose version the objects are stored. */
  readonly row: ResourceDefinition;
  /** `/registry/core/pods/`: what the keys in the store start with. */
  readonly prefix: string;
  readonly ring: EventRing;
  readonly watchers = new WatcherIndex();
  /** Told of each change once the cache holds it; `decoded` is the state after, where the writer still had it. */
  readonly listeners: Set<(event: CacheEvent, decoded: UnknownObject | undefined) => void>;
  readonly #entries = new OrderedEntries<CacheEntry>();
  readonly #indexes: EntryIndexes;
  readonly #fieldValues: readonly ((object: UnknownObject) => string)[];
  readonly #kept = new Map<number, KeptSnapshot>();
  /** Lists of this revision or an older one have had their time. */
  #expired = -1;

  /** With a predecessor: the same resource by another row. What happened lately, and who listens, stays. */
  constructor(row: ResourceDefinition, prefix: string, predecessor?: ResourceCache) {
    this.row = row;
    this.prefix = prefix;
    this.ring = predecessor?.ring ?? new EventRing();
    this.listeners = predecessor?.listeners ?? new Set();
    this.#indexes = new EntryIndexes(Object.keys(row.selectableFields));
    this.#fieldValues = Object.values(row.selectableFields);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): CacheEntry | undefined {
    return this.#entries.get(key);
  }

  snapshot(): OrderedSnapshot<CacheEntry> {
    return this.#entries.snapshot();
  }

  /** The present entries of a selection in key order, by an index where one serves. */
  *select(selection: Selection): Iterable<CacheEntry> {
    const only = selection.onlyKey;
    if (only !== undefined) {
      const entry = this.get(only);
      if (entry !== undefined && selection.matches(entry)) yield entry;
      return;
    }
    const keys = this.#indexedKeys(selection);
    if (keys !== undefined) {
      for (const key of keys) {
        const entry = this.get(key);
        if (entry !== undefined && selection.matches(entry)) yield entry;
      }
      return;
    }
    for (const entry of this.snapshot().range(selection.keyPrefix)) if (selection.matches(entry)) yield entry;
  }

  /** What `select` yields, as a list. */
  entriesOf(selection: Selection): readonly CacheEntry[] {
    return selection.whole ? this.snapshot().list(selection.keyPrefix) : [...this.select(selection)];
  }

  /** Puts a stored value in; `decoded` spares the parse when the writer still holds the object. */
  put(key: string, stored: Uint8Array, revision: number, decoded?: UnknownObject): CacheEvent {
    return this.#change(key, revision, this.entryOf(key, stored, revision, decoded));
  }

  /** What `put` keeps, without keeping it. */
  entryOf(key: string, stored: Uint8Array, revision: number, decoded?: UnknownObject): CacheEntry {
    const object = decoded ?? decodeObject(stored);
    const isUpgraded = decoded === undefined && this.row.upgradeStored?.(object) === true;
    const bytes = withRevision(isUpgraded ? storedBytes(object) : stored, revision);
    const fields =
      this.#fieldValues.length === 0 ? noFields : this.#fieldValues.map((fieldValue) => fieldValue(object));
    return new CacheEntry(key, revision, bytes, object.metadata.labels, fields);
  }

  delete(key: string, revision: number): CacheEvent | undefined {
    return this.#entries.get(key) === undefined ? undefined : this.#change(key, revision, undefined);
  }

  /** Keeps the snapshot that the rest of a chunked list will be read from; its time runs from the list's start. */
  keep(
    revision: number,
    entries: OrderedSnapshot<CacheEntry>,
    { now, isStart }: { now: number; isStart: boolean },
  ): void {
    this.dropOldSnapshots(now);
    if (this.#kept.has(revision) && !isStart) return;
    if (this.#kept.size >= snapshotsMax) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(revision, { entries, since: now });
  }

  /** The entries as of `revision`, when that is still known. */
  entriesAt(revision: number, now: number): OrderedSnapshot<CacheEntry> | undefined {
    this.dropOldSnapshots(now);
    const kept = this.#kept.get(revision);
    if (kept !== undefined) return kept.entries;
    if (revision <= this.#expired) return undefined;
    return this.#rewind(revision);
  }

  dropOldSnapshots(now: number): void {
    for (const [revision, { since }] of this.#kept) {
      if (now - since <= snapshotAgeMsMax) continue;
      this.#kept.delete(revision);
      this.#expired = Math.max(this.#expired, revision);
    }
  }

  #change(key: string, revision: number, after: CacheEntry | undefined): CacheEvent {
    const before = this.#entries.get(key);
    if (after === undefined) this.#entries.delete(key);
    else this.#entries.set(after);
    this.#indexes.change(before, after);
    const event: CacheEvent = { revision, before, after, frames: undefined };
    return event;
  }

  /** Undoes the events since `revision`. */
  #rewind(revision: number): OrderedSnapshot<CacheEntry> | undefined {
    const undone = this.ring.after(revision, Number.POSITIVE_INFINITY);
    if (undone === undefined) return undefined;
    if (undone.length === 0) return this.snapshot();
    const past = new OrderedEntries<CacheEntry>();
    for (const entry of this.snapshot().range('')) past.set(entry);
    for (const { before, after } of [...undone].reverse()) {
      if (before !== undefined) past.set(before);
      else if (after !== undefined) past.delete(after.key);
    }
    return past.snapshot();
  }

  #indexedKeys(selection: Selection): string[] | undefined {
    let best: readonly ReadonlySet<string>[] | undefined;
    let bestSize = Number.POSITIVE_INFINITY;
    for (const requirement of selection.indexable()) {
      const sets = this.#indexes.lookup(requirement, () => this.snapshot().range(''));
      if (sets === undefined) continue;
      const size = sets.reduce((sum, set) => sum + set.size, 0);
      if (size < bestSize) {
        best = sets;
        bestSize = size;
      }
    }
    if (best === undefined) return undefined;
    return best.flatMap((set) => [...set].filter((key) => key.startsWith(selection.keyPrefix))).sort();
  }
}

const noFields: readonly string[] = [];
