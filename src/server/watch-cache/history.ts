import { isStoreError, type Store, type StoreEvent } from '../../store/contract.ts';
import type { CacheEntry, CacheEvent } from './cache-entry.ts';
import type { ResourceCache } from './resource-cache.ts';

/** Where a key of the store is cached. */
export type Locate = (storeKey: string) => { readonly cache: ResourceCache; readonly key: string } | undefined;

/**
 * Fills the rings of newly loaded caches with what the store still knows of the `depth` revisions before `revision`, so
 * that watches from before a restart go on where they were. A ring begins after the last event whose state before it is
 * not known: without that, nobody could tell what the event is to a watcher with a selector.
 */
export async function loadHistory(
  store: Store,
  options: {
    readonly revision: number;
    readonly depth: number;
    readonly caches: Iterable<ResourceCache>;
    locate: Locate;
  },
): Promise<void> {
  const { revision, locate } = options;
  let pasts = new Map<ResourceCache, Past>();
  let from = revision;
  for (let depth = Math.min(options.depth, revision); depth > 0; depth >>= 1) {
    try {
      pasts = await readPasts(store, revision - depth, revision, locate);
      from = revision - depth;
      break;
    } catch (error) {
      if (!isStoreError(error, 'compacted')) throw error;
    }
  }
  for (const cache of options.caches) {
    const past = pasts.get(cache);
    cache.ring.startAt(past?.floor ?? from);
    for (const event of past?.events ?? []) cache.ring.push(event);
  }
}

async function readPasts(
  store: Store,
  from: number,
  revision: number,
  locate: Locate,
): Promise<Map<ResourceCache, Past>> {
  const pasts = new Map<ResourceCache, Past>();
  const enough = new AbortController();
  try {
    // Every revision is a write of some key, so that the last one surely comes.
    for await (const events of store.watch('', from, enough.signal)) {
      for (const event of events) {
        const found = event.revision > revision ? undefined : locate(event.key);
        if (found === undefined) continue;
        let past = pasts.get(found.cache);
        if (past === undefined) {
          past = new Past(found.cache, from);
          pasts.set(found.cache, past);
        }
        past.add(found.key, event);
      }
      if ((events.at(-1)?.revision ?? 0) >= revision) break;
    }
  } finally {
    enough.abort();
  }
  return pasts;
}

/** What happened to one resource, as far back as it is known without a gap. */
class Past {
  floor: number;
  events: CacheEvent[] = [];
  readonly #cache: ResourceCache;
  /** The state of each key that was seen; undefined: known to be absent. */
  readonly #known = new Map<string, CacheEntry | undefined>();

  constructor(cache: ResourceCache, floor: number) {
    this.#cache = cache;
    this.floor = floor;
  }

  add(key: string, event: StoreEvent): void {
    const { revision } = event;
    const isKnown = this.#known.has(key) || (event.type === 'put' && event.created);
    const before = this.#known.get(key);
    const after = event.type === 'put' ? this.#entryOf(key, event.value, revision) : undefined;
    this.#known.set(key, after);
    if (isKnown) {
      this.events.push({ revision, before, after, frames: undefined });
      return;
    }
    this.floor = revision;
    this.events = [];
  }

  #entryOf(key: string, stored: Uint8Array, revision: number): CacheEntry {
    const current = this.#cache.get(key);
    return current?.revision === revision ? current : this.#cache.entryOf(key, stored, revision);
  }
}
