import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';
import { pod, sleepForever } from './manifests.ts';
import { statefulSet } from './workloads.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (input: string): Promise<string> => kubectl(inNamespace('apply', '-f', '-'), { input });
const ready = (name: string): Promise<string> =>
  kubectl(inNamespace('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'));

interface Claim {
  spec: { volumeName?: string; storageClassName?: string };
  status: { phase: string; capacity?: { storage: string } };
}
const claimOf = (name: string): Promise<Claim> => kubectlJson<Claim>(inNamespace('get', 'pvc', name));

function claim(name: string, spec: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
}

function podWith(name: string, claimName: string, shell = sleepForever): string {
  return pod(name, shell, {
    container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
    spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] },
  });
}

function volume(name: string, spec: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, labels: { test: namespace.name } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: namespace.name,
      hostPath: { path: `/tmp/${name}` },
      ...spec,
    },
  });
}

before(async () => {
  namespace = await createNamespace('storage');
});
after(async () => {
  await namespace.remove();
  await tryKubectl(['delete', 'pv', '-l', `test=${namespace.name}`, '--wait=false']);
});

test('a claim without a class waits for its pod, gets a directory on its node, and keeps what was written', async () => {
  assert.match(
    await kubectl(['get', 'storageclass']),
    /local \(default\) +roadstead\.dev\/local +Delete +WaitForFirstConsumer +true/,
  );
  await apply(claim('data'));
  await eventually('the class', async () => (await claimOf('data')).spec.storageClassName === 'local');
  assert.equal((await claimOf('data')).status.phase, 'Pending');
  await eventually('the reason', async () =>
    /waiting for first consumer to be created before binding/.test(
      await kubectl(inNamespace('describe', 'pvc', 'data')),
    ),
  );

  await apply(podWith('writer', 'data', `echo kept > /data/file; ${sleepForever}`));
  await ready('writer');
  assert.match(await kubectl(inNamespace('get', 'pvc', 'data')), /data +Bound +pvc-\S+ +1Gi +RWO +local +<unset>/);
  await kubectl(inNamespace('delete', 'pod', 'writer'));
  await apply(podWith('reader', 'data'));
  await ready('reader');
  assert.equal(await kubectl(inNamespace('exec', 'reader', '--', 'cat', '/data/file')), 'kept\n');
});

test('a bound claim grows', async () => {
  const body = '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}';
  await kubectl(inNamespace('patch', 'pvc', 'data', '-p', body));
  await eventually('the size', async () => (await claimOf('data')).status.capacity?.storage === '2Gi');
});

test('deleting the claim removes the volume and its directory', async () => {
  const name = (await claimOf('data')).spec.volumeName ?? '';
  const path = await kubectl(['get', 'pv', name, '-o', 'jsonpath={.spec.local.path}']);
  assert.ok(existsSync(path));
  await kubectl(inNamespace('delete', 'pod', 'reader'));
  await kubectl(inNamespace('delete', 'pvc', 'data'));
  await eventually('the volume to go', async () => (await tryKubectl(['get', 'pv', name])).code !== 0);
  assert.ok(!existsSync(path));
});

test('a claim takes the smallest volume that suits it, and a volume that is kept stays for its claim', async () => {
  const [small, large, kept] = ['small', 'large', 'kept'].map((name) => `${namespace.name}-${name}`);
  const claimRef = { namespace: namespace.name, name: 'reserved' };
  await apply(
    [volume(large ?? '', { capacity: { storage: '5Gi' } }), volume(small ?? ''), volume(kept ?? '', { claimRef })].join(
      '\n',
    ),
  );
  await eventually('the phase', async () => /Available/.test(await kubectl(['get', 'pv', small ?? ''])));
  await apply(claim('static', { storageClassName: namespace.name }));
  await eventually('the binding', async () => (await claimOf('static')).spec.volumeName === small);
  await apply(claim('reserved', { storageClassName: namespace.name }));
  await eventually('the reserved one', async () => (await claimOf('reserved')).spec.volumeName === kept);
  await apply(claim('huge', { storageClassName: namespace.name, resources: { requests: { storage: '10Gi' } } }));
  await eventually('the event', async () =>
    /storageclass\.storage\.k8s\.io "\S+" not found/.test(await kubectl(inNamespace('describe', 'pvc', 'huge'))),
  );
  assert.equal((await claimOf('huge')).status.phase, 'Pending');

  // Retain: the volume stays, and nobody else gets it.
  await kubectl(inNamespace('delete', 'pvc', 'static'));
  await eventually('the release', async () =>
    new RegExp(`${small} +1Gi +RWO +Retain +Released +${namespace.name}/static`).test(
      await kubectl(['get', 'pv', small ?? '']),
    ),
  );
  // A claim whose volume is taken away knows it.
  await kubectl(['patch', 'pv', kept ?? '', '-p', '{"metadata":{"finalizers":null}}']);
  await kubectl(['delete', 'pv', kept ?? '', '--wait=false']);
  await kubectl(['patch', 'pv', kept ?? '', '-p', '{"metadata":{"finalizers":null}}']).catch(() => '');
  await eventually('the loss', async () => (await claimOf('reserved')).status.phase === 'Lost');
});

test('a stateful set has a claim for each pod, kept when it shrinks and removed with it when so asked', async () => {
  const templates = [
    {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    },
  ];
  await apply(
    statefulSet('db', {
      shell: `[ -f /data/id ] || hostname > /data/id; ${sleepForever}`,
      container: { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
      of: {
        replicas: 2,
        podManagementPolicy: 'Parallel',
        volumeClaimTemplates: templates,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Retain' },
      },
    }),
  );
  await kubectl(inNamespace('rollout', 'status', 'statefulset/db', '--timeout=60s'));
  await kubectl(inNamespace('scale', 'statefulset/db', '--replicas=1'));
  await eventually('one pod', async () => (await tryKubectl(inNamespace('get', 'pod', 'db-1'))).code !== 0);
  assert.equal((await claimOf('data-db-1')).status.phase, 'Bound');
  await kubectl(inNamespace('scale', 'statefulset/db', '--replicas=2'));
  await ready('db-1').catch(() => eventually('db-1', () => ready('db-1')));
  assert.equal(await kubectl(inNamespace('exec', 'db-1', '--', 'cat', '/data/id')), 'db-1\n');

  const retention = { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' } };
  await kubectl(
    inNamespace('patch', 'statefulset', 'db', '-p', JSON.stringify({ spec: { ...retention, replicas: 1 } })),
  );
  await eventually(
    'the claim of db-1 to go',
    async () => (await tryKubectl(inNamespace('get', 'pvc', 'data-db-1'))).code !== 0,
  );
  await kubectl(inNamespace('delete', 'statefulset', 'db'));
  await eventually(
    'the other to go',
    async () => (await tryKubectl(inNamespace('get', 'pvc', 'data-db-0'))).code !== 0,
  );
});

test('a generic ephemeral volume lives as long as its pod', async () => {
  const volumeClaimTemplate = {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  };
  await apply(
    pod('scratch', sleepForever, {
      container: { volumeMounts: [{ name: 'tmp', mountPath: '/scratch' }] },
      spec: { volumes: [{ name: 'tmp', ephemeral: { volumeClaimTemplate } }] },
    }),
  );
  await ready('scratch');
  await kubectl(inNamespace('exec', 'scratch', '--', 'sh', '-c', 'echo x > /scratch/x'));
  assert.equal((await claimOf('scratch-tmp')).status.phase, 'Bound');
  await kubectl(inNamespace('delete', 'pod', 'scratch'));
  await eventually('its claim to go', async () =>
    /not found/.test(await kubectlFails(inNamespace('get', 'pvc', 'scratch-tmp'))),
  );
});
