import { dealHand } from './shuffle-sharding.ts';

/** Hands remembered, so that a flow's is dealt once while it keeps asking. */
const rememberedHandsMax = 1024;

export interface Waiting {
  /** Milliseconds of the monotonic clock. */
  readonly since: number;
  /** The client has gone; nobody waits any more. */
  isGone(): boolean;
  start(): void;
  refuse(reason: 'time-out' | 'cancelled'): void;
}

interface Queue {
  readonly index: number;
  readonly waiting: Waiting[];
  /** How much service this queue has had, in requests; never behind that of the others when it becomes active. */
  service: number;
}

export interface FairQueuesOptions {
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthLimit: number;
}

/** Waiting requests of one priority level: start-time fair queuing among queues that flows are sharded onto. */
export class FairQueues {
  readonly #options: FairQueuesOptions;
  readonly #queues = new Map<number, Queue>();
  readonly #active = new Set<Queue>();
  readonly #hands = new Map<string, readonly number[]>();
  #virtualTime = 0;
  #size = 0;

  constructor(options: FairQueuesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#size;
  }

  /** False: the shortest queue of the flow's hand is full. */
  add(flow: string, waiting: Waiting): boolean {
    const queue = this.#shortestOf(flow);
    if (queue.waiting.length >= this.#options.queueLengthLimit) return false;
    if (queue.waiting.length === 0) {
      queue.service = Math.max(queue.service, this.#virtualTime);
      this.#active.add(queue);
    }
    queue.waiting.push(waiting);
    this.#size += 1;
    return true;
  }

  /** The next whose client is still there. */
  take(): Waiting | undefined {
    while (this.#size > 0) {
      const next = this.#takeFirst();
      if (next?.isGone() !== true) return next;
      next.refuse('cancelled');
    }
    return undefined;
  }

  /** Refuses those who have waited since before `since`, and forgets those whose client has gone. */
  expire(since: number): void {
    for (const queue of this.#active) {
      const kept = queue.waiting.filter((one) => {
        if (!one.isGone() && one.since >= since) return true;
        one.refuse(one.isGone() ? 'cancelled' : 'time-out');
        return false;
      });
      this.#size -= queue.waiting.length - kept.length;
      queue.waiting.splice(0, queue.waiting.length, ...kept);
      if (kept.length === 0) this.#active.delete(queue);
    }
  }

  #takeFirst(): Waiting | undefined {
    let least: Queue | undefined;
    for (const queue of this.#active) if (least === undefined || queue.service < least.service) least = queue;
    if (least === undefined) return undefined;
    this.#virtualTime = least.service;
    least.service += 1;
    this.#size -= 1;
    const next = least.waiting.shift();
    if (least.waiting.length === 0) this.#active.delete(least);
    return next;
  }

  #shortestOf(flow: string): Queue {
    let shortest: Queue | undefined;
    for (const index of this.#handOf(flow)) {
      const queue = this.#queue(index);
      if (shortest === undefined || queue.waiting.length < shortest.waiting.length) shortest = queue;
    }
    return shortest ?? this.#queue(0);
  }

  #handOf(flow: string): readonly number[] {
    let hand = this.#hands.get(flow);
    if (hand === undefined) {
      hand = dealHand(flow, this.#options.queues, this.#options.handSize);
      if (this.#hands.size >= rememberedHandsMax) this.#hands.clear();
      this.#hands.set(flow, hand);
    }
    return hand;
  }

  #queue(index: number): Queue {
    let queue = this.#queues.get(index);
    if (queue === undefined) {
      queue = { index, waiting: [], service: 0 };
      this.#queues.set(index, queue);
    }
    return queue;
  }
}
