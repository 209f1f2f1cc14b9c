import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, Pod } from '../api/core/v1/types.generated.ts';
import { failureMessage } from './failure-message.ts';
import { defaultPlugins } from './plugins/default-plugins.ts';
import { podInfoOf } from './pod-info.ts';
import { planPreemption } from './preemption.ts';
import { feasibleNodesWanted } from './schedule.ts';
import { makeCluster, makeNode, makePod, place } from './testing.ts';

interface Case {
  readonly title: string;
  readonly nodes: readonly Node[];
  readonly placed?: Readonly<Record<string, readonly Pod[]>>;
  readonly pod: Pod;
  /** A node's name, or the message of the failure. */
  readonly expected: string;
}

const helpless = (count: number, all = count): string =>
  ` preemption: 0/${all} nodes are available: ${count} Preemption is not helpful for scheduling.`;
const noVictims = ' preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.';
const hostname = 'kubernetes.io/hostname';
const app = (name: string, value: string): Pod => makePod(name, { labels: { app: value } });
const term = (value: string) => ({ labelSelector: { matchLabels: { app: value } }, topologyKey: hostname });

const cases: readonly Case[] = [
  { title: 'without nodes', nodes: [], pod: makePod('p'), expected: 'no nodes available to schedule pods' },
  {
    title: 'more cpu than is left',
    nodes: [makeNode('a')],
    placed: { a: [makePod('x', { requests: { cpu: '1500m' } })] },
    pod: makePod('p', { requests: { cpu: '600m' } }),
    expected: `0/1 nodes are available: 1 Insufficient cpu.${noVictims}`,
  },
  {
    title: 'more than a node has at all',
    nodes: [makeNode('a'), makeNode('b')],
    pod: makePod('p', { requests: { cpu: '3', memory: '8Gi', 'example.com/gpu': '1' } }),
    expected: `0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient example.com/gpu, 2 Insufficient memory.${helpless(2)}`,
  },
  {
    title: 'exactly what is left',
    nodes: [makeNode('a')],
    placed: { a: [makePod('x', { requests: { cpu: '1500m' } })] },
    pod: makePod('p', { requests: { cpu: '0.5' } }),
    expected: 'a',
  },
  {
    title: 'a full node by count of pods',
    nodes: [makeNode('a', { allocatable: { pods: '1' } })],
    placed: { a: [makePod('x')] },
    pod: makePod('p'),
    expected: `0/1 nodes are available: 1 Too many pods.${noVictims}`,
  },
  {
    title: 'an init container larger than the rest',
    nodes: [makeNode('a')],
    pod: makePod('p', {
      requests: { cpu: '100m' },
      initContainers: [
        { name: 'side', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
        { name: 'init', resources: { requests: { cpu: '1500m' } } },
      ],
    }),
    expected: `0/1 nodes are available: 1 Insufficient cpu.${helpless(1)}`,
  },
  {
    title: 'overhead counts',
    nodes: [makeNode('a')],
    pod: makePod('p', { requests: { cpu: '1' }, overhead: { cpu: '1500m' } }),
    expected: `0/1 nodes are available: 1 Insufficient cpu.${helpless(1)}`,
  },
  {
    title: 'a cordoned node and a tainted one',
    nodes: [
      makeNode('a', { spec: { unschedulable: true } }),
      makeNode('b', { taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }] }),
    ],
    pod: makePod('p'),
    expected: `0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.${helpless(2)}`,
  },
  {
    title: 'a tolerated taint',
    nodes: [makeNode('b', { taints: [{ key: 'dedicated', value: 'x', effect: 'NoSchedule' }] })],
    pod: makePod('p', { tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'x' }] }),
    expected: 'b',
  },
  {
    title: 'a nodeSelector nothing matches',
    nodes: [makeNode('a'), makeNode('b')],
    pod: makePod('p', { nodeSelector: { disk: 'ssd' } }),
    expected: `0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.${helpless(2)}`,
  },
  {
    title: 'a pod tied to a node by name',
    nodes: [makeNode('a'), makeNode('b'), makeNode('c')],
    placed: { b: [makePod('x', { requests: { cpu: '2' } })] },
    pod: makePod('p', {
      requests: { cpu: '1' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }],
          },
        },
      },
    }),
    expected:
      "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. " +
      'preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
  },
  {
    title: 'a host port that is taken',
    nodes: [makeNode('a')],
    placed: { a: [makePod('x', { hostPort: 80 })] },
    pod: makePod('p', { hostPort: 80 }),
    expected: `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.${noVictims}`,
  },
  {
    title: 'the emptier node',
    nodes: [makeNode('a'), makeNode('b')],
    placed: { a: [makePod('x', { requests: { cpu: '1', memory: '1Gi' } })] },
    pod: makePod('p', { requests: { cpu: '100m' } }),
    expected: 'b',
  },
  {
    title: 'preferred node affinity',
    nodes: [makeNode('a'), makeNode('b', { labels: { disk: 'ssd' } }), makeNode('c')],
    pod: makePod('p', {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] } },
          ],
        },
      },
    }),
    expected: 'b',
  },
  {
    title: 'away from PreferNoSchedule',
    nodes: [makeNode('a', { taints: [{ key: 'k', effect: 'PreferNoSchedule' }] }), makeNode('b')],
    pod: makePod('p'),
    expected: 'b',
  },
  {
    title: 'siblings spread over hosts by default',
    nodes: [makeNode('a'), makeNode('b')],
    placed: { a: [makePod('x', { owner: 'rs' })], b: [makePod('y', { requests: { cpu: '100m', memory: '200Mi' } })] },
    pod: makePod('p', { owner: 'rs' }),
    expected: 'b',
  },
  {
    title: 'required pod affinity',
    nodes: [makeNode('a'), makeNode('b')],
    placed: { b: [app('db', 'db')] },
    pod: makePod('p', {
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('db')] } },
    }),
    expected: 'b',
  },
  {
    title: 'required pod affinity nothing satisfies',
    nodes: [makeNode('a')],
    pod: makePod('p', {
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('db')] } },
    }),
    expected: `0/1 nodes are available: 1 node(s) didn't match pod affinity rules.${helpless(1)}`,
  },
  {
    title: 'the first of a group that wants to be together',
    nodes: [makeNode('a')],
    pod: makePod('p', {
      labels: { app: 'db' },
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('db')] } },
    }),
    expected: 'a',
  },
  {
    title: 'pod anti-affinity of its own',
    nodes: [makeNode('a')],
    placed: { a: [app('db', 'db')] },
    pod: makePod('p', {
      affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('db')] } },
    }),
    expected: `0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.${noVictims}`,
  },
  {
    title: 'pod anti-affinity of one that is there',
    nodes: [makeNode('a'), makeNode('b')],
    placed: {
      a: [
        makePod('loner', {
          affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('db')] } },
        }),
      ],
      b: [makePod('x', { requests: { cpu: '1' } })],
    },
    pod: app('p', 'db'),
    expected: 'b',
  },
  {
    title: 'a hard topology spread',
    nodes: [makeNode('a', { labels: { zone: '1' } }), makeNode('b', { labels: { zone: '2' } }), makeNode('c')],
    placed: { a: [app('x', 'web')], b: [makePod('full', { requests: { cpu: '2' } })] },
    pod: makePod('p', {
      labels: { app: 'web' },
      requests: { cpu: '100m' },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'web' } },
        },
      ],
    }),
    expected:
      "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, " +
      "1 node(s) didn't match pod topology spread constraints (missing required label). preemption: 0/3 nodes are available: " +
      '1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.',
  },
];

describe('schedule', () => {
  for (const { title, nodes, placed, pod, expected } of cases) {
    test(title, () => {
      const snapshot = makeCluster(nodes, placed);
      const result = place(snapshot, pod);
      assert.equal(result.kind === 'scheduled' ? result.node : explain(snapshot, pod, result.diagnosis), expected);
    });
  }

  test('keeps room for a more important pod that waits for its victims', () => {
    const snapshot = makeCluster([makeNode('a')]);
    snapshot.nominate(podInfoOf(makePod('vip', { priority: 10, requests: { cpu: '2' } })), 'a');
    assert.equal(place(snapshot, makePod('p', { requests: { cpu: '1' } })).kind, 'unschedulable');
    assert.equal(place(snapshot, makePod('q', { requests: { cpu: '1' }, priority: 11 })).kind, 'scheduled');
  });

  test('looks at a share of a large cluster only', () => {
    assert.deepEqual(
      [50, 100, 1000, 5000, 10_000].map((nodes) => feasibleNodesWanted(nodes, 0)),
      [50, 100, 420, 500, 500],
    );
  });
});

function explain(
  snapshot: ReturnType<typeof makeCluster>,
  pod: Pod,
  diagnosis: Parameters<typeof failureMessage>[0],
): string {
  const options = { plugins: defaultPlugins, budgets: [], offset: 0 };
  const preemption = planPreemption(snapshot, podInfoOf(pod), diagnosis, options);
  return failureMessage(diagnosis, preemption.kind === 'none' ? preemption.message : '');
}
