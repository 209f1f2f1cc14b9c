import type { ClusterEvent } from '../cluster-event.ts';
import type { Plugin } from '../plugins/plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { KeyedHeap } from './heap.ts';

/** Milliseconds; upstream's defaults. */
const backoffInitialMs = 1_000;
const backoffMaxMs = 10_000;
/** A pod nothing seemed to help is tried again after this long anyway. */
const unschedulableMaxMs = 5 * 60_000;

/** A pod that waits for a node, with its history. */
export interface QueuedPod {
  readonly pod: PodInfo;
  /** When it came, in ms; orders pods of the same priority. */
  readonly addedAt: number;
  readonly attempts: number;
  /** When the last attempt ended; 0 before the first. */
  readonly failedAt: number;
  /** The rules that turned it away last; empty after an error, which nothing but time helps. */
  readonly rejectedBy: ReadonlySet<string>;
}

/**
 * Where pods wait, in one of four places: `active` (by priority, then age), `backoff` (failed a short while ago),
 * `unschedulable` (until the cluster changes in a way one of the rules that turned it away cares for), `gated`.
 * The clock comes in from outside: `tick` moves what is due, and `nextTickAt` says when that is.
 */
export class SchedulingQueue {
  readonly #plugins: ReadonlyMap<string, Plugin>;
  readonly #now: () => number;
  readonly #active = new KeyedHeap<QueuedPod>(keyOf, goesFirst);
  readonly #backoff = new KeyedHeap<QueuedPod>(keyOf, (a, b) => backoffEnd(a) < backoffEnd(b));
  readonly #unschedulable = new Map<string, QueuedPod>();
  readonly #gated = new Map<string, QueuedPod>();

  constructor(plugins: readonly Plugin[], now: () => number) {
    this.#plugins = new Map(plugins.map((plugin) => [plugin.name, plugin]));
    this.#now = now;
  }

  get lengths(): { active: number; backoff: number; unschedulable: number; gated: number } {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size,
      unschedulable: this.#unschedulable.size,
      gated: this.#gated.size,
    };
  }

  /** A pod that is new here, or changed. A change of its spec or labels may itself make it schedulable. */
  set(pod: PodInfo, mayNowFit: boolean): void {
    const known = this.#find(pod.key);
    const queued: QueuedPod =
      known === undefined
        ? { pod, addedAt: this.#now(), attempts: 0, failedAt: 0, rejectedBy: new Set() }
        : { ...known, pod };
    if (isGated(pod)) {
      this.delete(pod.key);
      this.#gated.set(pod.key, queued);
    } else if (known === undefined || this.#gated.delete(pod.key)) {
      this.#active.push(queued);
    } else if (this.#unschedulable.has(pod.key)) {
      this.#unschedulable.set(pod.key, queued);
      if (mayNowFit) this.#move(queued);
    } else if (this.#backoff.get(pod.key) !== undefined) {
      this.#backoff.push(queued);
    } else {
      this.#active.push(queued);
    }
  }

  delete(key: string): void {
    this.#active.remove(key);
    this.#backoff.remove(key);
    this.#unschedulable.delete(key);
    this.#gated.delete(key);
  }

  pop(): QueuedPod | undefined {
    return this.#active.pop();
  }

  /** Back from an attempt no node was found in. */
  setUnschedulable(queued: QueuedPod, rejectedBy: ReadonlySet<string>): void {
    this.#unschedulable.set(keyOf(queued), this.#failed(queued, rejectedBy));
  }

  /** Back from an attempt that broke (a binding refused, a server away): tried again after its back-off. */
  setFailed(queued: QueuedPod): void {
    this.#backoff.push(this.#failed(queued, new Set()));
  }

  /** Moves the pods an event may help. */
  moveOn(event: ClusterEvent): void {
    for (const queued of this.#unschedulable.values()) if (this.#mayHelp(event, queued)) this.#move(queued);
  }

  /** Moves what has waited long enough. */
  tick(): void {
    const now = this.#now();
    for (
      let first = this.#backoff.peek();
      first !== undefined && backoffEnd(first) <= now;
      first = this.#backoff.peek()
    ) {
      this.#backoff.pop();
      this.#active.push(first);
    }
    for (const queued of this.#unschedulable.values()) {
      if (now - queued.failedAt >= unschedulableMaxMs) this.#move(queued);
    }
  }

  /** When a back-off ends next, in ms; undefined when none is running. */
  get nextTickAt(): number | undefined {
    const first = this.#backoff.peek();
    return first === undefined ? undefined : backoffEnd(first);
  }

  #find(key: string): QueuedPod | undefined {
    return this.#active.get(key) ?? this.#backoff.get(key) ?? this.#unschedulable.get(key) ?? this.#gated.get(key);
  }

  #failed(queued: QueuedPod, rejectedBy: ReadonlySet<string>): QueuedPod {
    return { ...queued, attempts: queued.attempts + 1, failedAt: this.#now(), rejectedBy };
  }

  #mayHelp(event: ClusterEvent, { rejectedBy }: QueuedPod): boolean {
    if (rejectedBy.size === 0) return event === 'nodeAdded';
    for (const name of rejectedBy) if (this.#plugins.get(name)?.retryOn.has(event) === true) return true;
    return false;
  }

  #move(queued: QueuedPod): void {
    this.#unschedulable.delete(keyOf(queued));
    if (backoffEnd(queued) <= this.#now()) this.#active.push(queued);
    else this.#backoff.push(queued);
  }
}

export function isGated({ pod }: PodInfo): boolean {
  return (pod.spec?.schedulingGates ?? []).length > 0;
}

function keyOf({ pod }: QueuedPod): string {
  return pod.key;
}

function goesFirst(a: QueuedPod, b: QueuedPod): boolean {
  return a.pod.priority === b.pod.priority ? a.addedAt < b.addedAt : a.pod.priority > b.pod.priority;
}

/** Doubles with every attempt. */
function backoffEnd({ attempts, failedAt }: QueuedPod): number {
  if (attempts === 0) return 0;
  return failedAt + Math.min(backoffMaxMs, backoffInitialMs * 2 ** (attempts - 1));
}
