import type { Duplex } from 'node:stream';
import type { KubeList, KubeObject, ResourceType, UnknownObject } from '../machinery/meta.ts';
import type { DeleteOptions } from '../machinery/meta-types.generated.ts';

/**
 * How every part of Roadstead talks to the API: controllers, scheduler, agent, operators and CLI hold a `Client` and
 * nothing else. Names and guarantees are client-go's.
 */
export interface Client {
  resource<T extends KubeObject>(type: ResourceType<T>): ResourceClient<T>;
  /** Any other path (`/version`, `/openapi/v3`). Throws ApiError for an answer that is not 2xx. */
  request(request: RawRequest): Promise<RawResponse>;
  /** Opens a byte stream by HTTP/1.1 upgrade to `path` with this `Upgrade` protocol. */
  upgrade(path: string, protocol: string, headers?: Record<string, string>, signal?: AbortSignal): Promise<Duplex>;
  close(): Promise<void>;
}

export interface RawRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
}

export interface RawResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** Carries a request to a server: over TLS (`client/https-transport.ts`) or straight into one in this process. */
export interface Transport {
  /** Resolves when the head of the answer is there, whatever its status. */
  request(request: RawRequest): Promise<RawResponse>;
  upgrade(path: string, protocol: string, headers?: Record<string, string>, signal?: AbortSignal): Promise<Duplex>;
  close(): Promise<void>;
}

/** Which object: `namespace` is left out for cluster-scoped kinds. */
export interface ObjectRef {
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface ResourceClient<T extends KubeObject> {
  get(ref: ObjectRef, signal?: AbortSignal): Promise<T>;
  list(options?: ListOptions, signal?: AbortSignal): Promise<KubeList<T>>;
  /** One raw watch; informers are what resumes. Throws ApiError (`isExpired`) for 410, also inside the stream. */
  watch(options: WatchOptions, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** The object names its namespace. */
  create(object: T, options?: WriteOptions): Promise<T>;
  update(object: T, options?: WriteOptions): Promise<T>;
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(ref: ObjectRef, patch: Patch, options?: WriteOptions & { subresource?: string; force?: boolean }): Promise<T>;
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  deleteCollection(options: ListOptions & { deleteOptions?: DeleteOptions }): Promise<void>;
  /** POST to a subresource (`binding`, `eviction`, `token`). */
  createSubresource<R = UnknownObject>(
    ref: ObjectRef,
    subresource: string,
    body: unknown,
    options?: WriteOptions,
  ): Promise<R>;
  getSubresource<R = UnknownObject>(ref: ObjectRef, subresource: string): Promise<R>;
  updateSubresource<R = UnknownObject>(ref: ObjectRef, subresource: string, body: unknown): Promise<R>;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubeObject };

export interface WriteOptions {
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'merge' | 'strategic' | 'apply'; readonly body: unknown };

/** Objects read from here belong to everyone: never change one, copy first (tests freeze them). */
export interface Lister<T extends KubeObject> {
  get(key: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** Objects whose index function gave `value`. Throws for an index nobody added. */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

export interface EventHandler<T> {
  added?(object: T): void;
  /** Also called on resync with `old === object`. */
  updated?(old: T, object: T): void;
  /** The last state known, which may be older than what was deleted. */
  deleted?(object: T): void;
}

/** List and watch of one resource, kept for ever: resumes, lists again on 410, backs off with jitter on errors. */
export interface Informer<T extends KubeObject> extends Lister<T> {
  readonly type: ResourceType<T>;
  /** Before or after start; a handler added late is told of what is there. Called in order, never concurrently. */
  addHandler(handler: EventHandler<T>): void;
  /** `keysOf` maps an object to index values. Adding the same name again is ignored. */
  addIndex(name: string, keysOf: (object: T) => readonly string[]): void;
  readonly synced: boolean;
  readonly lastResourceVersion: string;
}

/** One informer a resource and filter, shared by all who ask. */
export interface InformerFactory {
  informer<T extends KubeObject>(type: ResourceType<T>, filter?: InformerFilter): Informer<T>;
  /** Starts every informer asked for so far; call again after asking for more. They stop when `signal` aborts. */
  start(signal: AbortSignal): void;
  /** Resolves when every started informer holds its first list. */
  synced(signal: AbortSignal): Promise<void>;
}

export interface InformerFilter {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * Keys to work on, as k8s.io/client-go/util/workqueue: fair (first in, first out), stingy (a key waiting twice is worked
 * on once, and a key in work that is added again waits until it is done), safe for many workers, drained on shutdown.
 */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, delayMs: number): void;
  /** After this key's own back-off. */
  addRateLimited(key: string): void;
  /** Ends the key's back-off. */
  forget(key: string): void;
  requeues(key: string): number;
  /** The next key, or undefined once shut down and drained. */
  get(): Promise<string | undefined>;
  done(key: string): void;
  readonly length: number;
  shutDown(): void;
}

/** What a reconcile asks for besides success. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number;
}

/** `key` is `namespace/name` of the controller's root kind. Throw to retry with back-off. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>;

/** Writes Events (`core/v1`), aggregating repeats as upstream's correlator does. Never throws, never waits. */
export interface EventRecorder {
  event(about: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}
