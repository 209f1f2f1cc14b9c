import type { Node, NodeSpec, Pod, PodSpec, Taint } from '../api/core/v1/types.generated.ts';
import { defaultPlugins } from './plugins/default-plugins.ts';
import { podInfoOf } from './pod-info.ts';
import { type ScheduleOptions, type ScheduleResult, schedule } from './schedule.ts';
import { ClusterSnapshot } from './snapshot.ts';

/** Builders for the tests of this folder. */
export interface NodeOptions {
  readonly labels?: Record<string, string>;
  readonly taints?: Taint[];
  readonly spec?: NodeSpec;
  readonly allocatable?: Record<string, string>;
}

export function makeNode(name: string, { labels = {}, taints, spec, allocatable = {} }: NodeOptions = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { ...spec, ...(taints === undefined ? {} : { taints }) },
    status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10', 'ephemeral-storage': '10Gi', ...allocatable } },
  };
}

export interface PodOptions extends Partial<PodSpec> {
  readonly requests?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly owner?: string;
  readonly hostPort?: number;
}

export function makePod(name: string, options: PodOptions = {}): Pod {
  const { requests, labels, owner, hostPort, ...spec } = options;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      ...(labels === undefined ? {} : { labels }),
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Owner', name: owner, uid: owner, controller: true }] }),
    },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'app:1',
          ...(requests === undefined ? {} : { resources: { requests } }),
          ...(hostPort === undefined ? {} : { ports: [{ containerPort: 80, hostPort }] }),
        },
      ],
      ...spec,
    },
  };
}

/** A cluster of these nodes with pods on some of them. */
export function makeCluster(
  nodes: readonly Node[],
  placed: Readonly<Record<string, readonly Pod[]>> = {},
): ClusterSnapshot {
  const snapshot = new ClusterSnapshot(() => ({}));
  for (const node of nodes) snapshot.setNode(node);
  for (const [name, pods] of Object.entries(placed)) for (const pod of pods) snapshot.setPod(podInfoOf(pod), name);
  return snapshot;
}

export const firstOfEquals: ScheduleOptions = {
  plugins: defaultPlugins,
  startIndex: 0,
  percentageOfNodesToScore: 0,
  random: () => 0.999,
};

export function place(snapshot: ClusterSnapshot, pod: Pod): ScheduleResult {
  return schedule(snapshot, podInfoOf(pod), firstOfEquals);
}
