import { gone } from '../../machinery/status-error.ts';
import type { ResponseStream } from '../request.ts';
import type { CacheEntry, CacheEvent } from './cache-entry.ts';
import type { OrderedSnapshot } from './ordered-entries.ts';
import type { ResourceCache } from './resource-cache.ts';
import type { Selection } from './selection.ts';
import { addedFrame, bookmarkFrame, errorFrame, eventFrame, type ObjectForm, watchTypeOf } from './watch-frame.ts';
import type { LiveWatcher } from './watcher-index.ts';

/** Bytes written to a connection in one piece while the initial state or a backlog is sent. */
const chunkBytes = 64 * 1024;
/** Events read from the ring in one go. */
const backlogEvents = 256;

/** Frames of one turn that wait to be written together. */
const pendingFramesMax = 512;

export interface WatchStart {
  /** Events after this revision are sent. */
  readonly revision: number;
  /** Sent as ADDED before them. */
  readonly initial?: OrderedSnapshot<CacheEntry>;
  /** A bookmark says where the initial state ends. */
  readonly markInitialEnd: boolean;
  readonly bookmarks: boolean;
}

export interface WatcherHub {
  /** The last revision every cache has seen. */
  readonly revision: number;
  /** Has `watcher.flush` called after the events of this turn. */
  flushSoon(watcher: Watcher): void;
  /** Frames in one piece, which is shared by the watchers of this turn that have the same ones. */
  join(frames: readonly Buffer[]): Buffer;
}

/**
 * One watch request. While the client keeps up, events are handed to it as they come; when it falls behind, nothing is
 * queued for it: it reads on from the ring once its connection drains, and is ended when the ring has moved past it.
 */
export class Watcher implements LiveWatcher {
  readonly selection: Selection;
  readonly #cache: ResourceCache;
  readonly #hub: WatcherHub;
  readonly #form: ObjectForm;
  readonly #kind: { apiVersion: string; kind: string };
  readonly #stream: ResponseStream;
  readonly #bookmarks: boolean;
  readonly #closed = new AbortController();
  #cursor: number;
  #live = false;
  /** Revision of the last event in `#pending`. */
  #offered = 0;
  #pending: Buffer[] = [];
  #fellBehind: (() => void) | undefined;

  constructor(options: {
    selection: Selection;
    cache: ResourceCache;
    hub: WatcherHub;
    form: ObjectForm;
    kind: { apiVersion: string; kind: string };
    stream: ResponseStream;
    start: WatchStart;
  }) {
    this.selection = options.selection;
    this.#cache = options.cache;
    this.#hub = options.hub;
    this.#form = options.form;
    this.#kind = options.kind;
    this.#stream = options.stream;
    this.#bookmarks = options.start.bookmarks;
    this.#cursor = options.start.revision;
  }

  /** Serves until `callerSignal` aborts, `close` is called or the client is too far behind. Does not end the stream. */
  async run(start: WatchStart, callerSignal: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([callerSignal, this.#closed.signal]);
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (start.initial !== undefined) await this.#sendInitial(start.initial, ended, signal);
    if (start.markInitialEnd && !signal.aborted) this.#stream.write(bookmarkFrame(this.#kind, this.#cursor, true));
    while (!signal.aborted) {
      if (!(await this.#catchUp(ended, signal))) return;
      if (signal.aborted) return;
      await this.#stayLive(ended);
      if (!signal.aborted) await Promise.race([this.#stream.drained(), ended]);
    }
    this.#sendBookmark();
  }

  watches(cache: ResourceCache): boolean {
    return this.#cache === cache;
  }

  /** Ends the watch: its resource is no longer served. */
  close(): void {
    this.#closed.abort();
  }

  offer(event: CacheEvent): void {
    const type = event.revision <= this.#cursor ? undefined : watchTypeOf(event, this.selection);
    if (type === undefined) return;
    this.#offered = event.revision;
    if (this.#pending.length === 0) this.#hub.flushSoon(this);
    this.#pending.push(eventFrame(event, type, this.#form));
    if (this.#pending.length >= pendingFramesMax) this.flush();
  }

  /** Writes what this turn brought. */
  flush(): void {
    if (!this.#live || this.#pending.length === 0) return;
    this.#cursor = this.#offered;
    const chunk = this.#hub.join(this.#pending);
    this.#pending = [];
    if (!this.#stream.write(chunk)) this.#leave();
  }

  /** Tells a client that wants it how far it has seen. */
  bookmark(): void {
    if (!this.#live || this.#pending.length > 0) return;
    this.#cursor = Math.max(this.#cursor, this.#hub.revision);
    this.#sendBookmark();
  }

  #sendBookmark(): void {
    if (this.#bookmarks) this.#stream.write(bookmarkFrame(this.#kind, this.#cursor, false));
  }

  async #sendInitial(entries: OrderedSnapshot<CacheEntry>, ended: Promise<void>, signal: AbortSignal): Promise<void> {
    let frames: Buffer[] = [];
    let size = 0;
    for (const entry of entries.range(this.selection.keyPrefix)) {
      if (signal.aborted) return;
      if (!this.selection.matches(entry)) continue;
      const frame = addedFrame(entry, this.#form);
      frames.push(frame);
      size += frame.length;
      if (size < chunkBytes) continue;
      const open = this.#stream.write(Buffer.concat(frames, size));
      frames = [];
      size = 0;
      if (!open) await Promise.race([this.#stream.drained(), ended]);
    }
    if (size > 0) this.#stream.write(Buffer.concat(frames, size));
  }

  /** Sends what is in the ring after the cursor and goes live. False: the ring has moved past it. */
  async #catchUp(ended: Promise<void>, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const events = this.#cache.ring.after(this.#cursor, backlogEvents);
      if (events === undefined) {
        this.#stream.write(
          errorFrame(gone(`too old resource version: ${this.#cursor} (${this.#cache.ring.floor})`).status),
        );
        return false;
      }
      const last = events.at(-1);
      if (last === undefined) {
        this.#cursor = Math.max(this.#cursor, this.#hub.revision);
        this.#live = true;
        this.#cache.watchers.add(this);
        return true;
      }
      this.#cursor = last.revision;
      const frames = events.flatMap((event) => {
        const type = watchTypeOf(event, this.selection);
        return type === undefined ? [] : [eventFrame({ ...event, frames: undefined }, type, this.#form)];
      });
      if (frames.length > 0 && !this.#stream.write(Buffer.concat(frames))) {
        await Promise.race([this.#stream.drained(), ended]);
        if (signal.aborted) return true;
      }
    }
  }

  /** Resolves when the client is behind or the watch ends. */
  async #stayLive(ended: Promise<void>): Promise<void> {
    const behind = new Promise<void>((resolve) => {
      this.#fellBehind = resolve;
    });
    await Promise.race([behind, ended]);
    this.flush();
    this.#leave();
  }

  #leave(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#cache.watchers.remove(this);
    // What was offered but not written is in the ring after the cursor.
    this.#pending = [];
    this.#fellBehind?.();
  }
}
