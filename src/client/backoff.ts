export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** The wait is up to this share longer, by chance, so that clients of one server do not return together. */
  readonly jitter: number;
}

/** Waits that double from `initialMs` to `maxMs` until `reset`. */
export class Backoff {
  private readonly options: BackoffOptions;
  private nextMs: number;

  constructor(options: BackoffOptions) {
    this.options = options;
    this.nextMs = options.initialMs;
  }

  reset(): void {
    this.nextMs = this.options.initialMs;
  }

  takeMs(): number {
    const { maxMs, jitter } = this.options;
    const waitMs = this.nextMs * (1 + Math.random() * jitter);
    this.nextMs = Math.min(this.nextMs * 2, maxMs);
    return waitMs;
  }
}
