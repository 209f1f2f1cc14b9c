import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { Informer, WorkQueue } from '../../client/index.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { type KubeObject, objectKey } from '../../machinery/meta.ts';
import type { LabelSelector } from '../../machinery/meta-types.generated.ts';
import type { Expectations } from '../expectations.ts';
import { controllerOf } from '../owners.ts';

interface Owner extends KubeObject {
  readonly spec?: { readonly selector?: LabelSelector };
}

export interface OwnedPodsOptions<T extends Owner> {
  readonly kind: string;
  readonly owners: Informer<T>;
  readonly pods: Informer<Pod>;
  readonly expectations: Expectations;
  readonly queue: WorkQueue;
}

/** Queues the owner of every pod that changes, and whoever could adopt one that has no owner. */
export function watchOwnedPods<T extends Owner>({
  kind,
  owners,
  pods,
  expectations,
  queue,
}: OwnedPodsOptions<T>): void {
  const ownerOf = (pod: Pod): T | undefined => {
    const controller = controllerOf(pod);
    if (controller?.kind !== kind) return undefined;
    const owner = owners.get(`${pod.metadata.namespace ?? ''}/${controller.name}`);
    return owner?.metadata.uid === controller.uid ? owner : undefined;
  };
  const queueOwner = (pod: Pod): T | undefined => {
    const owner = ownerOf(pod);
    if (owner !== undefined) queue.add(objectKey(owner));
    else if (controllerOf(pod) === undefined) {
      for (const candidate of owners.list(pod.metadata.namespace)) {
        if (selectorOf(candidate.spec?.selector).matches(pod.metadata.labels)) queue.add(objectKey(candidate));
      }
    }
    return owner;
  };
  const gone = (pod: Pod): void => {
    const owner = queueOwner(pod);
    if (owner !== undefined) expectations.deletionObserved(objectKey(owner), objectKey(pod));
  };
  pods.addHandler({
    added(pod) {
      if (pod.metadata.deletionTimestamp !== undefined) {
        gone(pod);
        return;
      }
      const owner = queueOwner(pod);
      if (owner !== undefined) expectations.creationObserved(objectKey(owner));
    },
    updated(old, pod) {
      if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) queueOwner(old);
      if (pod.metadata.deletionTimestamp !== undefined && old.metadata.deletionTimestamp === undefined) gone(pod);
      else queueOwner(pod);
    },
    deleted: gone,
  });
}
