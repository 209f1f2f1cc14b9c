import type { PriorityLevelConfiguration } from '../../api/flowcontrol/v1/types.generated.ts';
import { FairQueues, type FairQueuesOptions, type Waiting } from './fair-queues.ts';

/** How many requests may run at once, by the shares of all levels. */
export interface SeatShare {
  readonly nominal: number;
  /** Never lent: the level has these whatever the others do. */
  readonly floor: number;
  /** With everything it may borrow. */
  readonly ceiling: number;
}

const noSeats: SeatShare = { nominal: 0, floor: 0, ceiling: 0 };

/** One PriorityLevelConfiguration at work. Outlives changes of its object, so that what runs and waits stays counted. */
export class PriorityLevel {
  readonly name: string;
  uid = '';
  isExempt = true;
  seats: SeatShare = noSeats;
  executing = 0;
  #options: FairQueuesOptions | undefined;
  #queues: FairQueues | undefined;
  /** Of earlier settings; emptied first. */
  #former: FairQueues[] = [];

  constructor(name: string) {
    this.name = name;
  }

  configure({ metadata, spec }: PriorityLevelConfiguration, seats: SeatShare): void {
    this.uid = metadata.uid ?? '';
    this.isExempt = spec.type === 'Exempt';
    this.seats = seats;
    const response = spec.limited?.limitResponse;
    const { queues = 64, handSize = 8, queueLengthLimit = 50 } = response?.queuing ?? {};
    const options =
      this.isExempt || response?.type !== 'Queue'
        ? undefined
        : { queues: Math.max(1, queues), handSize, queueLengthLimit };
    if (JSON.stringify(options) === JSON.stringify(this.#options)) return;
    if (this.#queues !== undefined && this.#queues.size > 0) this.#former.push(this.#queues);
    this.#options = options;
    this.#queues = options === undefined ? undefined : new FairQueues(options);
  }

  /** False: the level does not let requests wait. */
  get queues(): boolean {
    return this.#queues !== undefined;
  }

  get waiting(): number {
    let waiting = this.#queues?.size ?? 0;
    for (const former of this.#former) waiting += former.size;
    return waiting;
  }

  /** False: no room to wait. */
  add(flow: string, waiting: Waiting): boolean {
    return this.#queues?.add(flow, waiting) === true;
  }

  take(): Waiting | undefined {
    for (const former of this.#former) {
      const waiting = former.take();
      if (waiting !== undefined) return waiting;
    }
    if (this.#former.length > 0) this.#former = [];
    return this.#queues?.take();
  }

  expire(since: number): void {
    for (const former of this.#former) former.expire(since);
    this.#queues?.expire(since);
  }
}

/** What one level gets of `total` seats when `shares` is what all limited levels have. */
export function seatShareOf({ spec }: PriorityLevelConfiguration, total: number, shares: number): SeatShare {
  const limits = spec.limited ?? spec.exempt ?? {};
  const nominal = Math.ceil((total * (limits.nominalConcurrencyShares ?? 0)) / Math.max(shares, 1));
  const floor = nominal - Math.round((nominal * (limits.lendablePercent ?? 0)) / 100);
  const borrowing = spec.limited?.borrowingLimitPercent;
  const ceiling = borrowing === undefined ? total : nominal + Math.round((nominal * borrowing) / 100);
  return { nominal, floor, ceiling };
}
