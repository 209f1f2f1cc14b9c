import type { PriorityLevel } from './priority-level.ts';

/**
 * Limited requests begun in one turn of the event loop. What a request costs here is the processor, which no count of
 * seats guards: the bound gives every other connection its turn to be read before a flood goes on.
 */
export const startsPerTurnMax = 4;
/** How often waiting requests are looked through for those that waited too long or whose client has gone. */
const expiryIntervalMs = 1000;

export interface DispatcherOptions {
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number;
  /** How long a request may wait for its seat, in milliseconds. */
  readonly waitMsMax: number;
}

/** Hands the seats of all levels to requests: at once where there is room, in fair turns where there is none. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  #levels: readonly PriorityLevel[] = [];
  /** Seats that levels lend, and those of them in use by whoever. */
  #lendable = 0;
  #lent = 0;
  #waiting = 0;
  #startsThisTurn = 0;
  #turn: NodeJS.Immediate | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** `levels` have their new seats already; those no longer configured stay until nothing of them runs or waits. */
  useLevels(levels: readonly PriorityLevel[]): void {
    const left = this.#levels.filter((level) => !levels.includes(level) && level.executing + level.waiting > 0);
    this.#levels = [...levels, ...left];
    this.#lendable = 0;
    this.#lent = 0;
    for (const { isExempt, seats, executing } of this.#levels) {
      if (isExempt) continue;
      this.#lendable += seats.nominal - seats.floor;
      this.#lent += Math.max(0, executing - seats.floor);
    }
    this.#dispatch();
  }

  /** True: it may run now, and `finish` must follow. */
  tryStart(level: PriorityLevel): boolean {
    if (level.isExempt) {
      level.executing += 1;
      return true;
    }
    if (this.#waiting > 0 && level.waiting > 0) return false;
    if (level.queues && this.#startsThisTurn >= startsPerTurnMax) return false;
    if (!this.#hasSeat(level)) return false;
    this.#take(level);
    return true;
  }

  /** Resolves when it may run, after which `finish` must follow; rejects with `refusal(reason)`. */
  wait(level: PriorityLevel, flow: string, isGone: () => boolean, refusal: (reason: string) => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting -= 1;
      };
      const isQueued = level.add(flow, {
        since: this.#options.now(),
        isGone,
        start: () => {
          end();
          resolve();
        },
        refuse: (reason) => {
          end();
          reject(refusal(reason));
        },
      });
      if (!isQueued) {
        reject(refusal(level.queues ? 'queue-full' : 'concurrency-limit'));
        return;
      }
      this.#waiting += 1;
      this.#beginTurn();
      this.#expiry ??= setInterval(() => this.#expire(), expiryIntervalMs).unref();
    });
  }

  finish(level: PriorityLevel): void {
    if (!level.isExempt && level.executing > level.seats.floor) this.#lent -= 1;
    level.executing -= 1;
    if (this.#waiting > 0) this.#dispatch();
  }

  close(): void {
    clearInterval(this.#expiry);
    clearImmediate(this.#turn);
  }

  #hasSeat({ executing, seats }: PriorityLevel): boolean {
    if (executing < seats.floor) return true;
    return executing < seats.ceiling && this.#lent < this.#lendable;
  }

  #take(level: PriorityLevel): void {
    level.executing += 1;
    if (!level.isExempt && level.executing > level.seats.floor) this.#lent += 1;
    this.#startsThisTurn += 1;
    this.#beginTurn();
  }

  #beginTurn(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#startsThisTurn = 0;
      if (this.#waiting > 0) this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waiting > 0 && this.#startsThisTurn < startsPerTurnMax) {
      const level = this.#pick(false) ?? this.#pick(true);
      if (level === undefined) return;
      const waiting = level.take();
      if (waiting === undefined) continue;
      this.#take(level);
      waiting.start();
    }
  }

  /** Levels take turns; one that wants what is its own comes before one that would borrow. */
  #pick(borrows: boolean): PriorityLevel | undefined {
    const levels = this.#levels;
    for (let step = 0; step < levels.length; step += 1) {
      const level = levels[(this.#next + step) % levels.length];
      if (level === undefined || level.waiting === 0) continue;
      // An exempt level has no seats to wait for: it was made exempt while these waited.
      const mayStart = level.isExempt || ((borrows || level.executing < level.seats.nominal) && this.#hasSeat(level));
      if (!mayStart) continue;
      this.#next = (this.#next + step + 1) % levels.length;
      return level;
    }
    return undefined;
  }

  #expire(): void {
    const since = this.#options.now() - this.#options.waitMsMax;
    for (const level of this.#levels) level.expire(since);
    if (this.#waiting > 0) return;
    clearInterval(this.#expiry);
    this.#expiry = undefined;
  }
}
