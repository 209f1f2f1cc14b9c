import { sleep } from './delay.ts';

/** Spreads calls to at most `qps` a second after a burst. A caller's turn is booked when it asks. */
export function createRequestLimit(qps: number, burst: number): (signal?: AbortSignal) => Promise<void> {
  const spacingMs = 1000 / qps;
  /** The time at which the bucket would be full again. */
  let fullAt = 0;
  return async (signal) => {
    const now = Date.now();
    fullAt = Math.max(fullAt, now) + spacingMs;
    const waitMs = fullAt - now - burst * spacingMs;
    if (waitMs > 0) await sleep(waitMs, signal);
  };
}
