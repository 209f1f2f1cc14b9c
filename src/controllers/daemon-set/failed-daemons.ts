const delayMsMin = 1_000;
const delayMsMax = 900_000;

/**
 * Holds back the replacement of daemons that fail again and again on a node (a port that is taken, no room): without it
 * they would be made and deleted as fast as the cluster can. As upstream, a second at first, a quarter of an hour at most.
 */
export class FailedDaemons {
  private readonly replaced = new Map<string, { readonly at: number; readonly delayMs: number }>();

  /** How long the failed daemon of `key` (set and node) must stay, in ms; 0 notes that it is replaced now. */
  delay(key: string, now: number): number {
    const last = this.replaced.get(key);
    const passedMs = last === undefined ? Number.POSITIVE_INFINITY : now - last.at;
    if (last !== undefined && passedMs < last.delayMs) return last.delayMs - passedMs;
    // One that has worked for long starts anew.
    const isNew = last === undefined || passedMs > 2 * delayMsMax;
    this.replaced.set(key, { at: now, delayMs: isNew ? delayMsMin : Math.min(last.delayMs * 2, delayMsMax) });
    return 0;
  }

  /** Of all nodes of a set that is gone. */
  forget(setUid: string): void {
    for (const key of this.replaced.keys()) if (key.startsWith(`${setUid}/`)) this.replaced.delete(key);
  }
}
