import { tolerates } from '../api/core/v1/taints.ts';
import type { Node, Pod, Taint, Toleration } from '../api/core/v1/types.generated.ts';
import { nodes, pods } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { equal } from '../machinery/json.ts';
import { objectKey } from '../machinery/meta.ts';
import { isNotFound } from '../machinery/status-error.ts';
import { rfc3339 } from '../machinery/time.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { podIndex } from './pods/pod-index.ts';

/** Deletes pods from nodes with NoExecute taints when their toleration ends. Inputs: Nodes, Pods. Outputs: deletions. */
export function taintEvictionController(context: ControllerContext): Controller {
  const queue = createWorkQueue();
  const index = podIndex(context.informers);
  const informer = context.informers.informer(nodes);
  const recorder = context.recorder('taint-eviction-controller');
  /** Since when a pod's time runs, by key: nobody writes down when a taint was put on by hand. */
  const since = new Map<string, { readonly uid: string | undefined; readonly at: number }>();
  const addPodsOf = ({ metadata }: Node): void => {
    for (const pod of index.onNode(metadata.name)) queue.add(objectKey(pod));
  };
  informer.addHandler({
    added: addPodsOf,
    updated(old, node) {
      if (!equal(noExecuteTaints(old), noExecuteTaints(node))) addPodsOf(node);
    },
  });
  index.informer.addHandler({
    added: (pod) => queue.add(objectKey(pod)),
    updated(old, pod) {
      const moved = old.spec?.nodeName !== pod.spec?.nodeName;
      if (moved || !equal(old.spec?.tolerations, pod.spec?.tolerations)) queue.add(objectKey(pod));
    },
    deleted: (pod) => since.delete(objectKey(pod)),
  });
  return {
    name: 'taint-eviction',
    queue,
    workers: 4,
    async reconcile(key) {
      const pod = index.informer.get(key);
      const node = informer.get(pod?.spec?.nodeName ?? '');
      const uid = pod?.metadata.uid;
      const known = since.get(key);
      const start = known?.uid === uid && known !== undefined ? known.at : Date.now();
      const isGone = pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined;
      const at = isGone ? undefined : evictionTime(noExecuteTaints(node), pod.spec?.tolerations ?? [], start);
      if (isGone || at === undefined) {
        since.delete(key);
        return undefined;
      }
      since.set(key, { uid, at: start });
      const waitMs = at - Date.now();
      if (waitMs > 0) return { requeueAfterMs: waitMs };
      recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
      await evict(context, pod);
      return undefined;
    },
  };
}

async function evict({ client }: ControllerContext, pod: Pod): Promise<void> {
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: rfc3339(Date.now()),
  };
  const { uid } = pod.metadata;
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  try {
    await client.resource(pods).patch(pod.metadata, { type: 'strategic', body }, { subresource: 'status' });
    await client.resource(pods).delete(pod.metadata, uid === undefined ? {} : { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function noExecuteTaints(node: Node): Taint[] {
  return (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
}

/**
 * When a pod with these tolerations has to leave, in ms since the epoch; undefined: it may stay. `seenAt` stands for the
 * time of taints that have none.
 */
export function evictionTime(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  seenAt: number = Date.now(),
): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    const matching = tolerations.filter((toleration) => tolerates(toleration, taint));
    const start = taint.timeAdded === undefined ? seenAt : Date.parse(taint.timeAdded);
    if (matching.length === 0) return 0;
    const seconds = matching.map(({ tolerationSeconds }) => tolerationSeconds).filter((value) => value !== undefined);
    if (seconds.length === 0) continue;
    const end = start + Math.max(0, Math.min(...seconds)) * 1000;
    if (earliest === undefined || end < earliest) earliest = end;
  }
  return earliest;
}
