import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';
import { daemonSet } from './workloads.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let node = '';
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (input: string): Promise<string> => kubectl(inNamespace('apply', '-f', '-'), { input });

interface Pod {
  metadata: { name: string; uid: string; labels: Record<string, string>; deletionTimestamp?: string };
}
const podsOf = async (app: string): Promise<Pod[]> =>
  (await kubectlJson<{ items: Pod[] }>(inNamespace('get', 'pods', '-l', `app=${app}`))).items;

before(async () => {
  namespace = await createNamespace('daemon');
  node = (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
});
after(() => namespace.remove());

test('a daemon runs on the node, comes back when deleted, and rolls to a new template', async () => {
  await apply(daemonSet('agent'));
  await kubectl(inNamespace('rollout', 'status', 'daemonset/agent', '--timeout=60s'));
  assert.match(await kubectl(inNamespace('get', 'daemonset', 'agent')), /agent +1 +1 +1 +1 +1 +<none>/);
  const [first] = await podsOf('agent');
  await kubectl(inNamespace('delete', 'pod', first?.metadata.name ?? ''));
  await eventually('another pod', async () =>
    (await podsOf('agent')).some(({ metadata }) => metadata.uid !== first?.metadata.uid),
  );
  await kubectl(inNamespace('set', 'env', 'daemonset/agent', 'VERSION=2'));
  assert.match(
    await kubectl(inNamespace('rollout', 'status', 'daemonset/agent', '--timeout=60s')),
    /successfully rolled out/,
  );
  assert.match(await kubectl(inNamespace('rollout', 'history', 'daemonset/agent')), /\n1 .*\n2 /);
  await kubectl(inNamespace('rollout', 'undo', 'daemonset/agent'));
  await kubectl(inNamespace('rollout', 'status', 'daemonset/agent', '--timeout=60s'));
});

test('with maxSurge the new daemon is there before the old one goes', async () => {
  await apply(daemonSet('surge', { of: { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } }));
  await kubectl(inNamespace('rollout', 'status', 'daemonset/surge', '--timeout=60s'));
  const [old] = await podsOf('surge');
  await kubectl(inNamespace('set', 'env', 'daemonset/surge', 'VERSION=2'));
  await eventually('two pods side by side', async () => {
    const pods = await podsOf('surge');
    return pods.length === 2 && pods.some(({ metadata }) => metadata.uid === old?.metadata.uid);
  });
  await kubectl(inNamespace('rollout', 'status', 'daemonset/surge', '--timeout=60s'));
  await eventually('the old one to go', async () => {
    const pods = await podsOf('surge');
    return pods.length === 1 && pods[0]?.metadata.uid !== old?.metadata.uid;
  });
});

test('OnDelete waits for the user', async () => {
  await apply(daemonSet('manual', { of: { updateStrategy: { type: 'OnDelete' } } }));
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod', '-l', 'app=manual', '--timeout=60s')).catch(() =>
    eventually('the pod', async () => (await podsOf('manual')).length === 1),
  );
  const [old] = await podsOf('manual');
  await kubectl(inNamespace('set', 'env', 'daemonset/manual', 'VERSION=2'));
  await eventually('the update to be seen', async () => {
    const { metadata, status } = await kubectlJson<{
      metadata: { generation: number };
      status: { observedGeneration: number };
    }>(inNamespace('get', 'daemonset', 'manual'));
    return status.observedGeneration === metadata.generation;
  });
  assert.equal((await podsOf('manual'))[0]?.metadata.uid, old?.metadata.uid);
  await kubectl(inNamespace('delete', 'pod', old?.metadata.name ?? ''));
  await eventually('the new template', async () => {
    const [pod] = await podsOf('manual');
    const hash = pod?.metadata.labels['controller-revision-hash'];
    return hash !== undefined && hash !== old?.metadata.labels['controller-revision-hash'];
  });
});

test('a node selector that no longer fits takes the daemon away, and one that fits brings it', async () => {
  await apply(daemonSet('choosy', { spec: { nodeSelector: { 'test/choosy': 'yes' } } }));
  await eventually('the status', async () =>
    /choosy +0 +0 +0/.test(await kubectl(inNamespace('get', 'daemonset', 'choosy'))),
  );
  await kubectl(['label', 'node', node, 'test/choosy=yes']);
  try {
    await kubectl(inNamespace('rollout', 'status', 'daemonset/choosy', '--timeout=60s'));
    await eventually('the pod', async () => (await podsOf('choosy')).length === 1);
  } finally {
    await kubectl(['label', 'node', node, 'test/choosy-']);
  }
  await eventually('no pod', async () => (await podsOf('choosy')).length === 0);
});
