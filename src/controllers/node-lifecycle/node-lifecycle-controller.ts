import type { Node, Pod } from '../../api/core/v1/types.generated.ts';
import { leases, nodes, pods } from '../../api/resource-types.ts';
import { createWorkQueue, sleep } from '../../client/index.ts';
import { isConflict, isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { podIndex } from '../pods/pod-index.ts';
import { isPodReady } from '../pods/pod-state.ts';
import { Heartbeats, readyOf, silentConditions, taintsFor } from './node-health.ts';

const leaseNamespace = 'kube-node-lease';
const monitorPeriodMs = 5_000;
const defaultGracePeriodMs = 40_000;

/**
 * Notices nodes that fall silent and taints nodes by their state. Inputs: Nodes, their Leases, Pods. Outputs: node
 * conditions (of silent nodes only), node taints, the Ready condition of pods on lost nodes.
 */
export function nodeLifecycleController(context: ControllerContext): Controller {
  const { client, informers, settings } = context;
  const queue = createWorkQueue();
  const informer = informers.informer(nodes);
  const heartbeats = informers.informer(leases, { namespace: leaseNamespace });
  const pods = podIndex(informers);
  const recorder = context.recorder('node-controller');
  const silence = new Heartbeats();
  const gracePeriodMs = settings.nodeMonitorGracePeriodMs ?? defaultGracePeriodMs;
  informer.addHandler({
    added: (node) => queue.add(node.metadata.name),
    updated: (_old, node) => queue.add(node.metadata.name),
    deleted: (node) => silence.forget(node.metadata.name),
  });

  const writeSilence = async (node: Node): Promise<Node> => {
    const conditions = silentConditions(node, Date.now());
    if (conditions === undefined) return node;
    if (readyOf(node)?.status === 'True') {
      recorder.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
    }
    return client.resource(nodes).updateStatus({ ...node, status: { ...node.status, conditions } });
  };

  return {
    name: 'node-lifecycle',
    queue,
    workers: 4,
    async reconcile(name) {
      let node = informer.get(name);
      if (node === undefined) return undefined;
      const lease = heartbeats.get(`${leaseNamespace}/${name}`);
      if (silence.silenceMs(node, lease, Date.now()) > gracePeriodMs) node = await writeSilence(node);
      const taints = taintsFor(node, Date.now());
      if (taints !== undefined) {
        // With the version it was read at: another's taint of the same moment must not be lost.
        const { uid, resourceVersion } = node.metadata;
        const body = { metadata: { uid, resourceVersion }, spec: { taints } };
        await client.resource(nodes).patch({ name }, { type: 'merge', body });
      }
      // While it speaks it says itself which of its pods are ready.
      if (readyOf(node)?.status === 'Unknown') await markPodsNotReady(context, pods.onNode(name));
      return undefined;
    },
    async beside(signal) {
      while (!signal.aborted) {
        await sleep(monitorPeriodMs, signal).catch(() => undefined);
        for (const node of informer.list()) queue.add(node.metadata.name);
      }
    },
  };
}

/** Their agent cannot say it; Services must not send traffic to them. */
async function markPodsNotReady({ client }: ControllerContext, onNode: readonly Pod[]): Promise<void> {
  for (const pod of onNode) {
    if (!isPodReady(pod)) continue;
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === 'Ready'
        ? { ...condition, status: 'False', reason: 'NodeNotReady', lastTransitionTime: rfc3339(Date.now()) }
        : condition,
    );
    try {
      await client.resource(pods).updateStatus({ ...pod, status: { ...pod.status, conditions } });
    } catch (error) {
      // Changed or gone meanwhile: the next round of the monitor looks again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}
