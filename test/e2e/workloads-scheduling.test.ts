import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson, tryKubectl } from './kubectl.ts';
import { configMap, deployment, pod, sleepForever } from './manifests.ts';
import { replicaSet, replicationController } from './workloads.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let node = '';
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (input: string): Promise<string> => kubectl(inNamespace('apply', '-f', '-'), { input });

interface Pod {
  metadata: {
    name: string;
    uid: string;
    ownerReferences?: { kind: string; name: string }[];
    deletionTimestamp?: string;
  };
  spec: { nodeName?: string };
  status: { phase?: string; conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}
const readPod = (name: string): Promise<Pod> => kubectlJson<Pod>(inNamespace('get', 'pod', name));
const podsOf = async (app: string): Promise<Pod[]> =>
  (await kubectlJson<{ items: Pod[] }>(inNamespace('get', 'pods', '-l', `app=${app}`))).items;
const ready = (name: string): Promise<string> =>
  kubectl(inNamespace('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'));
const waiting = (name: string): Promise<string> =>
  eventually(`${name} to be unschedulable`, async () => {
    const condition = (await readPod(name)).status.conditions?.find(({ type }) => type === 'PodScheduled');
    return condition?.status === 'False' ? (condition.message ?? '') : undefined;
  });

before(async () => {
  namespace = await createNamespace('scheduling');
  node = (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
});
after(() => namespace.remove());

test('a replica set adopts what it selects and releases what it does not', async () => {
  await apply(pod('orphan', sleepForever, { labels: { app: 'adopted' } }));
  await ready('orphan');
  await apply(replicaSet('adopted', 1));
  await eventually(
    'the adoption',
    async () => (await readPod('orphan')).metadata.ownerReferences?.[0]?.name === 'adopted',
  );
  assert.equal((await podsOf('adopted')).length, 1);
  await kubectl(inNamespace('label', 'pod', 'orphan', 'app=free', '--overwrite'));
  await eventually('the release', async () => (await readPod('orphan')).metadata.ownerReferences === undefined);
  await eventually('a replacement', async () => (await podsOf('adopted')).length === 1);
});

test('a replication controller keeps its count and scales', async () => {
  await apply(replicationController('classic', 1));
  await eventually('one ready', async () =>
    /classic +1 +1 +1/.test(await kubectl(inNamespace('get', 'rc', 'classic'))),
  );
  await kubectl(inNamespace('scale', 'rc/classic', '--replicas=2'));
  await eventually('two', async () => (await podsOf('classic')).length === 2);
  await kubectl(inNamespace('delete', 'rc', 'classic'));
  await eventually('none', async () => (await podsOf('classic')).length === 0);
});

test('a disruption budget holds an eviction back, and drain waits for it', async () => {
  await apply(deployment('guarded', { replicas: 2 }));
  await kubectl(inNamespace('rollout', 'status', 'deployment/guarded', '--timeout=60s'));
  await kubectl(inNamespace('create', 'pdb', 'guarded', '--selector=app=guarded', '--min-available=2'));
  await eventually('the budget', async () =>
    /guarded +2 +N\/A +0/.test(await kubectl(inNamespace('get', 'pdb', 'guarded'))),
  );
  const drain = [
    'drain',
    node,
    '--ignore-daemonsets',
    '--force',
    `--pod-selector=app=guarded`,
    '--delete-emptydir-data',
  ];
  try {
    const refused = await tryKubectl([...drain, '--timeout=2s']);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Cannot evict pod as it would violate the pod's disruption budget/);
    await kubectl(inNamespace('delete', 'pdb', 'guarded'));
    assert.match(await kubectl([...drain, '--timeout=30s']), /drained/);
    assert.match(await kubectl(['get', 'node', node]), /Ready,SchedulingDisabled/);
    const message = await eventually('new pods to wait', async () => {
      const [first] = await podsOf('guarded');
      return first?.status.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
    });
    assert.match(message, /^0\/1 nodes are available: 1 node\(s\) were unschedulable\./);
  } finally {
    await kubectl(['uncordon', node]);
  }
  await kubectl(inNamespace('rollout', 'status', 'deployment/guarded', '--timeout=60s'));
  await kubectl(inNamespace('delete', 'deployment', 'guarded'));
});

test('a NoExecute taint evicts a pod when its toleration ends, and others not at all', async () => {
  const toleration = (seconds?: number) => ({
    tolerations: [
      {
        key: 'test/evict',
        operator: 'Exists',
        effect: 'NoExecute',
        ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
      },
    ],
  });
  await apply(pod('short', sleepForever, { spec: toleration(1) }));
  await apply(pod('long', sleepForever, { spec: toleration() }));
  await ready('short');
  await ready('long');
  // Pods of other tests would go too: the taint is put on only for as long as it takes.
  await kubectl(['taint', 'node', node, 'test/evict=now:NoExecute']);
  try {
    await eventually(
      'the short one to go',
      async () => (await tryKubectl(inNamespace('get', 'pod', 'short'))).code !== 0,
    );
  } finally {
    await kubectl(['taint', 'node', node, 'test/evict-']);
  }
  assert.equal((await readPod('long')).status.phase, 'Running');
});

test('a pod of higher priority takes the place of a lower one', async () => {
  const resource = 'example.com/berth';
  const patch = (op: string): string =>
    JSON.stringify([{ op, path: '/status/capacity/example.com~1berth', ...(op === 'add' ? { value: '1' } : {}) }]);
  await kubectl(['patch', 'node', node, '--subresource=status', '--type=json', '-p', patch('add')]);
  await eventually('the resource', async () => {
    const status = await kubectl(['get', 'node', node, '-o', 'jsonpath={.status.allocatable}']);
    return status.includes('example.com/berth');
  });
  const high = `${namespace.name}-high`;
  await kubectl(['create', 'priorityclass', high, '--value=1000']);
  try {
    const limits = { container: { resources: { limits: { [resource]: '1' } } } };
    await apply(pod('low', sleepForever, limits));
    await ready('low');
    await apply(pod('second', sleepForever, limits));
    assert.match(
      await waiting('second'),
      /^0\/1 nodes are available: 1 Insufficient example\.com\/berth\. preemption: 0\/1 nodes are available: 1 No preemption victims found for incoming pod\.$/,
    );
    await kubectl(inNamespace('delete', 'pod', 'second'));
    await apply(pod('high', sleepForever, { ...limits, spec: { priorityClassName: high } }));
    await ready('high');
    assert.notEqual((await tryKubectl(inNamespace('get', 'pod', 'low'))).code, 0);
  } finally {
    await kubectl(['delete', 'priorityclass', high]);
    await kubectl(['patch', 'node', node, '--subresource=status', '--type=json', '-p', patch('remove')]);
  }
});

test('gates hold a pod until they are taken off', async () => {
  await apply(pod('gated', sleepForever, { spec: { schedulingGates: [{ name: 'test/gate' }] } }));
  await eventually('the gate', async () => {
    const condition = (await readPod('gated')).status.conditions?.find(({ type }) => type === 'PodScheduled');
    return condition?.reason === 'SchedulingGated';
  });
  assert.match(await kubectl(inNamespace('get', 'pod', 'gated')), /gated +0\/1 +SchedulingGated/);
  await kubectl(
    inNamespace('patch', 'pod', 'gated', '--type=json', '-p', '[{"op":"remove","path":"/spec/schedulingGates"}]'),
  );
  await ready('gated');
});

test('anti-affinity and spreading keep a second pod off the only node, affinity waits for company', async () => {
  const term = (app: string) => ({
    topologyKey: 'kubernetes.io/hostname',
    labelSelector: { matchLabels: { app } },
  });
  await apply(pod('alone', sleepForever));
  await ready('alone');
  const alone = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('alone')] } } };
  await apply(pod('rival', sleepForever, { spec: alone }));
  assert.match(await waiting('rival'), /node\(s\) didn't match pod anti-affinity rules/);
  const company = { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('friend')] } } };
  await apply(pod('lonely', sleepForever, { spec: company }));
  assert.match(await waiting('lonely'), /node\(s\) didn't match pod affinity rules/);
  await apply(pod('friend', sleepForever));
  await ready('lonely');
  await kubectl(inNamespace('delete', 'pod', 'alone', '--wait=false'));
  await ready('rival');
  const spread = {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'test/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'x' } },
      },
    ],
  };
  await apply(pod('spread', sleepForever, { spec: spread }));
  assert.match(
    await waiting('spread'),
    /node\(s\) didn't match pod topology spread constraints \(missing required label\)/,
  );
});

test('a namespace waits for finalizers of what is in it, and says so', async () => {
  const doomed = await createNamespace('doomed');
  await kubectl(['create', '-n', doomed.name, '-f', '-'], { input: configMap('held', {}) });
  await kubectl(['patch', '-n', doomed.name, 'configmap', 'held', '-p', '{"metadata":{"finalizers":["test/hold"]}}']);
  await doomed.remove();
  await eventually('the condition', async () => {
    const { status } = await kubectlJson<{
      status: { conditions?: { type: string; status: string; message: string }[] };
    }>(['get', 'namespace', doomed.name]);
    const condition = status.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining');
    return condition?.status === 'True' && /test\/hold in 1 resource instances/.test(condition.message);
  });
  const refused = await tryKubectl(['create', '-n', doomed.name, 'configmap', 'late']);
  assert.match(refused.stderr, /because it is being terminated/);
  await kubectl(['patch', '-n', doomed.name, 'configmap', 'held', '-p', '{"metadata":{"finalizers":null}}']);
  await eventually('the namespace to go', async () => (await tryKubectl(['get', 'namespace', doomed.name])).code !== 0);
});
