const initialMs = 10_000;
const maxMs = 300_000;

interface Entry {
  backoffMs: number;
  lastUpdate: number;
}

/**
 * Doubling delays by key, as k8s.io/client-go/util/flowcontrol.Backoff: 10 s up to 5 min, forgotten when twice the
 * maximum has passed since the last time.
 */
export class RestartBackoff {
  readonly #entries: Map<string, Entry>;
  readonly #initialMs: number;
  readonly #maxMs: number;

  constructor(options: { initialMs?: number; maxMs?: number; entries?: Iterable<readonly [string, Entry]> } = {}) {
    this.#initialMs = options.initialMs ?? initialMs;
    this.#maxMs = options.maxMs ?? maxMs;
    this.#entries = new Map(options.entries);
  }

  /** How long to wait still before what happened at `since` may be tried again; 0 for now. */
  remainingMs(key: string, since: number, now: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, since)) return 0;
    return Math.max(0, since + entry.backoffMs - now);
  }

  /** The delay in force, for messages. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.backoffMs ?? 0;
  }

  next(key: string, since: number, now: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#expired(entry, since)) {
      this.#entries.set(key, { backoffMs: this.#initialMs, lastUpdate: now });
      return;
    }
    entry.backoffMs = Math.min(this.#maxMs, entry.backoffMs * 2);
    entry.lastUpdate = now;
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  /** For the checkpoint. */
  entries(prefix: string): [string, Entry][] {
    return [...this.#entries].filter(([key]) => key.startsWith(prefix)).map(([key, entry]) => [key, { ...entry }]);
  }

  restore(entries: Iterable<readonly [string, Entry]>): void {
    for (const [key, entry] of entries) this.#entries.set(key, { ...entry });
  }

  #expired(entry: Entry, since: number): boolean {
    return since - entry.lastUpdate > this.#maxMs * 2;
  }
}

/** `10s`, `1m20s`, `5m0s`: a Go duration, as it stands in upstream's messages. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}
