import type { PodInfo } from './pod-info.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** How long a bound pod may stay out of sight before it is given up, in ms. */
const expiryMs = 5 * 60_000;

/**
 * Pods that count as placed before the watch has shown them placed, so that the next cycle does not give their room
 * away. Each ends confirmed by the watch, forgotten after a failed binding, or expired.
 */
export class AssumedPods {
  readonly #snapshot: ClusterSnapshot;
  readonly #now: () => number;
  /** Key -> when the binding was accepted, in ms; Infinity while it is under way. */
  readonly #boundAt = new Map<string, number>();

  constructor(snapshot: ClusterSnapshot, now: () => number) {
    this.#snapshot = snapshot;
    this.#now = now;
  }

  has(key: string): boolean {
    return this.#boundAt.has(key);
  }

  assume(pod: PodInfo, nodeName: string): void {
    this.#snapshot.setPod(pod, nodeName);
    this.#boundAt.set(pod.key, Number.POSITIVE_INFINITY);
  }

  bound(key: string): void {
    if (this.#boundAt.has(key)) this.#boundAt.set(key, this.#now());
  }

  /** The watch has shown where the pod is: no longer an assumption. */
  confirm(key: string): void {
    this.#boundAt.delete(key);
  }

  /** Takes the assumption back; false when there was none any more. */
  forget(key: string): boolean {
    if (!this.#boundAt.delete(key)) return false;
    this.#snapshot.removePod(key);
    return true;
  }

  expire(): void {
    const oldest = this.#now() - expiryMs;
    for (const [key, boundAt] of this.#boundAt) if (boundAt < oldest) this.forget(key);
  }
}
