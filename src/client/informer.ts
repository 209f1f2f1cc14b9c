import type { Logger } from '../machinery/logger.ts';
import { type KubeObject, objectKey, type ResourceType } from '../machinery/meta.ts';
import { OutageLog } from '../machinery/outage-log.ts';
import { hasReason, isExpired } from '../machinery/status-error.ts';
import { Backoff } from './backoff.ts';
import type { EventHandler, Informer, InformerFilter, ListOptions, ResourceClient, WatchEvent } from './contract.ts';
import { deepFreeze } from './deep-freeze.ts';
import { sleep } from './delay.ts';
import { ObjectStore } from './object-store.ts';

const pageSize = 500;
/** A watch is ended by the server after a random time in this range, so that watches do not all return at once. */
const watchSecondsMin = 300;
const watchSecondsMax = 600;
/** A watch that is silent for its whole life and this much longer has no server behind it any more. */
const watchGraceMs = 30_000;
/** A watch that ended sooner than this brought nothing; asking again at once would be a busy loop. */
const shortWatchMs = 1_000;
/** After a watch that lived this long the next failure starts from the shortest wait again. */
const healthyWatchMs = 10_000;
const initialEventsEnd = 'k8s.io/initial-events-end';

export interface InformerOptions<T extends KubeObject> {
  readonly client: ResourceClient<T>;
  readonly type: ResourceType<T>;
  readonly logger: Logger;
  readonly filter?: InformerFilter;
  /** Makes what is kept out of what came, to save memory. May change the object it is given. */
  readonly transform?: (object: T) => T;
  /** Freeze what is kept. Default: in tests (`NODE_ENV=test`). */
  readonly freeze?: boolean;
  /** First state by a streamed watch (`sendInitialEvents`) instead of lists. Default false. */
  readonly streamInitial?: boolean;
}

/** An informer that its owner runs; see `Informer` for what it promises. */
export class WatchedResource<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>;
  private readonly options: InformerOptions<T>;
  private readonly store: ObjectStore<T>;
  private readonly handlers: EventHandler<T>[] = [];
  private readonly backoff = new Backoff({ initialMs: 200, maxMs: 30_000, jitter: 1 });
  private readonly outage: OutageLog;
  private readonly freeze: boolean;
  private readonly waiting: (() => void)[] = [];
  private streamInitial: boolean;
  private resourceVersion = '';
  private hasSynced = false;

  constructor(options: InformerOptions<T>) {
    this.options = options;
    this.type = options.type;
    const { resource } = options.type;
    this.outage = new OutageLog(options.logger, {
      failed: `List or watch of ${resource} failed and will be retried`,
      recovered: `List or watch of ${resource} works again`,
    });
    this.store = new ObjectStore(options.type.namespaced);
    this.freeze = options.freeze ?? process.env['NODE_ENV'] === 'test';
    this.streamInitial = options.streamInitial ?? false;
  }

  get synced(): boolean {
    return this.hasSynced;
  }

  get lastResourceVersion(): string {
    return this.resourceVersion;
  }

  get size(): number {
    return this.store.size;
  }

  get(key: string): T | undefined {
    return this.store.get(key);
  }

  list(namespace?: string): readonly T[] {
    return this.store.list(namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.store.byIndex(index, value);
  }

  addIndex(name: string, keysOf: (object: T) => readonly string[]): void {
    this.store.addIndex(name, keysOf);
  }

  addHandler(handler: EventHandler<T>): void {
    this.handlers.push(handler);
    for (const object of this.store.list()) this.tell(handler, 'added', object, object);
  }

  /** Resolves with the first complete state. Rejects with the signal's reason. */
  whenSynced(signal: AbortSignal): Promise<void> {
    if (this.hasSynced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      this.waiting.push(() => {
        signal.removeEventListener('abort', abort);
        resolve();
      });
    });
  }

  /** Lists and watches until `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.resourceVersion === '') await this.fill(signal);
        await this.follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error)) this.resourceVersion = '';
        this.report(error);
        await sleep(this.backoff.takeMs(), signal).catch(() => undefined);
      }
    }
  }

  private report(err: unknown): void {
    const resource = this.type.resource;
    if (isExpired(err)) this.options.logger.debug({ resource, err }, 'Watch fell behind and lists again');
    else this.outage.failed(err);
  }

  private async fill(signal: AbortSignal): Promise<void> {
    if (this.streamInitial) {
      try {
        await this.watchInitial(signal);
        return;
      } catch (error) {
        if (!hasReason(error, 'Invalid') && !hasReason(error, 'BadRequest')) throw error;
        // A server without streaming lists: never ask it again.
        this.streamInitial = false;
      }
    }
    await this.listInitial(signal);
  }

  private async listInitial(signal: AbortSignal): Promise<void> {
    const found = await this.listPages(signal).catch((error: unknown) => {
      // The pages' snapshot was compacted while we read it: read everything in one answer.
      if (isExpired(error)) return this.listPages(signal, {});
      throw error;
    });
    this.replace(found.items, found.resourceVersion);
  }

  private async listPages(
    signal: AbortSignal,
    paging: ListOptions = { limit: pageSize },
  ): Promise<{ items: T[]; resourceVersion: string }> {
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const page = await this.options.client.list(
        { ...this.options.filter, ...paging, ...(next === undefined ? {} : { continue: next }) },
        signal,
      );
      for (const item of page.items) items.push(this.keep(item));
      next = page.metadata.continue;
      if (next === undefined || next === '') return { items, resourceVersion: page.metadata.resourceVersion ?? '' };
    }
  }

  private async watchInitial(signal: AbortSignal): Promise<void> {
    const items = new Map<string, T>();
    await this.watchFrom('', signal, (event) => {
      if (event.type === 'BOOKMARK') {
        if (event.object.metadata.annotations?.[initialEventsEnd] !== 'true') return false;
        this.replace([...items.values()], event.object.metadata.resourceVersion ?? '');
        return true;
      }
      const object = this.keep(event.object);
      if (event.type === 'DELETED') items.delete(objectKey(object));
      else items.set(objectKey(object), object);
      return false;
    });
    if (this.resourceVersion === '') throw new Error('The watch ended before the initial state was complete');
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const startedAt = Date.now();
    let events = 0;
    try {
      await this.watchFrom(this.resourceVersion, signal, (event) => {
        events++;
        this.outage.succeeded();
        this.apply(event);
        return false;
      });
    } finally {
      if (events > 0 || Date.now() - startedAt > healthyWatchMs) {
        this.backoff.reset();
        this.outage.succeeded();
      }
    }
    if (events === 0 && Date.now() - startedAt < shortWatchMs) await sleep(this.backoff.takeMs(), signal);
  }

  /** One watch from `resourceVersion` (`''`: with initial events) until it ends or `take` answers true. */
  private async watchFrom(
    resourceVersion: string,
    signal: AbortSignal,
    take: (event: WatchEvent<T>) => boolean,
  ): Promise<void> {
    const timeoutSeconds = Math.round(watchSecondsMin + Math.random() * (watchSecondsMax - watchSecondsMin));
    const ending = new AbortController();
    const stop = (): void => ending.abort(signal.reason);
    const dead = setTimeout(
      () => ending.abort(new Error('The watch outlived its timeout')),
      timeoutSeconds * 1000 + watchGraceMs,
    );
    dead.unref();
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const events = this.options.client.watch(
        {
          ...this.options.filter,
          allowWatchBookmarks: true,
          timeoutSeconds,
          ...(resourceVersion === ''
            ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' as const }
            : { resourceVersion }),
        },
        ending.signal,
      );
      for await (const event of events) if (take(event)) break;
    } finally {
      clearTimeout(dead);
      signal.removeEventListener('abort', stop);
      ending.abort();
    }
  }

  private apply(event: WatchEvent<T>): void {
    const { resourceVersion } = event.object.metadata;
    if (event.type === 'BOOKMARK') {
      this.resourceVersion = resourceVersion ?? this.resourceVersion;
      return;
    }
    const object = this.keep(event.object);
    // Before the handlers: what they read through the lister is at least as new as what they are told.
    this.resourceVersion = resourceVersion ?? this.resourceVersion;
    if (event.type === 'DELETED') {
      this.store.remove(objectKey(object));
      this.tellAll('deleted', object, object);
      return;
    }
    const old = this.store.put(object);
    this.tellAll(old === undefined ? 'added' : 'updated', old ?? object, object);
  }

  /** A whole new state: tells of the differences, as if they had been watched. */
  private replace(items: readonly T[], resourceVersion: string): void {
    this.resourceVersion = resourceVersion;
    const gone = new Set(this.store.keys());
    const changes: (readonly [old: T | undefined, object: T])[] = [];
    for (const object of items) {
      gone.delete(objectKey(object));
      changes.push([this.store.put(object), object]);
    }
    const deleted = [...gone].map((key) => this.store.remove(key)).filter((object) => object !== undefined);
    for (const object of deleted) this.tellAll('deleted', object, object);
    for (const [old, object] of changes) {
      if (old === undefined) this.tellAll('added', object, object);
      else if (old.metadata.uid !== object.metadata.uid) {
        // Deleted and made again while nobody watched: two objects, not one that changed.
        this.tellAll('deleted', old, old);
        this.tellAll('added', object, object);
      } else if (old.metadata.resourceVersion !== object.metadata.resourceVersion) {
        this.tellAll('updated', old, object);
      }
    }
    this.hasSynced = true;
    this.outage.succeeded();
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  private keep(object: T): T {
    const kept = this.options.transform?.(object) ?? object;
    return this.freeze ? deepFreeze(kept) : kept;
  }

  private tellAll(change: 'added' | 'updated' | 'deleted', old: T, object: T): void {
    for (const handler of this.handlers) this.tell(handler, change, old, object);
  }

  private tell(handler: EventHandler<T>, change: 'added' | 'updated' | 'deleted', old: T, object: T): void {
    try {
      if (change === 'updated') handler.updated?.(old, object);
      else handler[change]?.(object);
    } catch (err) {
      this.options.logger.error({ resource: this.type.resource, object: objectKey(object), err }, 'Handler failed');
    }
  }
}
