import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PodDisruptionBudget } from '../api/policy/v1/types.generated.ts';
import type { Lister } from '../client/contract.ts';
import type { Logger } from '../machinery/logger.ts';
import { isConflict, isNotFound } from '../machinery/status-error.ts';
import type { AssumedPods } from './assumed-pods.ts';
import { failureMessage } from './failure-message.ts';
import type { PlacementWriter } from './placement-writer.ts';
import type { Plugin } from './plugins/plugin.ts';
import type { PodInfo } from './pod-info.ts';
import { type PreemptionResult, planPreemption } from './preemption.ts';
import type { QueuedPod, SchedulingQueue } from './queue/scheduling-queue.ts';
import { type Diagnosis, schedule } from './schedule.ts';
import type { ClusterSnapshot } from './snapshot.ts';
import type { Waker } from './waker.ts';

/** Bindings under way at a time; the queue waits while there are as many. */
const bindingsMax = 256;
/** How long cycles may run before other work of the process gets its turn, in ms. */
const sliceMs = 5;
/** How often waiting pods and assumptions are looked over when nothing happens, in ms. */
const idleMs = 10_000;

export interface SchedulerOptions {
  readonly snapshot: ClusterSnapshot;
  readonly queue: SchedulingQueue;
  readonly assumed: AssumedPods;
  readonly writer: PlacementWriter;
  readonly waker: Waker;
  readonly budgets: Lister<PodDisruptionBudget>;
  readonly plugins: readonly Plugin[];
  readonly percentageOfNodesToScore: number;
  readonly logger: Logger;
  /** ms since the epoch */
  readonly now: () => number;
  readonly random: () => number;
  /** Ends what waits between a choice and its binding. */
  readonly signal: AbortSignal;
}

/** A plugin could not do what must come before the binding. */
class PreBindError extends Error {
  override readonly name = 'PreBindError';
}

/** Takes pods from the queue one by one, decides on each in one go, and lets bindings run beside the next decisions. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #bindings = 0;
  #startIndex = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, assumed, waker } = this.#options;
    let sliceEnd = performance.now() + sliceMs;
    while (!signal.aborted) {
      queue.tick();
      const queued = this.#bindings < bindingsMax ? queue.pop() : undefined;
      if (queued === undefined) {
        assumed.expire();
        await waker.sleep(this.#idleTime(), signal);
      } else {
        this.#attempt(queued);
        if (performance.now() < sliceEnd) continue;
        await nextTurn();
      }
      sliceEnd = performance.now() + sliceMs;
    }
  }

  #idleTime(): number {
    const { queue, now } = this.#options;
    const next = queue.nextTickAt;
    return next === undefined ? idleMs : Math.min(idleMs, Math.max(1, next - now()));
  }

  /** A pod that breaks the rules of a plugin must not stop the others. */
  #attempt(queued: QueuedPod): void {
    try {
      this.#scheduleOne(queued);
    } catch (err) {
      this.#options.logger.error({ err, pod: queued.pod.key }, 'Scheduling a pod failed');
      this.#options.queue.setFailed(queued);
    }
  }

  #scheduleOne(queued: QueuedPod): void {
    const { snapshot, assumed, plugins, percentageOfNodesToScore, random } = this.#options;
    const { pod } = queued;
    const result = schedule(snapshot, pod, { plugins, percentageOfNodesToScore, random, startIndex: this.#startIndex });
    if (result.kind === 'unschedulable') {
      this.#handleUnschedulable(queued, result.diagnosis);
      return;
    }
    this.#startIndex = (this.#startIndex + result.evaluated) % Math.max(1, snapshot.nodes.length);
    snapshot.clearNomination(pod.key);
    assumed.assume(pod, result.node);
    this.#detach(this.#bind(queued, result.node));
  }

  async #bind(queued: QueuedPod, node: string): Promise<void> {
    const { assumed, writer, queue, waker } = this.#options;
    const { pod } = queued;
    this.#bindings += 1;
    try {
      await this.#prepareBinding(pod, node);
      await writer.bind(pod, node);
      assumed.bound(pod);
    } catch (err) {
      // The watch may have shown the pod placed or gone by now; then there is nothing left to take back.
      if (assumed.forget(pod)) {
        queue.moveOn('assignedPodGone');
        if (!isNotFound(err)) queue.setFailed(queued);
      }
      if (isNotFound(err) || isConflict(err)) return;
      const message = err instanceof PreBindError ? err.message : `binding rejected: ${messageOf(err)}`;
      await writer.reportUnschedulable(pod.pod, 'SchedulerError', message);
      throw err;
    } finally {
      this.#bindings -= 1;
      waker.wake();
    }
  }

  async #prepareBinding(pod: PodInfo, nodeName: string): Promise<void> {
    const { plugins, snapshot, signal } = this.#options;
    const node = snapshot.node(nodeName)?.node;
    if (node === undefined) return;
    for (const { name, preBind } of plugins) {
      try {
        await preBind?.(pod, node, signal);
      } catch (err) {
        if (isConflict(err)) throw err;
        throw new PreBindError(`running PreBind plugin "${name}": ${messageOf(err)}`, { cause: err });
      }
    }
  }

  #handleUnschedulable(queued: QueuedPod, diagnosis: Diagnosis): void {
    const { snapshot, queue, writer, budgets, plugins, random } = this.#options;
    const { pod } = queued;
    queue.setUnschedulable(queued, diagnosis.plugins);
    const offset = Math.floor(random() * diagnosis.nodeCount);
    const preemption = planPreemption(snapshot, pod, diagnosis, { plugins, budgets: budgets.list(), offset });
    const message = failureMessage(diagnosis, preemption.kind === 'none' ? preemption.message : '');
    const nominated =
      preemption.kind === 'evict' ? preemption.eviction.node : preemption.keepsNomination ? undefined : '';
    if (nominated === '') snapshot.clearNomination(pod.key);
    this.#detach(writer.reportUnschedulable(pod.pod, 'Unschedulable', message, nominated));
    this.#makeRoom(queued, preemption);
  }

  #makeRoom({ pod }: QueuedPod, preemption: PreemptionResult): void {
    if (preemption.kind === 'none') return;
    const { snapshot, writer } = this.#options;
    const { eviction } = preemption;
    for (const other of snapshot.nominated(eviction.node)) {
      if (other.priority >= pod.priority || other.key === pod.key) continue;
      snapshot.clearNomination(other.key);
      this.#detach(writer.clearNomination(other.pod));
    }
    snapshot.nominate(pod, eviction.node);
    this.#detach(writer.evict(pod.pod, eviction));
  }

  /** Lets a write go on beside the loop; its failure is logged, and what it was for is tried again by the queue. */
  #detach(write: Promise<void>): void {
    write.catch((err: unknown) => this.#options.logger.warn({ err }, 'Writing a placement failed'));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
