import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';
import { statefulSet } from './workloads.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (input: string): Promise<string> => kubectl(inNamespace('apply', '-f', '-'), { input });

interface Pod {
  metadata: { name: string; uid: string; creationTimestamp: string; labels: Record<string, string> };
  status: { conditions?: { type: string; status: string; lastTransitionTime: string }[] };
}

async function podsOf(app: string): Promise<Pod[]> {
  return (await kubectlJson<{ items: Pod[] }>(inNamespace('get', 'pods', '-l', `app=${app}`))).items;
}

async function rolledOut(name: string): Promise<void> {
  await kubectl(inNamespace('rollout', 'status', `statefulset/${name}`, '--timeout=60s'));
}

before(async () => {
  namespace = await createNamespace('stateful');
});
after(() => namespace.remove());

test('pods come in order, each after the one before is ready, with names, hosts and labels of their own', async () => {
  await apply(statefulSet('ordered', { of: { replicas: 3 } }));
  await rolledOut('ordered');
  const pods = (await podsOf('ordered')).sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  assert.deepEqual(
    pods.map(({ metadata }) => metadata.name),
    ['ordered-0', 'ordered-1', 'ordered-2'],
  );
  for (const [ordinal, { metadata, status }] of pods.entries()) {
    assert.equal(metadata.labels['apps.kubernetes.io/pod-index'], String(ordinal));
    assert.equal(metadata.labels['statefulset.kubernetes.io/pod-name'], metadata.name);
    const next = pods[ordinal + 1];
    const ready = status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
    if (next !== undefined) assert.ok(next.metadata.creationTimestamp >= ready, 'created before its predecessor ran');
  }
  assert.equal((await kubectl(inNamespace('exec', 'ordered-1', '--', 'hostname'))).trim(), 'ordered-1');
  assert.match(await kubectl(inNamespace('get', 'statefulset', 'ordered')), /ordered +3\/3/);
});

test('a pod that is deleted comes back under its name, scaling down takes the highest', async () => {
  const uid = await kubectl(inNamespace('get', 'pod', 'ordered-1', '-o', 'jsonpath={.metadata.uid}'));
  await kubectl(inNamespace('delete', 'pod', 'ordered-1'));
  await eventually('another ordered-1', async () => {
    const now = await kubectl(inNamespace('get', 'pod', 'ordered-1', '-o', 'jsonpath={.metadata.uid}'));
    return now !== uid && now !== '';
  });
  await rolledOut('ordered');
  await kubectl(inNamespace('scale', 'statefulset/ordered', '--replicas=1'));
  await eventually('one pod', async () => (await podsOf('ordered')).length === 1);
  assert.deepEqual(
    (await podsOf('ordered')).map(({ metadata }) => metadata.name),
    ['ordered-0'],
  );
});

test('an update goes from the top, stops at the partition, and can be undone', async () => {
  await apply(
    statefulSet('rolling', {
      of: { replicas: 3, podManagementPolicy: 'Parallel', updateStrategy: { rollingUpdate: { partition: 2 } } },
    }),
  );
  await rolledOut('rolling');
  const first = (await podsOf('rolling'))[0]?.metadata.labels['controller-revision-hash'];
  await kubectl(inNamespace('set', 'env', 'statefulset/rolling', 'VERSION=2'));
  const revisions = async (): Promise<Record<string, boolean>> =>
    Object.fromEntries(
      (await podsOf('rolling')).map(({ metadata }) => [
        metadata.name,
        metadata.labels['controller-revision-hash'] === first,
      ]),
    );
  await eventually('the last pod to be new', async () => (await revisions())['rolling-2'] === false);
  assert.match(
    await kubectl(inNamespace('rollout', 'status', 'statefulset/rolling', '--timeout=60s')),
    /partitioned roll out complete: 1 new pods have been updated/,
  );
  assert.deepEqual(await revisions(), { 'rolling-0': true, 'rolling-1': true, 'rolling-2': false });

  // A pod below the partition that is made again keeps the old revision.
  await kubectl(inNamespace('delete', 'pod', 'rolling-0'));
  await eventually('rolling-0 again', async () => (await revisions())['rolling-0'] === true);
  await kubectl(
    inNamespace(
      'patch',
      'statefulset',
      'rolling',
      '-p',
      '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}',
    ),
  );
  await rolledOut('rolling');
  assert.deepEqual(await revisions(), { 'rolling-0': false, 'rolling-1': false, 'rolling-2': false });
  const { status } = await kubectlJson<{ status: Record<string, unknown> }>(
    inNamespace('get', 'statefulset', 'rolling'),
  );
  assert.equal(status['currentRevision'], status['updateRevision']);

  await kubectl(inNamespace('rollout', 'undo', 'statefulset/rolling'));
  await eventually('the first revision again', async () =>
    Object.values(await revisions()).every((isFirst) => isFirst),
  );
});

test('pods wait with OnDelete until they are deleted', async () => {
  await apply(statefulSet('manual', { of: { replicas: 1, updateStrategy: { type: 'OnDelete' } } }));
  await eventually('the pod', async () => (await podsOf('manual')).length === 1);
  const [old] = await podsOf('manual');
  await kubectl(inNamespace('set', 'env', 'statefulset/manual', 'VERSION=2'));
  await eventually('the update to be seen', async () => {
    const { status } = await kubectlJson<{ status: Record<string, string> }>(inNamespace('get', 'sts', 'manual'));
    return status['updateRevision'] !== status['currentRevision'];
  });
  assert.equal((await podsOf('manual'))[0]?.metadata.uid, old?.metadata.uid);
  await kubectl(inNamespace('delete', 'pod', 'manual-0'));
  await eventually('a pod of the new revision', async () => {
    const [pod] = await podsOf('manual');
    const was = old?.metadata.labels['controller-revision-hash'];
    return pod !== undefined && pod.metadata.labels['controller-revision-hash'] !== was;
  });
});

test('deleting takes the pods, and leaves them with --cascade=orphan', async () => {
  await kubectl(inNamespace('delete', 'statefulset', 'manual', '--cascade=orphan'));
  assert.equal((await podsOf('manual')).length, 1);
  await kubectl(inNamespace('delete', 'statefulset', 'rolling'));
  await eventually('no pods', async () => (await podsOf('rolling')).length === 0);
});

test('names of pods are found by DNS through the headless service', async () => {
  await kubectl(inNamespace('create', 'service', 'clusterip', 'ordered', '--clusterip=None', '--tcp=80'));
  const name = `ordered-0.ordered.${namespace.name}.svc.cluster.local`;
  await eventually('the name', async () =>
    /Address.*10\.244\./.test(await kubectl(inNamespace('exec', 'ordered-0', '--', 'nslookup', name))),
  );
});
