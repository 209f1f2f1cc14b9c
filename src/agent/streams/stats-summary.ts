import type { ServerHttp2Stream } from 'node:http2';
import { rfc3339 } from '../../machinery/time.ts';
import type { ContainerRuntime, ContainerStats } from '../runtime/contract.ts';

/** The part of k8s.io/kubelet/pkg/apis/stats/v1alpha1.Summary that metrics are made from. */
export async function serveStatsSummary(
  stream: ServerHttp2Stream,
  runtime: ContainerRuntime,
  nodeName: string,
): Promise<void> {
  const pods = new Map<string, ContainerStats[]>();
  for (const stats of await runtime.containerStats()) {
    const ofPod = pods.get(stats.pod.uid);
    if (ofPod === undefined) pods.set(stats.pod.uid, [stats]);
    else ofPod.push(stats);
  }
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify({ node: { nodeName }, pods: [...pods.values()].map(summaryOf) }));
}

function summaryOf(containers: readonly ContainerStats[]): object {
  const [first] = containers;
  if (first === undefined) return {};
  const time = rfc3339(first.timestamp);
  return {
    podRef: { name: first.pod.name, namespace: first.pod.namespace, uid: first.pod.uid },
    containers: containers.map(({ name, timestamp, cpuUsageNanoseconds, memoryWorkingSetBytes }) => ({
      name,
      cpu: { time: rfc3339(timestamp), usageCoreNanoSeconds: cpuUsageNanoseconds },
      memory: { time: rfc3339(timestamp), workingSetBytes: memoryWorkingSetBytes },
    })),
    network: {
      time,
      rxBytes: sum(containers, ({ rxBytes }) => rxBytes),
      txBytes: sum(containers, ({ txBytes }) => txBytes),
    },
  };
}

function sum(containers: readonly ContainerStats[], of: (stats: ContainerStats) => number): number {
  return containers.reduce((total, stats) => total + of(stats), 0);
}
