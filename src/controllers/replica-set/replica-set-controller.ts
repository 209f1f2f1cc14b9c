import type { ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { createWorkQueue, type WorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { claim } from '../claim.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { controllerOf } from '../owners.ts';
import { inDeletionOrder } from '../pods/deletion-order.ts';
import { createPodControl, isNamespaceTerminating, messageOf, type PodControl } from '../pods/pod-control.ts';
import { type PodIndex, podIndex } from '../pods/pod-index.ts';
import { isPodActive, isPodAvailable, isPodReady } from '../pods/pod-state.ts';
import { slowStart } from '../slow-start.ts';
import { type ReplicaSetSource, replicaSetSource, replicationControllerSource } from './replica-set-source.ts';
import { type ReplicaFailure, replicaSetStatus } from './replica-set-status.ts';

/** Pods made or deleted in one go; the next sync does the rest. */
const burstReplicas = 500;

/** Keeps as many pods as each ReplicaSet asks for. Inputs: ReplicaSets, Pods. Outputs: Pods, ReplicaSet status. */
export function replicaSetController(context: ControllerContext): Controller {
  return controllerOfSource('replicaset', context, replicaSetSource(context));
}

/** The same for ReplicationControllers. */
export function replicationController(context: ControllerContext): Controller {
  return controllerOfSource('replicationcontroller', context, replicationControllerSource(context));
}

function controllerOfSource(name: string, context: ControllerContext, source: ReplicaSetSource): Controller {
  const control = createPodControl(context.client, context.recorder(source.component));
  const syncer = new ReplicaSetSyncer(context, source, control);
  return { name, queue: syncer.queue, reconcile: (key) => syncer.sync(key), workers: 5 };
}

class ReplicaSetSyncer {
  readonly queue: WorkQueue = createWorkQueue();
  private readonly context: ControllerContext;
  private readonly sets: ReplicaSetSource;
  private readonly pods: PodIndex;
  private readonly control: PodControl;
  private readonly expectations = new Expectations();

  constructor(context: ControllerContext, sets: ReplicaSetSource, control: PodControl) {
    this.context = context;
    this.sets = sets;
    this.control = control;
    this.pods = podIndex(context.informers);
    sets.addHandler({
      added: (set) => this.queue.add(objectKey(set)),
      updated: (_old, set) => this.queue.add(objectKey(set)),
      deleted: (set) => {
        this.expectations.forget(objectKey(set));
        this.queue.add(objectKey(set));
      },
    });
    this.pods.informer.addHandler({
      added: (pod) => this.podAdded(pod),
      updated: (old, pod) => this.podUpdated(old, pod),
      deleted: (pod) => this.podDeleted(pod),
    });
  }

  async sync(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const set = this.sets.get(key);
    if (set === undefined) {
      this.expectations.forget(key);
      return undefined;
    }
    const settled = this.expectations.satisfied(key);
    const active = (await this.claimPods(set)).filter(isPodActive);
    const failure =
      settled && set.metadata.deletionTimestamp === undefined ? await this.manage(key, set, active) : undefined;
    await this.writeStatus(set, active, failure);
    if (failure !== undefined) throw failure.error;
    return requeueForAvailability(set, active, Date.now());
  }

  private claimPods(set: ReplicaSet): Promise<Pod[]> {
    const { namespace = '', name, uid = '' } = set.metadata;
    const candidates = [...this.pods.controlledBy(uid), ...this.pods.orphansIn(namespace).filter(isPodActive)];
    const client = this.context.client;
    return claim(candidates, {
      owner: set,
      freshOwner: () => this.sets.read({ namespace, name }),
      selector: selectorOf(set.spec?.selector),
      client: client.resource(this.pods.informer.type),
    });
  }

  /** Makes or deletes pods; answers what went wrong. */
  private async manage(
    key: string,
    set: ReplicaSet,
    active: readonly Pod[],
  ): Promise<(ReplicaFailure & { error: unknown }) | undefined> {
    const difference = active.length - (set.spec?.replicas ?? 1);
    if (difference < 0) return this.createPods(key, set, Math.min(-difference, burstReplicas));
    if (difference > 0) return this.deletePods(key, set, active, Math.min(difference, burstReplicas));
    return undefined;
  }

  private async createPods(key: string, set: ReplicaSet, count: number) {
    const template = set.spec?.template ?? {};
    this.expectations.expectCreations(key, count);
    const { succeeded, failure } = await slowStart(count, () => this.control.create(set, template));
    for (let missing = succeeded; missing < count; missing++) this.expectations.creationObserved(key);
    if (failure === undefined || isNamespaceTerminating(failure)) return undefined;
    return { reason: 'FailedCreate' as const, message: messageOf(failure), error: failure };
  }

  private async deletePods(key: string, set: ReplicaSet, active: readonly Pod[], count: number) {
    const chosen = count === active.length ? active : inDeletionOrder(active, this.neighboursOf(set), Date.now());
    const doomed = chosen.slice(0, count);
    this.expectations.expectDeletions(key, doomed.map(objectKey));
    let failure: unknown;
    const deletions = doomed.map(async (pod) => {
      try {
        await this.control.delete(set, pod);
      } catch (error) {
        this.expectations.deletionObserved(key, objectKey(pod));
        if (!isNotFound(error)) failure ??= error;
      }
    });
    await Promise.all(deletions);
    if (failure === undefined) return undefined;
    return { reason: 'FailedDelete' as const, message: messageOf(failure), error: failure };
  }

  /** How many pods of the same Deployment run on a pod's node. */
  private neighboursOf(set: ReplicaSet): (pod: Pod) => number {
    const counts = new Map<string, number>();
    for (const { metadata } of this.sets.siblings(set)) {
      for (const pod of this.pods.controlledBy(metadata.uid ?? '')) {
        if (!isPodActive(pod)) continue;
        const node = pod.spec?.nodeName ?? '';
        counts.set(node, (counts.get(node) ?? 0) + 1);
      }
    }
    return (pod) => counts.get(pod.spec?.nodeName ?? '') ?? 0;
  }

  private async writeStatus(set: ReplicaSet, active: readonly Pod[], failure: ReplicaFailure | undefined) {
    const reported = failure === undefined ? undefined : { reason: failure.reason, message: failure.message };
    const status = replicaSetStatus(set, active, reported, Date.now());
    if (equal(status, { ...set.status, replicas: set.status?.replicas ?? -1 })) return;
    try {
      await this.sets.writeStatus({ ...set, status });
    } catch (error) {
      // Gone meanwhile: nobody is left to tell.
      if (!isNotFound(error)) throw error;
    }
  }

  private podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.podDeleted(pod);
      return;
    }
    const owner = this.ownerOf(pod);
    if (owner !== undefined) {
      this.expectations.creationObserved(objectKey(owner));
      this.queue.add(objectKey(owner));
    } else if (controllerOf(pod) === undefined) this.addSelecting(pod);
  }

  private podUpdated(old: Pod, pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined) {
      this.podDeleted(pod);
      return;
    }
    const before = this.ownerOf(old);
    const owner = this.ownerOf(pod);
    if (before !== undefined && before.metadata.uid !== owner?.metadata.uid) this.queue.add(objectKey(before));
    if (owner !== undefined) {
      this.queue.add(objectKey(owner));
      return;
    }
    const orphaned = controllerOf(pod) === undefined;
    if (orphaned && (before !== undefined || !equal(old.metadata.labels, pod.metadata.labels))) this.addSelecting(pod);
  }

  private podDeleted(pod: Pod): void {
    const owner = this.ownerOf(pod);
    if (owner === undefined) return;
    this.expectations.deletionObserved(objectKey(owner), objectKey(pod));
    this.queue.add(objectKey(owner));
  }

  private ownerOf(pod: Pod): ReplicaSet | undefined {
    const controller = controllerOf(pod);
    if (controller?.kind !== this.sets.kind) return undefined;
    const set = this.sets.get(`${pod.metadata.namespace ?? ''}/${controller.name}`);
    return set?.metadata.uid === controller.uid ? set : undefined;
  }

  /** Every ReplicaSet that could adopt an orphan. */
  private addSelecting(pod: Pod): void {
    for (const set of this.sets.list(pod.metadata.namespace)) {
      if (selectorOf(set.spec?.selector).matches(pod.metadata.labels)) this.queue.add(objectKey(set));
    }
  }
}

/** A pod that is ready becomes available by the clock alone, which no event tells. */
function requeueForAvailability(
  set: ReplicaSet,
  active: readonly Pod[],
  now: number,
): { requeueAfterMs: number } | undefined {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  if (minReadySeconds === 0) return undefined;
  const waits = active.some((pod) => isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, now));
  return waits ? { requeueAfterMs: minReadySeconds * 1000 } : undefined;
}
