import type { Node, Pod } from '../api/core/v1/types.generated.ts';
import { nodes, pods } from '../api/resource-types.ts';
import { createWorkQueue, type Informer, sleep } from '../client/index.ts';
import { objectKey } from '../machinery/meta.ts';
import { isNotFound } from '../machinery/status-error.ts';
import { rfc3339 } from '../machinery/time.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { isPodFinished } from './pods/pod-state.ts';

const periodMs = 20_000;
/** A node must have been gone for this long before its pods go: its agent may be registering again. */
const nodeGoneMs = 40_000;
const finishedPodsMax = 12_500;

/** Removes pods that nobody else will: of nodes that are gone, ended ones past the limit, deleted before they ran. */
export function podGcController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const allPods = informers.informer(pods);
  const allNodes = informers.informer(nodes);
  const missing = new Map<string, number>();
  const collect = (): void => {
    noteMissingNodes(missing, allPods, allNodes, Date.now());
    for (const pod of doomedPods(allPods.list(), missing, Date.now())) queue.add(objectKey(pod));
  };
  return {
    name: 'pod-gc',
    queue,
    async reconcile(key) {
      const pod = allPods.get(key);
      if (pod === undefined) return undefined;
      const node = pod.spec?.nodeName ?? '';
      if (missing.has(node)) {
        if (await exists(context, node)) {
          missing.delete(node);
          return undefined;
        }
        await markLost(context, pod);
      }
      await forceDelete(client, pod);
      return undefined;
    },
    async beside(signal) {
      await informers.synced(signal).catch(() => undefined);
      while (!signal.aborted) {
        collect();
        await sleep(periodMs, signal).catch(() => undefined);
      }
    },
  };
}

function noteMissingNodes(
  missing: Map<string, number>,
  allPods: Informer<Pod>,
  allNodes: Informer<Node>,
  now: number,
): void {
  for (const name of missing.keys()) if (allNodes.get(name) !== undefined) missing.delete(name);
  for (const { spec } of allPods.list()) {
    const name = spec?.nodeName ?? '';
    if (name !== '' && allNodes.get(name) === undefined && !missing.has(name)) missing.set(name, now);
  }
}

export function doomedPods(all: readonly Pod[], missing: ReadonlyMap<string, number>, now: number): Pod[] {
  const orphaned = all.filter(({ spec }) => {
    const since = missing.get(spec?.nodeName ?? '');
    return since !== undefined && now - since >= nodeGoneMs;
  });
  const neverRan = all.filter(
    ({ spec, metadata }) => (spec?.nodeName ?? '') === '' && metadata.deletionTimestamp !== undefined,
  );
  const finished = all.filter((pod) => isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
  const surplus = finished
    .sort((a, b) => ((a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? -1 : 1))
    .slice(0, Math.max(0, finished.length - finishedPodsMax));
  return [...new Set([...orphaned, ...neverRan, ...surplus])];
}

async function exists({ client }: ControllerContext, name: string): Promise<boolean> {
  try {
    await client.resource(nodes).get({ name });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Its containers went with the node, whatever its status says. */
async function markLost({ client }: ControllerContext, pod: Pod): Promise<void> {
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: rfc3339(Date.now()),
  };
  const phase = isPodFinished(pod) ? pod.status?.phase : 'Failed';
  const body = { metadata: { uid: pod.metadata.uid }, status: { phase, conditions: [condition] } };
  try {
    await client.resource(pods).patch(pod.metadata, { type: 'strategic', body }, { subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function forceDelete(client: ControllerContext['client'], pod: Pod): Promise<void> {
  const { uid } = pod.metadata;
  try {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await client.resource(pods).delete(pod.metadata, { gracePeriodSeconds: 0, ...preconditions });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
