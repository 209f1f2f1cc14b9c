import type { Pod } from '../../src/api/core/v1/types.generated.ts';
import { nodes, pods } from '../../src/api/resource-types.ts';
import { type Client, WatchedResource } from '../../src/client/index.ts';
import { silentLogger } from '../../src/machinery/logger.ts';

/**
 * A node without containers: takes every pod there is, says that it runs and is ready, and lets it go when it is
 * deleted. Pods that may end do so at once: well, or badly when their image is `fail`. Image `stuck` never starts.
 */
export async function simulateNode(client: Client, name: string, signal: AbortSignal): Promise<void> {
  await client.resource(nodes).create({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'simulated' }];
  await client
    .resource(nodes)
    .patch({ name }, { type: 'merge', body: { status: { conditions } } }, { subresource: 'status' });
  const informer = new WatchedResource<Pod>({ client: client.resource(pods), type: pods, logger: silentLogger });
  let address = 1;
  const step = async (pod: Pod): Promise<void> => {
    const typed = client.resource(pods);
    if (pod.metadata.deletionTimestamp !== undefined) {
      await typed.delete(pod.metadata, { gracePeriodSeconds: 0 });
    } else if (pod.spec.nodeName === undefined) {
      const target = { kind: 'Node', name };
      await typed.createSubresource(pod.metadata, 'binding', { ...bindingOf(pod), target });
    } else if (pod.status?.phase === 'Pending' && pod.spec.containers[0]?.image !== 'stuck') {
      address++;
      const body = { status: statusOf(pod, `10.244.${Math.floor(address / 250)}.${address % 250}`) };
      await typed.patch(pod.metadata, { type: 'strategic', body }, { subresource: 'status' });
    }
  };
  // A pod that changed or went meanwhile comes again, or does not matter any more.
  const handle = (pod: Pod): void => void step(pod).catch(() => undefined);
  informer.addHandler({ added: handle, updated: (_old, pod) => handle(pod) });
  void informer.run(signal);
}

function bindingOf({ metadata: { name, namespace } }: Pod): object {
  return { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace } };
}

function statusOf(pod: Pod, ip: string): object {
  const ends = pod.spec.restartPolicy !== 'Always';
  const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`;
  return {
    phase: ends ? (pod.spec.containers[0]?.image === 'fail' ? 'Failed' : 'Succeeded') : 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [{ type: 'Ready', status: ends ? 'False' : 'True', lastTransitionTime }],
  };
}
