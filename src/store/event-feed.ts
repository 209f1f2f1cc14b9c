import type { StoreEvent } from './contract.ts';

/** Events a watcher may lag before it is sent back to read the history from disk. */
const pendingEventsMax = 4096;

/** Hands committed events to the watchers of this process; a watcher that lags is told to catch up from history. */
export class EventFeed {
  readonly #watchers = new Set<FeedWatcher>();

  publish(events: readonly StoreEvent[]): void {
    for (const watcher of this.#watchers) watcher.offer(events);
  }

  open(prefix: string): FeedWatcher {
    const watcher = new FeedWatcher(prefix, (closed) => this.#watchers.delete(closed));
    this.#watchers.add(watcher);
    return watcher;
  }

  /** Ends every watcher. */
  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}

export class FeedWatcher {
  closed = false;
  /** Events were dropped since the last `take`: read the history instead. */
  overrun = false;
  readonly #prefix: string;
  readonly #onClose: (watcher: FeedWatcher) => void;
  #pending: StoreEvent[] = [];
  #wake: (() => void) | undefined;

  constructor(prefix: string, onClose: (watcher: FeedWatcher) => void) {
    this.#prefix = prefix;
    this.#onClose = onClose;
  }

  offer(events: readonly StoreEvent[]): void {
    if (this.overrun) return;
    for (const event of events) if (event.key.startsWith(this.#prefix)) this.#pending.push(event);
    if (this.#pending.length > pendingEventsMax) {
      this.#pending = [];
      this.overrun = true;
    }
    if (this.#pending.length > 0 || this.overrun) this.#wakeUp();
  }

  take(): StoreEvent[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }

  /** Forgets what is pending: the watcher is about to read the history up to now. */
  restart(): void {
    this.#pending = [];
    this.overrun = false;
  }

  /** Resolves when there is something to take, or at once when there is already. */
  wait(): Promise<void> {
    if (this.#pending.length > 0 || this.overrun || this.closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.closed = true;
    this.#onClose(this);
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
