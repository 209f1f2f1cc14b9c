import type { Namespace, Node, Pod } from '../api/core/v1/types.generated.ts';
import type { Informer } from '../client/contract.ts';
import { equal } from '../machinery/json.ts';
import { type KubeObject, objectKey } from '../machinery/meta.ts';
import type { AssumedPods } from './assumed-pods.ts';
import type { ClusterEvent } from './cluster-event.ts';
import { podInfoOf } from './pod-info.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';
import type { ClusterSnapshot } from './snapshot.ts';

export interface ClusterWatchOptions {
  readonly snapshot: ClusterSnapshot;
  readonly queue: SchedulingQueue;
  readonly assumed: AssumedPods;
  readonly schedulerName: string;
  /** Called after every change that may have brought work. */
  readonly wake: () => void;
}

/** Where a pod stands for the scheduler. */
type PodState = 'waiting' | 'assigned' | 'none';

/** Carries what the informers see into the snapshot and the queue. */
export class ClusterWatch {
  readonly #options: ClusterWatchOptions;

  constructor(options: ClusterWatchOptions) {
    this.#options = options;
  }

  watch(pods: Informer<Pod>, nodes: Informer<Node>, namespaces: Informer<Namespace>): void {
    nodes.addHandler({
      added: (node) => this.#nodeChanged(undefined, node),
      updated: (old, node) => this.#nodeChanged(old, node),
      deleted: (node) => this.#options.snapshot.removeNode(node.metadata.name ?? ''),
    });
    pods.addHandler({
      added: (pod) => this.#podChanged(undefined, pod),
      updated: (old, pod) => this.#podChanged(old, pod),
      deleted: (pod) => this.#podGone(pod),
    });
    namespaces.addHandler({
      updated: (old, namespace) => {
        if (!equal(old.metadata.labels, namespace.metadata.labels)) this.#announce('namespaceLabelsChanged');
      },
    });
  }

  /** Claims, volumes and classes: what a pod with volumes waits for. */
  watchStorage(...informers: readonly Pick<Informer<KubeObject>, 'addHandler'>[]): void {
    const changed = (): void => this.#announce('storageChanged');
    for (const informer of informers) informer.addHandler({ added: changed, updated: changed });
  }

  #nodeChanged(old: Node | undefined, node: Node): void {
    const events = nodeEvents(old, node);
    this.#options.snapshot.setNode(node);
    for (const event of events) this.#announce(event);
  }

  #podChanged(old: Pod | undefined, pod: Pod): void {
    if (old !== undefined && old.metadata.uid !== pod.metadata.uid) {
      this.#podGone(old);
      this.#podChanged(undefined, pod);
      return;
    }
    switch (this.#stateOf(pod)) {
      case 'waiting':
        this.#podWaits(old, pod);
        break;
      case 'assigned':
        this.#podAssigned(old, pod);
        break;
      default:
        this.#podGone(old ?? pod);
    }
  }

  #podWaits(old: Pod | undefined, pod: Pod): void {
    const { snapshot, queue, assumed, wake } = this.#options;
    if (old !== undefined && old.metadata.resourceVersion === pod.metadata.resourceVersion) return;
    const info = podInfoOf(pod);
    if (assumed.has(info.key)) return;
    snapshot.nominate(info, pod.status?.nominatedNodeName ?? '');
    queue.set(info, old === undefined || placementChanged(old, pod));
    wake();
  }

  #podAssigned(old: Pod | undefined, pod: Pod): void {
    const { snapshot, queue, assumed } = this.#options;
    const info = podInfoOf(pod);
    const before = snapshot.pod(info.key);
    const confirmed = assumed.has(info.key);
    assumed.confirm(info.key);
    snapshot.clearNomination(info.key);
    queue.delete(info.key);
    snapshot.setPod(info, pod.spec?.nodeName ?? '');
    if (old === undefined || this.#stateOf(old) !== 'assigned') {
      this.#announce('podAssigned');
      return;
    }
    if (confirmed || before === undefined) return;
    if (before.request.milliCpu > info.request.milliCpu || before.request.memory > info.request.memory) {
      this.#announce('assignedPodScaledDown');
    }
    if (!equal(old.metadata.labels, pod.metadata.labels)) this.#announce('assignedPodLabelsChanged');
  }

  #podGone(pod: Pod): void {
    const { snapshot, queue, assumed } = this.#options;
    const key = objectKey(pod);
    queue.delete(key);
    snapshot.clearNomination(key);
    const held = snapshot.pod(key);
    assumed.confirm(key);
    snapshot.removePod(key);
    if (held !== undefined) this.#announce('assignedPodGone');
  }

  #stateOf(pod: Pod): PodState {
    const phase = pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') return 'none';
    if ((pod.spec?.nodeName ?? '') !== '') return 'assigned';
    if (pod.metadata.deletionTimestamp !== undefined) return 'none';
    return (pod.spec?.schedulerName ?? this.#options.schedulerName) === this.#options.schedulerName
      ? 'waiting'
      : 'none';
  }

  #announce(event: ClusterEvent): void {
    this.#options.queue.moveOn(event);
    this.#options.wake();
  }
}

/** Whether the change is one that placement looks at; the scheduler's own status writes are not. */
function placementChanged(old: Pod, pod: Pod): boolean {
  return !equal(old.metadata.labels, pod.metadata.labels) || !equal(old.spec, pod.spec);
}

function nodeEvents(old: Node | undefined, node: Node): ClusterEvent[] {
  if (old === undefined) return ['nodeAdded'];
  const events: ClusterEvent[] = [];
  if (!equal(old.status?.allocatable, node.status?.allocatable)) events.push('nodeAllocatableChanged');
  if (!equal(old.metadata.labels, node.metadata.labels)) events.push('nodeLabelsChanged');
  const taintsChanged = !equal(old.spec?.taints, node.spec?.taints);
  if (taintsChanged || old.spec?.unschedulable !== node.spec?.unschedulable) events.push('nodeTaintsChanged');
  return events;
}
