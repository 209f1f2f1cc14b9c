import { type Clock, systemClock } from './clock.ts';
import type { WorkQueue } from './contract.ts';

/** client-go's defaults: every key doubles its own wait, and all retries together share one bucket. */
const keyDelayMsMin = 5;
const keyDelayMsMax = 1_000_000;
const retriesPerSecond = 10;
const retryBurst = 100;

export interface WorkQueueOptions {
  readonly clock?: Clock;
  readonly keyDelayMsMin?: number;
  readonly keyDelayMsMax?: number;
}

/** See `WorkQueue`. What waits is bounded by the number of distinct keys, that is of objects. */
export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  return new Queue(options);
}

class Queue implements WorkQueue {
  private readonly clock: Clock;
  private readonly delayMsMin: number;
  private readonly delayMsMax: number;
  /** Keys to hand out, in order (a Set keeps insertion order). */
  private readonly ready = new Set<string>();
  private readonly working = new Set<string>();
  /** Keys added while they were worked on. */
  private readonly again = new Set<string>();
  private readonly delayed = new Map<string, { readonly at: number; readonly cancel: () => void }>();
  private readonly failures = new Map<string, number>();
  private readonly waiters: ((key: string | undefined) => void)[] = [];
  private shuttingDown = false;
  private bucketFullAt = 0;

  constructor(options: WorkQueueOptions) {
    this.clock = options.clock ?? systemClock;
    this.delayMsMin = options.keyDelayMsMin ?? keyDelayMsMin;
    this.delayMsMax = options.keyDelayMsMax ?? keyDelayMsMax;
  }

  get length(): number {
    return this.ready.size;
  }

  add(key: string): void {
    if (this.shuttingDown) return;
    if (this.working.has(key)) {
      this.again.add(key);
      return;
    }
    if (this.ready.has(key)) return;
    const waiter = this.waiters.shift();
    if (waiter === undefined) {
      this.ready.add(key);
      return;
    }
    this.working.add(key);
    waiter(key);
  }

  addAfter(key: string, delayMs: number): void {
    if (this.shuttingDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const at = this.clock.now() + delayMs;
    const waiting = this.delayed.get(key);
    if (waiting !== undefined) {
      if (waiting.at <= at) return;
      waiting.cancel();
    }
    const cancel = this.clock.after(delayMs, () => {
      this.delayed.delete(key);
      this.add(key);
    });
    this.delayed.set(key, { at, cancel });
  }

  addRateLimited(key: string): void {
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    const own = Math.min(this.delayMsMin * 2 ** failures, this.delayMsMax);
    this.addAfter(key, Math.max(own, this.takeFromBucket()));
  }

  forget(key: string): void {
    this.failures.delete(key);
  }

  requeues(key: string): number {
    return this.failures.get(key) ?? 0;
  }

  get(): Promise<string | undefined> {
    for (const key of this.ready) {
      this.ready.delete(key);
      this.working.add(key);
      return Promise.resolve(key);
    }
    if (this.shuttingDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  done(key: string): void {
    this.working.delete(key);
    if (this.again.delete(key)) this.add(key);
  }

  shutDown(): void {
    this.shuttingDown = true;
    for (const { cancel } of this.delayed.values()) cancel();
    this.delayed.clear();
    for (const waiter of this.waiters.splice(0)) waiter(undefined);
  }

  /** How long the next retry waits for its turn; the turn is taken. */
  private takeFromBucket(): number {
    const spacingMs = 1000 / retriesPerSecond;
    const now = this.clock.now();
    this.bucketFullAt = Math.max(this.bucketFullAt, now) + spacingMs;
    return Math.max(0, this.bucketFullAt - now - retryBurst * spacingMs);
  }
}
