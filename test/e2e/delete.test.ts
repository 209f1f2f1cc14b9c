import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';
import { configMap, deployment, pod, sleepForever } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const count = async (kind: string, selector: string): Promise<number> =>
  (await kubectl(inNamespace('get', kind, '-l', selector, '-o', 'name'))).split('\n').filter(Boolean).length;

async function startDeployment(name: string): Promise<void> {
  await kubectl(inNamespace('apply', '-f', '-'), { input: deployment(name, { replicas: 1 }) });
  await kubectl(inNamespace('rollout', 'status', `deployment/${name}`, '--timeout=60s'));
}

before(async () => {
  namespace = await createNamespace('delete');
});
after(() => namespace.remove());

test('background: the owner goes first, what it owns follows', async () => {
  await startDeployment('background');
  await kubectl(inNamespace('delete', 'deployment', 'background', '--cascade=background'));
  await eventually('its ReplicaSet to go', async () => (await count('replicasets', 'app=background')) === 0);
  await eventually('its pods to go', async () => (await count('pods', 'app=background')) === 0);
});

test('foreground: the owner waits for what it owns', async () => {
  await startDeployment('foreground');
  await kubectl(inNamespace('delete', 'deployment', 'foreground', '--cascade=foreground'));
  assert.equal(await count('pods', 'app=foreground'), 0);
  assert.equal(await count('replicasets', 'app=foreground'), 0);
});

test('orphan: what was owned stays, owned by nobody', async () => {
  await startDeployment('orphan');
  await kubectl(inNamespace('delete', 'deployment', 'orphan', '--cascade=orphan'));
  const { items } = await eventually('the owner reference to go', async () => {
    const sets = await kubectlJson<{ items: { metadata: { ownerReferences?: unknown[] } }[] }>(
      inNamespace('get', 'replicasets', '-l', 'app=orphan'),
    );
    return sets.items[0]?.metadata.ownerReferences === undefined ? sets : undefined;
  });
  assert.equal(items.length, 1);
  assert.equal(await count('pods', 'app=orphan'), 1);
  await kubectl(inNamespace('delete', 'replicasets', '-l', 'app=orphan'));
});

test('a pod gets its grace, and none when told so', async () => {
  const slow = 'trap "sleep 2; exit 0" TERM; while true; do sleep 0.2; done';
  await kubectl(inNamespace('create', '-f', '-'), {
    input: pod('graceful', slow, { spec: { terminationGracePeriodSeconds: 20 } }),
  });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/graceful', '--timeout=60s'));
  await kubectl(inNamespace('delete', 'pod', 'graceful', '--wait=false'));
  assert.match(await kubectl(inNamespace('get', 'pod', 'graceful')), /Terminating/);
  await kubectl(inNamespace('wait', '--for=delete', 'pod/graceful', '--timeout=30s'));

  await kubectl(inNamespace('create', '-f', '-'), { input: pod('forced', sleepForever) });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/forced', '--timeout=60s'));
  await kubectl(inNamespace('delete', 'pod', 'forced', '--grace-period=0', '--force'));
  assert.match(await kubectlFails(inNamespace('get', 'pod', 'forced')), /not found/);
});

test('a finalizer holds an object until it is taken away', async () => {
  const held = JSON.stringify({
    ...JSON.parse(configMap('held', {})),
    metadata: { name: 'held', finalizers: ['example.com/hold'] },
  });
  await kubectl(inNamespace('create', '-f', '-'), { input: held });
  await kubectl(inNamespace('delete', 'configmap', 'held', '--wait=false'));
  const { metadata } = await kubectlJson<{ metadata: { deletionTimestamp?: string } }>(
    inNamespace('get', 'configmap', 'held'),
  );
  assert.ok(metadata.deletionTimestamp);
  await kubectl(inNamespace('patch', 'configmap', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'));
  await kubectl(inNamespace('wait', '--for=delete', 'configmap/held', '--timeout=20s'));
});

test('delete by selector and of what is not there', async () => {
  for (const name of ['x1', 'x2']) {
    await kubectl(inNamespace('create', 'configmap', name));
    await kubectl(inNamespace('label', 'configmap', name, 'set=x'));
  }
  assert.match(await kubectl(inNamespace('delete', 'configmap', '-l', 'set=x')), /"x1" deleted[\s\S]*"x2" deleted/);
  assert.match(await kubectlFails(inNamespace('delete', 'configmap', 'nobody')), /NotFound/);
  assert.equal((await tryKubectl(inNamespace('delete', 'configmap', 'nobody', '--ignore-not-found'))).code, 0);
});

test('a namespace takes everything in it along', async () => {
  const doomed = await createNamespace('doomed');
  await kubectl(['-n', doomed.name, 'create', '-f', '-'], {
    input: [deployment('web', { replicas: 1 }), configMap('plain', {})].join('\n'),
  });
  await kubectl(['delete', 'namespace', doomed.name, '--timeout=90s']);
  assert.match(await kubectlFails(['get', 'namespace', doomed.name]), /not found/);
  assert.match(
    await kubectlFails(['-n', doomed.name, 'create', 'configmap', 'late']),
    /namespaces "doomed-\w+" not found/,
  );
});

test('wait for a condition and for a field', async () => {
  await startDeployment('waited');
  await kubectl(inNamespace('wait', '--for=condition=Available', 'deployment/waited', '--timeout=30s'));
  await kubectl(inNamespace('wait', '--for=jsonpath={.status.readyReplicas}=1', 'deployment/waited', '--timeout=30s'));
  assert.match(
    await kubectlFails(inNamespace('wait', '--for=condition=Nonsense', 'deployment/waited', '--timeout=1s')),
    /timed out waiting/,
  );
});
