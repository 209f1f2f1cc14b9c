import type { PodInfo } from './pod-info.ts';
import type { ClusterSnapshot } from './snapshot.ts';

/** How long a bound pod may stay out of sight before it is given up, in ms. */
const expiryMs = 5 * 60_000;

interface Assumption {
  /** A pod of the same name may have taken the place of the one that was assumed. */
  readonly uid: string;
  /** When the binding was accepted, in ms; Infinity while it is under way. */
  readonly boundAt: number;
}

/**
 * Pods that count as placed before the watch has shown them placed, so that the next cycle does not give their room
 * away. Each ends confirmed by the watch, forgotten after a failed binding, or expired.
 */
export class AssumedPods {
  readonly #snapshot: ClusterSnapshot;
  readonly #now: () => number;
  readonly #assumptions = new Map<string, Assumption>();

  constructor(snapshot: ClusterSnapshot, now: () => number) {
    this.#snapshot = snapshot;
    this.#now = now;
  }

  has(key: string): boolean {
    return this.#assumptions.has(key);
  }

  assume(pod: PodInfo, nodeName: string): void {
    this.#snapshot.setPod(pod, nodeName);
    this.#assumptions.set(pod.key, { uid: pod.uid, boundAt: Number.POSITIVE_INFINITY });
  }

  bound({ key, uid }: PodInfo): void {
    if (this.#assumptions.get(key)?.uid === uid) this.#assumptions.set(key, { uid, boundAt: this.#now() });
  }

  /** The watch has shown where the pod is: no longer an assumption. */
  confirm(key: string): void {
    this.#assumptions.delete(key);
  }

  /** Takes the assumption back; false when there was none any more. */
  forget({ key, uid }: Pick<PodInfo, 'key' | 'uid'>): boolean {
    if (this.#assumptions.get(key)?.uid !== uid) return false;
    this.#assumptions.delete(key);
    this.#snapshot.removePod(key);
    return true;
  }

  expire(): void {
    const oldest = this.#now() - expiryMs;
    for (const [key, { uid, boundAt }] of this.#assumptions) if (boundAt < oldest) this.forget({ key, uid });
  }
}
