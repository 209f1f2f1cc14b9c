import type { ResourceDefinition } from '../../api/resource.ts';
import type { Logger } from '../../machinery/logger.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { StartupError } from '../../machinery/startup-error.ts';
import { isStoreError, type Store, type StoreEvent } from '../../store/contract.ts';
import type { CacheEvent } from './cache-entry.ts';
import { loadHistory } from './history.ts';
import { ResourceCache } from './resource-cache.ts';
import type { Watcher, WatcherHub } from './watcher.ts';

/** Keys read from the store in one go at start. */
const loadPageSize = 2000;
/** How far back watches may resume after a start: enough for clients that were away for minutes, read in a moment. */
const historyRevisionsMax = 4096;
const bookmarkIntervalMs = 60_000;
const rewatchDelayMs = 1000;

export const registryPrefix = '/registry/';

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

export function cachePrefix({ group, resource }: GroupResource): string {
  return `${registryPrefix}${group === '' ? 'core' : group}/${resource}/`;
}

/** The caches of all stored resources, fed by one watch of the store. */
export class CacheHub implements WatcherHub {
  readonly #store: Store;
  readonly #logger: Logger;
  readonly #caches = new Map<string, ResourceCache>();
  readonly #loading = new Map<string, StoreEvent[]>();
  readonly #decoded = new Map<Uint8Array, UnknownObject>();
  readonly #waiters: { revision: number; resolve: () => void }[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #stop = new AbortController();
  #flush = new Set<Watcher>();
  #framed: CacheEvent[] = [];
  #flushScheduled = false;
  #joined: { readonly frames: readonly Buffer[]; readonly chunk: Buffer } | undefined;
  #revision = 0;
  #following: Promise<void> | undefined;
  #bookmarkTimer: NodeJS.Timeout | undefined;

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Loads the caches of these rows and follows the store from there. */
  async start(rows: Iterable<ResourceDefinition>): Promise<void> {
    for (const row of rows) {
      const prefix = cachePrefix(row);
      this.#caches.set(prefix, new ResourceCache(row, prefix));
    }
    this.#revision = await this.#load(registryPrefix, (prefix) => this.#caches.get(prefix));
    await loadHistory(this.#store, {
      revision: this.#revision,
      depth: historyRevisionsMax,
      caches: this.#caches.values(),
      locate: (storeKey) => {
        const split = splitKey(storeKey);
        const cache = split === undefined ? undefined : this.#caches.get(split.prefix);
        return split === undefined || cache === undefined ? undefined : { cache, key: split.key };
      },
    });
    this.#following = this.#follow();
    this.#bookmarkTimer = setInterval(() => this.#tick(), bookmarkIntervalMs);
    this.#bookmarkTimer.unref();
  }

  cache(of: GroupResource): ResourceCache | undefined {
    return this.#caches.get(cachePrefix(of));
  }

  /** Begins to cache a resource that came while running. */
  async add(row: ResourceDefinition): Promise<void> {
    const prefix = cachePrefix(row);
    if (this.#caches.has(prefix) || this.#loading.has(prefix)) return;
    const missed: StoreEvent[] = [];
    this.#loading.set(prefix, missed);
    const cache = new ResourceCache(row, prefix);
    try {
      const revision = await this.#load(prefix, () => cache);
      await this.reached(revision);
      await loadHistory(this.#store, {
        revision,
        depth: historyRevisionsMax,
        caches: [cache],
        locate: (storeKey) => (storeKey.startsWith(prefix) ? { cache, key: storeKey.slice(prefix.length) } : undefined),
      });
      for (const event of missed) if (event.revision > revision) this.#apply(cache, event);
      this.#caches.set(prefix, cache);
    } finally {
      this.#loading.delete(prefix);
    }
  }

  /** Keeps a resource by another row from now on: reads it anew, without a gap, and ends its watches, which may resume. */
  async replace(row: ResourceDefinition): Promise<void> {
    const before = this.cache(row);
    if (before === undefined) return this.add(row);
    if (before.row === row) return undefined;
    const { prefix } = before;
    const missed: StoreEvent[] = [];
    this.#loading.set(prefix, missed);
    const cache = new ResourceCache(row, prefix, before);
    try {
      const revision = await this.#load(prefix, () => cache);
      await this.reached(revision);
      for (const event of missed) {
        const key = event.key.slice(prefix.length);
        if (event.revision <= revision) continue;
        if (event.type === 'put') cache.put(key, event.value, event.revision);
        else cache.delete(key, event.revision);
      }
      this.#caches.set(prefix, cache);
      this.#endWatches(before);
    } finally {
      this.#loading.delete(prefix);
    }
  }

  /** Forgets a resource and ends its watches. */
  remove(of: GroupResource): void {
    const cache = this.cache(of);
    if (cache === undefined) return;
    this.#caches.delete(cache.prefix);
    this.#endWatches(cache);
  }

  /** Ends the watches of a resource, so that clients come again and see it as it is now. */
  endWatches(of: GroupResource): void {
    const cache = this.cache(of);
    if (cache !== undefined) this.#endWatches(cache);
  }

  #endWatches(cache: ResourceCache): void {
    for (const watcher of this.#watchers) if (watcher.watches(cache)) watcher.close();
  }

  /** Resolves when the caches hold everything up to `revision`. */
  reached(revision: number): Promise<void> | undefined {
    if (this.#revision >= revision) return undefined;
    return new Promise((resolve) => {
      this.#waiters.push({ revision, resolve });
    });
  }

  /** Resolves when the caches hold everything written before the call. */
  async fresh(): Promise<void> {
    await this.reached(await this.#store.currentRevision());
  }

  /** Tells what `bytes`, about to be written, decode to. Take it back with `forgetDecoded` once the write is done. */
  rememberDecoded(bytes: Uint8Array, object: UnknownObject): void {
    this.#decoded.set(bytes, object);
  }

  forgetDecoded(bytes: Uint8Array): void {
    this.#decoded.delete(bytes);
  }

  flushSoon(watcher: Watcher): void {
    this.#flush.add(watcher);
  }

  join(frames: readonly Buffer[]): Buffer {
    const [first] = frames;
    if (first !== undefined && frames.length === 1) return first;
    const known = this.#joined;
    if (known !== undefined && isSame(known.frames, frames)) return known.chunk;
    const chunk = Buffer.concat(frames);
    this.#joined = { frames, chunk };
    return chunk;
  }

  addWatcher(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  removeWatcher(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const watcher of this.#watchers) watcher.close();
    clearInterval(this.#bookmarkTimer);
    await this.#following;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  async #load(prefix: string, cacheOf: (prefix: string) => ResourceCache | undefined): Promise<number> {
    let after: string | undefined;
    let first: number | undefined;
    for (;;) {
      const page = await this.#store.range(prefix, { limit: loadPageSize, ...(after === undefined ? {} : { after }) });
      first ??= page.revision;
      for (const { key, value, revision } of page.entries) {
        const split = splitKey(key);
        if (split === undefined) continue;
        // Later pages may hold writes after the first page's revision; following from there brings them once more.
        this.#putLoaded(cacheOf(split.prefix), split.key, value, revision);
      }
      after = page.entries.at(-1)?.key;
      if (!page.more || after === undefined) return first;
    }
  }

  #putLoaded(cache: ResourceCache | undefined, key: string, value: Uint8Array, revision: number): void {
    try {
      cache?.put(key, value, revision);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new StartupError(`The stored object ${cache?.prefix}${key} is damaged; restore the store from a backup`);
    }
  }

  async #follow(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        for await (const events of this.#store.watch(registryPrefix, this.#revision, this.#stop.signal)) {
          this.#applyAll(events);
        }
        return;
      } catch (error) {
        if (isStoreError(error, 'closed')) return;
        this.#logger.error({ err: error, revision: this.#revision }, 'Lost the watch of the store');
        await pause(rewatchDelayMs, this.#stop.signal);
      }
    }
  }

  #applyAll(events: readonly StoreEvent[]): void {
    for (const event of events) {
      const split = splitKey(event.key);
      if (split === undefined) continue;
      const cache = this.#caches.get(split.prefix);
      if (this.#loading.size > 0) this.#loading.get(split.prefix)?.push(event);
      if (cache !== undefined) this.#applySafely(cache, event);
    }
    this.#revision = events.at(-1)?.revision ?? this.#revision;
    this.#wakeWaiters();
    if (this.#flush.size > 0 && !this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => this.#flushWatchers());
    }
  }

  /** One object that cannot be read, or one listener that throws, must not stop the others from being told. */
  #applySafely(cache: ResourceCache, event: StoreEvent): void {
    try {
      this.#apply(cache, event);
    } catch (error) {
      this.#logger.error({ err: error, key: event.key, revision: event.revision }, 'Failed to apply a store event');
    }
  }

  #apply(cache: ResourceCache, event: StoreEvent): void {
    const key = event.key.slice(cache.prefix.length);
    const decoded = event.type === 'put' ? this.#decoded.get(event.value) : undefined;
    if (decoded !== undefined) decoded.metadata.resourceVersion = String(event.revision);
    const change =
      event.type === 'put' ? cache.put(key, event.value, event.revision, decoded) : cache.delete(key, event.revision);
    if (change === undefined) return;
    cache.ring.push(change);
    cache.watchers.dispatch(change);
    if (change.frames !== undefined) this.#framed.push(change);
    for (const listener of cache.listeners) listener(change, decoded);
  }

  #wakeWaiters(): void {
    let kept = 0;
    for (const waiter of this.#waiters) {
      if (waiter.revision <= this.#revision) waiter.resolve();
      else this.#waiters[kept++] = waiter;
    }
    this.#waiters.length = kept;
  }

  #flushWatchers(): void {
    this.#flushScheduled = false;
    const watchers = this.#flush;
    this.#flush = new Set();
    for (const watcher of watchers) watcher.flush();
    this.#joined = undefined;
    // The ring keeps events for long; their frames would double it.
    for (const event of this.#framed) event.frames = undefined;
    this.#framed = [];
  }

  #tick(): void {
    const now = Date.now();
    for (const cache of this.#caches.values()) cache.dropOldSnapshots(now);
    for (const watcher of this.#watchers) watcher.bookmark();
  }
}

function isSame(left: readonly Buffer[], right: readonly Buffer[]): boolean {
  return left.length === right.length && left.every((frame, index) => frame === right[index]);
}

/** `/registry/core/pods/default/a` -> `/registry/core/pods/` and `default/a`. */
function splitKey(key: string): { prefix: string; key: string } | undefined {
  const group = key.indexOf('/', registryPrefix.length);
  const resource = group < 0 ? -1 : key.indexOf('/', group + 1);
  return resource < 0 ? undefined : { prefix: key.slice(0, resource + 1), key: key.slice(resource + 1) };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const onAbort = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
