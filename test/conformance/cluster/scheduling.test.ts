/** Where pods go and who must give way. Ends with what taints the one node, which every other pod of the test leaves. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { eventually, kubectl } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import type { Pod } from '../../e2e/pod-scope.ts';
import { replicaSet } from '../../e2e/workloads.ts';
import { at } from '../api.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('scheduling', prepare);
let node = '';
let nodeIP = '';

async function prepare(): Promise<void> {
  const [first] = await suite.api.items('/api/v1/nodes');
  node = first?.metadata.name ?? '';
  nodeIP = String(at(first, 'status.addresses.0.address'));
}

const pathOf = (name: string): string => `${suite.core}/pods/${name}`;
const statusOf = async (name: string): Promise<Pod['status']> =>
  (await suite.api.get(pathOf(name)))['status'] as Pod['status'];
const unschedulable = (name: string): Promise<string> =>
  eventually(`${name} to be unschedulable`, async () => {
    const condition = (await statusOf(name)).conditions.find(({ type }) => type === 'PodScheduled');
    return condition?.status === 'False' ? condition.message : undefined;
  });
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

sideBySide(() => {
  behaviour('Scheduler, resource limits', async () => {
    const allocatable = String(at(await suite.api.get(`/api/v1/nodes/${node}`), 'status.allocatable.memory'));
    const kibibytes = Number(/^(\d+)Ki$/.exec(allocatable)?.[1]);
    const memory = `${Math.floor(kibibytes * 0.6)}Ki`;
    const container = { resources: { requests: { memory }, limits: { memory } } };
    await suite.create(pod('fits', sleepForever, { container }));
    await suite.ready('fits');
    await suite.create(pod('too-much', sleepForever, { container }));
    assert.match(await unschedulable('too-much'), /^0\/1 nodes are available: 1 Insufficient memory\./);
    await suite.kubectl('delete', 'pod', 'fits', 'too-much');
  });

  behaviour('Scheduler, node selector not matching', async () => {
    await suite.create(pod('nowhere', sleepForever, { spec: { nodeSelector: { label: 'nonempty' } } }));
    assert.match(
      await unschedulable('nowhere'),
      /^0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector\./,
    );
  });

  behaviour('Scheduler, node selector matching', async () => {
    await kubectl(['label', 'node', node, 'example.com/conformance=42']);
    try {
      await suite.create(
        pod('somewhere', sleepForever, { spec: { nodeSelector: { 'example.com/conformance': '42' } } }),
      );
      await suite.ready('somewhere');
      assert.equal(at(await suite.api.get(pathOf('somewhere')), 'spec.nodeName'), node);
    } finally {
      await kubectl(['label', 'node', node, 'example.com/conformance-']);
    }
  });

  const port = 18_323;
  const answering =
    "require('node:http').createServer((q, s) => s.end(process.env.HOSTNAME)).listen(8080); const udp = require('node:dgram').createSocket('udp4'); udp.on('message', (m, from) => udp.send(process.env.HOSTNAME, from.port, from.address)); udp.bind(8080); process.on('SIGTERM', () => process.exit());";
  const onHost = (name: string, hostPort: number, hostIP: string | undefined, protocol: string): string =>
    pod(name, '', {
      container: {
        command: ['node', '-e', answering],
        ports: [{ containerPort: 8080, hostPort, protocol, ...(hostIP === undefined ? {} : { hostIP }) }],
        readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
      },
    });

  behaviour('Scheduling, HostPort matching and HostIP and Protocol not-matching', async () => {
    await suite.create(
      onHost('host-loopback', port, '127.0.0.1', 'TCP'),
      onHost('host-tcp', port, nodeIP, 'TCP'),
      onHost('host-udp', port, nodeIP, 'UDP'),
    );
    await suite.ready('host-loopback', 'host-tcp', 'host-udp');
    const asked = async (address: string): Promise<string> =>
      (await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(2000) })).text();
    await eventually('the pod on loopback', async () => (await asked('127.0.0.1')) === 'host-loopback');
    await eventually('the pod on the node', async () => (await asked(nodeIP)) === 'host-tcp');
    await eventually('the pod of UDP', async () => (await askByUdp(nodeIP)) === 'host-udp');
  });

  async function askByUdp(address: string): Promise<string> {
    const socket = createSocket('udp4');
    try {
      socket.connect(port, address);
      await once(socket, 'connect');
      socket.send('who');
      const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(1000) })) as [Buffer];
      return answer.toString();
    } finally {
      socket.close();
    }
  }

  behaviour(
    'Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0)',
    async () => {
      await suite.create(onHost('host-any', port + 1, undefined, 'TCP'));
      await suite.ready('host-any');
      await suite.create(onHost('host-one', port + 1, '127.0.0.1', 'TCP'));
      assert.match(await unschedulable('host-one'), /1 node\(s\) didn't have free ports for the requested pod ports/);
    },
  );
});

/** The node has this much of a resource of its own for the time of the run. */
async function withBerths(name: string, count: number, run: (resource: string) => Promise<void>): Promise<void> {
  const path = `/status/capacity/example.com~1${name}`;
  const patch = (change: object): Promise<unknown> =>
    suite.api.patch(`/api/v1/nodes/${node}/status`, [{ path, ...change }], 'json');
  await patch({ op: 'add', value: String(count) });
  try {
    await eventually('the resource', async () => {
      const allocatable = at(await suite.api.get(`/api/v1/nodes/${node}`), 'status.allocatable') as object;
      return `example.com/${name}` in allocatable;
    });
    await run(`example.com/${name}`);
  } finally {
    await patch({ op: 'remove' });
  }
}

async function withPriorities(
  values: readonly number[],
  run: (names: readonly string[]) => Promise<void>,
): Promise<void> {
  const names = values.map((value) => `${suite.namespace}-${value}`);
  for (const [index, value] of values.entries()) {
    await kubectl(['create', 'priorityclass', names[index] ?? '', `--value=${value}`]);
  }
  try {
    await run(names);
  } finally {
    await kubectl(['delete', 'priorityclass', ...names]);
  }
}

const wanting = (resource: string, count: number): object => ({ resources: { limits: { [resource]: String(count) } } });
const gone = (name: string): Promise<unknown> =>
  eventually(`${name} to go`, async () => (await suite.api.send('GET', pathOf(name))).status === 404);

behaviour('Scheduler, Preemption for critical pod', () =>
  withBerths('critical', 1, async (resource) => {
    const container = wanting(resource, 1) as Record<string, unknown>;
    await suite.create(pod('ordinary', sleepForever, { container }));
    await suite.ready('ordinary');
    const name = `critical-${suite.namespace}`;
    const critical = pod(name, sleepForever, { container, spec: { priorityClassName: 'system-cluster-critical' } });
    await kubectl(['-n', 'kube-system', 'create', '-f', '-'], { input: critical });
    try {
      await gone('ordinary');
      await kubectl(['-n', 'kube-system', 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=30s']);
    } finally {
      await kubectl(['-n', 'kube-system', 'delete', 'pod', name]);
    }
  }),
);

behaviour('Verify the DisruptionTarget condition is added to the preempted pod', () =>
  withBerths('target', 1, (resource) =>
    withPriorities([1000], async ([high = '']) => {
      const container = wanting(resource, 1) as Record<string, unknown>;
      const victim = JSON.parse(pod('victim', sleepForever, { container }));
      victim.metadata.finalizers = ['example.com/hold'];
      await suite.create(victim);
      await suite.ready('victim');
      await suite.create(pod('preemptor', sleepForever, { container, spec: { priorityClassName: high } }));
      await eventually('the condition', async () => {
        const condition = (await statusOf('victim')).conditions.find(({ type }) => type === 'DisruptionTarget');
        return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler';
      });
      await eventually('its deletion', async () => {
        return (await suite.api.get(pathOf('victim'))).metadata.deletionTimestamp !== undefined;
      });
      await suite.api.patch(pathOf('victim'), { metadata: { finalizers: null } });
      await gone('victim');
      await suite.ready('preemptor');
    }),
  ),
);

behaviour('Pod preemption verification', () =>
  withBerths('levels', 10, (resource) =>
    withPriorities([1, 2, 3, 4], async (names) => {
      const set = (level: number, count: number): object => {
        const made = JSON.parse(replicaSet(`level-${level}`, 1));
        const { spec } = made.spec.template;
        spec.priorityClassName = names[level - 1];
        spec.containers[0].resources = { limits: { [resource]: String(count) } };
        return made;
      };
      const running = async (): Promise<string> =>
        (await suite.api.items(`${suite.core}/pods?fieldSelector=status.phase%3DRunning`))
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
          .map(({ metadata }) => metadata.labels?.['app'])
          .filter((app) => app?.startsWith('level-'))
          .sort()
          .join();
      await suite.create(set(1, 5), set(2, 3), set(3, 2));
      await eventually('the first three', async () => (await running()) === 'level-1,level-2,level-3');
      await suite.create(set(4, 6));
      await eventually('the fourth in place of the lowest', async () => (await running()) === 'level-3,level-4');
      await suite.kubectl('delete', 'replicaset', 'level-1', 'level-2', 'level-3', 'level-4');
    }),
  ),
);

const tolerating = (tolerationSeconds: number): Record<string, unknown> => ({
  tolerations: [{ key: 'example.com/evict', operator: 'Equal', value: 'yes', effect: 'NoExecute', tolerationSeconds }],
});
const taint = (suffix: string): Promise<string> => kubectl(['taint', 'node', node, `example.com/evict${suffix}`]);

behaviour('Pod Eviction, Toleration limits', async () => {
  await suite.create(
    pod('evicted-1', sleepForever, { spec: tolerating(1) }),
    pod('evicted-2', sleepForever, { spec: tolerating(5) }),
  );
  await suite.ready('evicted-1', 'evicted-2');
  await taint('=yes:NoExecute');
  try {
    await gone('evicted-1');
    assert.equal((await suite.api.get(pathOf('evicted-2'))).metadata.deletionTimestamp, undefined);
    await gone('evicted-2');
  } finally {
    await taint('-');
  }
});

behaviour('Taint, Pod Eviction on taint removal', async () => {
  await suite.create(pod('spared', sleepForever, { spec: tolerating(4) }));
  await suite.ready('spared');
  await taint('=yes:NoExecute');
  await delay(1000);
  assert.equal((await suite.api.get(pathOf('spared'))).metadata.deletionTimestamp, undefined);
  await taint('-');
  // Past the time at which it would have gone.
  await delay(5000);
  assert.equal((await suite.api.get(pathOf('spared'))).metadata.deletionTimestamp, undefined);
  assert.equal((await statusOf('spared')).phase, 'Running');
});
