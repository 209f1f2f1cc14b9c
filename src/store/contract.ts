/**
 * What the API server needs of a database: an ordered map of bytes with one revision counter over all keys.
 * Implemented by `lmdb/` (embedded) and `etcd/`; `contract-suite.ts` holds both to this text.
 *
 * - Revisions are positive integers, global, dense and strictly rising: one successful write takes one revision.
 * - A write whose promise has resolved is on disk, and every later read and watch sees it.
 * - A watch yields every event after the asked revision, in revision order, none twice and none left out, or ends with
 *   `StoreError('compacted')`.
 * - Keys are ASCII, ordered by byte. Values are opaque.
 */
export interface Store {
  get(key: string): Promise<StoredValue | undefined>;
  /** Keys that start with `prefix`, in order, all as of one revision. */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>;
  /** Throws `exists`. Resolves to the revision of the write. */
  create(key: string, value: Uint8Array): Promise<number>;
  /** Throws `notFound`, or `conflict` when the key's revision is not `expected`. */
  update(key: string, value: Uint8Array, expected: number): Promise<number>;
  /** Throws `notFound`, or `conflict` when the key's revision is not `expected`. */
  delete(key: string, expected: number): Promise<number>;
  /**
   * Events after `afterRevision` under `prefix`, in batches, until `signal` aborts (then it returns).
   * Throws `compacted` when `afterRevision` is older than the last compaction.
   */
  watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncIterable<readonly StoreEvent[]>;
  /** Forgets the history up to and including `revision`; current values stay. */
  compact(revision: number): Promise<void>;
  /** The revision of the last write; 0 for an empty store. */
  currentRevision(): Promise<number>;
  /** Waits for writes under way, then closes. Later calls throw `closed`. */
  close(): Promise<void>;
}

export interface StoredValue {
  readonly value: Uint8Array;
  /** Revision of the last write of this key. */
  readonly revision: number;
}

export interface StoredEntry extends StoredValue {
  readonly key: string;
}

export interface RangeOptions {
  /** Only keys after this one (exclusive). */
  readonly after?: string;
  readonly limit?: number;
}

export interface RangeResult {
  readonly entries: readonly StoredEntry[];
  /** The revision that the whole answer is true of. */
  readonly revision: number;
  /** More keys follow the last entry. */
  readonly more: boolean;
}

export type StoreEvent =
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: Uint8Array;
      readonly revision: number;
      readonly created: boolean;
    }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

export type StoreErrorCode =
  | 'exists'
  | 'notFound'
  | 'conflict'
  | 'compacted'
  | 'closed'
  /** The disk is full; nothing was written. */
  | 'full'
  /** The files cannot be read; the message says what to do. */
  | 'corrupt'
  /** Another process holds the data directory. */
  | 'locked'
  /** The backend cannot be reached or has no quorum; the outcome of a write is unknown. */
  | 'unavailable';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly key: string;

  constructor(code: StoreErrorCode, message: string, key = '', options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
    this.key = key;
  }
}

export function isStoreError(error: unknown, code?: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && (code === undefined || error.code === code);
}
