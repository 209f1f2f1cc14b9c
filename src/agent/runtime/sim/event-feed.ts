const waitingMax = 1000;

/** Hands each event to everyone who follows; one who falls too far behind misses the oldest. */
export class EventFeed<T> {
  readonly #followers = new Set<{ waiting: T[]; wake: () => void; ended: boolean }>();

  push(event: T): void {
    for (const follower of this.#followers) {
      if (follower.waiting.length >= waitingMax) follower.waiting.shift();
      follower.waiting.push(event);
      follower.wake();
    }
  }

  /** Ends the iteration of everyone who follows now. */
  end(): void {
    for (const follower of this.#followers) {
      follower.ended = true;
      follower.wake();
    }
  }

  async *follow(signal: AbortSignal): AsyncIterable<T> {
    const follower = { waiting: [] as T[], wake: (): void => undefined, ended: false };
    const abort = (): void => {
      follower.ended = true;
      follower.wake();
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#followers.add(follower);
    try {
      while (!follower.ended && !signal.aborted) {
        const event = follower.waiting.shift();
        if (event !== undefined) yield event;
        else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve;
          });
        }
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#followers.delete(follower);
    }
  }
}
