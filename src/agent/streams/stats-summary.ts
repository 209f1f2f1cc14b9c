import { readFile } from 'node:fs/promises';
import type { ServerHttp2Stream } from 'node:http2';
import { rfc3339 } from '../../machinery/time.ts';
import type { ContainerRuntime, ContainerStats } from '../runtime/contract.ts';

/** USER_HZ is 100 on every architecture of Linux that matters here. */
const nanosecondsPerTick = 1e7;

/** The part of k8s.io/kubelet/pkg/apis/stats/v1alpha1.Summary that metrics are made from. */
export async function serveStatsSummary(
  stream: ServerHttp2Stream,
  runtime: ContainerRuntime,
  nodeName: string,
): Promise<void> {
  const node = await nodeReadings();
  const pods = new Map<string, ContainerStats[]>();
  for (const stats of await runtime.containerStats()) {
    const ofPod = pods.get(stats.pod.uid);
    if (ofPod === undefined) pods.set(stats.pod.uid, [stats]);
    else ofPod.push(stats);
  }
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  stream.end(JSON.stringify({ node: { nodeName, ...node }, pods: [...pods.values()].map(summaryOf) }));
}

/** The machine as a whole. */
async function nodeReadings(): Promise<object> {
  const time = new Date().toISOString();
  const [stat, memory] = await Promise.all([readFile('/proc/stat', 'utf8'), readFile('/proc/meminfo', 'utf8')]);
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(memory)?.[1] ?? 0);
  const workingSetBytes = (kilobytes('MemTotal') - kilobytes('MemAvailable')) * 1024;
  return {
    cpu: { time, usageCoreNanoSeconds: busyTicks(stat) * nanosecondsPerTick },
    memory: { time, workingSetBytes },
  };
}

/** What all cores did since the start, but for idling and waiting for disks. */
function busyTicks(stat: string): number {
  const [user = 0, nice = 0, system = 0, _idle, _wait, irq = 0, softirq = 0, steal = 0] =
    /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  return user + nice + system + irq + softirq + steal;
}

function summaryOf(containers: readonly ContainerStats[]): object {
  const [first] = containers;
  if (first === undefined) return {};
  const time = rfc3339(first.timestamp);
  return {
    podRef: { name: first.pod.name, namespace: first.pod.namespace, uid: first.pod.uid },
    containers: containers.map(({ name, timestamp, cpuUsageNanoseconds, memoryWorkingSetBytes }) => ({
      name,
      cpu: { time: new Date(timestamp).toISOString(), usageCoreNanoSeconds: cpuUsageNanoseconds },
      memory: { time: new Date(timestamp).toISOString(), workingSetBytes: memoryWorkingSetBytes },
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
