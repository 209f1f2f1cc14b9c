import type { Binding, Pod, PodCondition } from '../api/core/v1/types.generated.ts';
import { pods } from '../api/resource-types.ts';
import type { Client, EventRecorder, ObjectRef } from '../client/contract.ts';
import { isNotFound } from '../machinery/status-error.ts';
import { rfc3339 } from '../machinery/time.ts';
import type { PodInfo } from './pod-info.ts';
import type { Eviction } from './preemption.ts';

export interface PlacementWriterOptions {
  readonly client: Client;
  readonly recorder: EventRecorder;
  readonly schedulerName: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Writes to the API what was decided about a pod. */
export class PlacementWriter {
  readonly #options: PlacementWriterOptions;

  constructor(options: PlacementWriterOptions) {
    this.#options = options;
  }

  async bind({ pod, key }: PodInfo, nodeName: string): Promise<void> {
    const { client, recorder, signal } = this.#options;
    const { name = '', namespace = '', uid } = pod.metadata;
    const binding: Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, ...(uid === undefined ? {} : { uid }) },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    };
    await client.resource(pods).createSubresource(refOf(pod), 'binding', binding, { signal });
    recorder.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${nodeName}`);
  }

  /**
   * Says on the pod and in an Event why it has no node. `nominatedNodeName` is set where room is being made for it;
   * undefined leaves what is there, empty clears it.
   */
  async reportUnschedulable(pod: Pod, reason: string, message: string, nominatedNodeName?: string): Promise<void> {
    this.#options.recorder.event(pod, 'Warning', 'FailedScheduling', message);
    const before = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const nominationChanges =
      nominatedNodeName !== undefined && nominatedNodeName !== (pod.status?.nominatedNodeName ?? '');
    const same = before?.status === 'False' && before.reason === reason && before.message === message;
    if (same && !nominationChanges) return;
    const condition: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: this.#transitionTime(before),
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    };
    const nomination = nominationChanges
      ? { nominatedNodeName: nominatedNodeName === '' ? null : nominatedNodeName }
      : {};
    await this.#patchStatus(pod, { conditions: [condition], ...nomination });
  }

  /** Marks and deletes the pods that make room. Those that are on their way out already are left alone. */
  async evict(preemptor: Pod, { node, victims }: Eviction): Promise<void> {
    const leaving = victims.map(async ({ pod }) => {
      if (pod.metadata.deletionTimestamp !== undefined) return;
      await this.#markDisrupted(pod);
      await this.#ignoringNotFound(this.#deletePod(pod));
      this.#options.recorder.event(
        pod,
        'Normal',
        'Preempted',
        `Preempted by pod ${preemptor.metadata.uid} on node ${node}`,
      );
    });
    await Promise.all(leaving);
  }

  async clearNomination(pod: Pod): Promise<void> {
    await this.#patchStatus(pod, { nominatedNodeName: null });
  }

  #deletePod(pod: Pod): Promise<void> {
    const { uid } = pod.metadata;
    return this.#options.client
      .resource(pods)
      .delete(refOf(pod), uid === undefined ? undefined : { preconditions: { uid } });
  }

  #markDisrupted(pod: Pod): Promise<void> {
    const condition: PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${this.#options.schedulerName}: preempting to accommodate a higher priority pod`,
      lastTransitionTime: rfc3339(this.#options.now()),
    };
    return this.#patchStatus(pod, { conditions: [condition] });
  }

  #transitionTime(before: PodCondition | undefined): string {
    if (before?.status === 'False' && before.lastTransitionTime !== undefined) return before.lastTransitionTime;
    return rfc3339(this.#options.now());
  }

  async #patchStatus(pod: Pod, status: object): Promise<void> {
    const { client, signal } = this.#options;
    const { uid } = pod.metadata;
    const body = { ...(uid === undefined ? {} : { metadata: { uid } }), status };
    const written = client
      .resource(pods)
      .patch(refOf(pod), { type: 'strategic', body }, { subresource: 'status', signal });
    await this.#ignoringNotFound(written);
  }

  /** A pod that is gone needs no word about its placement. */
  async #ignoringNotFound(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

function refOf(pod: Pod): ObjectRef {
  return { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' };
}
