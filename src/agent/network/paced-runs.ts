export interface PacedRunsOptions {
  readonly run: () => Promise<void>;
  /** A run that fails is told of here, and tried again. */
  readonly failed: (error: unknown) => void;
  /** Runs are at least this far apart, in ms; the first after a quiet time is at once. */
  readonly intervalMs: number;
  /** After a failure, in ms. */
  readonly retryMs: number;
}

/** Work that many small changes ask for: one run at a time, and one more for all that was asked for meanwhile. */
export class PacedRuns {
  readonly #options: PacedRunsOptions;
  #asked = false;
  #running = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: PacedRunsOptions) {
    this.#options = options;
  }

  ask(): void {
    this.#asked = true;
    this.#schedule(0);
  }

  /** Resolves when all that was asked for is done, or nothing more will be. */
  settled(): Promise<void> {
    if (this.#timer === undefined && !this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Lets a run that is under way end, and begins no other. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#settle();
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#running || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#run();
    }, delayMs);
  }

  async #run(): Promise<void> {
    const { run, failed, intervalMs, retryMs } = this.#options;
    this.#running = true;
    this.#asked = false;
    let pauseMs = intervalMs;
    try {
      await run();
    } catch (error) {
      failed(error);
      this.#asked = true;
      pauseMs = retryMs;
    }
    this.#running = false;
    if (this.#asked) this.#schedule(pauseMs);
    else this.#settle();
  }

  #settle(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
