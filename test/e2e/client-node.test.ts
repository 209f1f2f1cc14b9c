/** A client library that nobody here wrote, with an operator's life on it: informer, CRD, watch, exec, patch. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import {
  ApiextensionsV1Api,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1Pod,
  type V1Status,
} from '@kubernetes/client-node';
import { createNamespace, eventually } from './kubectl.ts';
import { pod, sleepForever } from './manifests.ts';

const config = new KubeConfig();
let namespace: Awaited<ReturnType<typeof createNamespace>>;

before(async () => {
  config.loadFromDefault();
  namespace = await createNamespace('client-node');
});
after(() => namespace.remove());

test('client-node: create, read, list and delete typed objects', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const body = { metadata: { name: 'typed' }, data: { a: '1' } };
  await core.createNamespacedConfigMap({ namespace: namespace.name, body });
  const read = await core.readNamespacedConfigMap({ namespace: namespace.name, name: 'typed' });
  assert.deepEqual(read.data, { a: '1' });
  assert.ok(read.metadata?.creationTimestamp instanceof Date);
  await core.deleteNamespacedConfigMap({ namespace: namespace.name, name: 'typed' });
  const { items } = await core.listNamespacedConfigMap({ namespace: namespace.name });
  assert.ok(items.every(({ metadata }) => metadata?.name !== 'typed'));
});

test('client-node: an informer follows a pod from creation to deletion', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const seen: string[] = [];
  const path = `/api/v1/namespaces/${namespace.name}/pods`;
  const informer = makeInformer(config, path, () => core.listNamespacedPod({ namespace: namespace.name }));
  informer.on('add', (added) => seen.push(`add ${added.metadata?.name}`));
  informer.on('update', (updated) => seen.push(`update ${updated.metadata?.name} ${updated.status?.phase}`));
  informer.on('delete', (deleted) => seen.push(`delete ${deleted.metadata?.name}`));
  await informer.start();
  try {
    const body = JSON.parse(pod('followed', sleepForever)) as V1Pod;
    await core.createNamespacedPod({ namespace: namespace.name, body });
    await eventually('add', () => seen.includes('add followed'));
    await eventually('Running', () => seen.includes('update followed Running'));
    await core.deleteNamespacedPod({ namespace: namespace.name, name: 'followed' });
    await eventually('delete', () => seen.includes('delete followed'));
  } finally {
    await informer.stop();
  }
});

test('client-node: exec over its own WebSocket client', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const body = JSON.parse(pod('shell', sleepForever)) as V1Pod;
  await core.createNamespacedPod({ namespace: namespace.name, body });
  await eventually('Running', async () => {
    const { status } = await core.readNamespacedPod({ namespace: namespace.name, name: 'shell' });
    return status?.phase === 'Running';
  });
  const stdout = new PassThrough();
  const printed = text(stdout);
  const status = await new Promise<V1Status>((resolve, reject) => {
    const command = ['sh', '-c', 'echo from exec; exit 7'];
    new Exec(config).exec(namespace.name, 'shell', 'main', command, stdout, null, null, false, resolve).catch(reject);
  });
  assert.equal(status.reason, 'NonZeroExitCode');
  assert.equal(status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message, '7');
  stdout.end();
  assert.equal(await printed, 'from exec\n');
});

test('client-node: scale by the subresource, patch by every strategy', async () => {
  const apps = config.makeApiClient(AppsV1Api);
  const objects = KubernetesObjectApi.makeApiClient(config);
  const labels = { app: 'patched' };
  const container = { name: 'main', image: 'roadstead/base:latest' };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'patched', namespace: namespace.name },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  };
  const created = await objects.create(deployment);
  assert.equal(created.kind, 'Deployment');
  const metadata = { name: 'patched', namespace: namespace.name };
  const named = { apiVersion: 'apps/v1', kind: 'Deployment', metadata };
  for (const [strategy, annotation] of [
    [PatchStrategy.MergePatch, 'merge'],
    [PatchStrategy.StrategicMergePatch, 'strategic'],
  ] as const) {
    const patch = { ...named, metadata: { ...metadata, annotations: { [annotation]: 'y' } } };
    await objects.patch(patch, undefined, undefined, undefined, undefined, strategy);
  }
  const applied = { ...named, metadata: { ...metadata, labels: { applied: 'y' } } };
  await objects.patch(applied, undefined, undefined, 'client-node-test', true, PatchStrategy.ServerSideApply);
  const read = await apps.readNamespacedDeployment({ namespace: namespace.name, name: 'patched' });
  assert.equal(read.metadata?.annotations?.['merge'], 'y');
  assert.equal(read.metadata?.annotations?.['strategic'], 'y');
  assert.equal(read.metadata?.labels?.['applied'], 'y');
  const scale = await apps.readNamespacedDeploymentScale({ namespace: namespace.name, name: 'patched' });
  assert.equal(scale.spec?.replicas ?? 0, 0);
});

test('client-node: defines a kind and works with its objects', async () => {
  const extensions = config.makeApiClient(ApiextensionsV1Api);
  const custom = config.makeApiClient(CustomObjectsApi);
  const group = 'client-node.example.com';
  const name = `boats.${group}`;
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { length: { type: 'integer', minimum: 1 } } } },
    },
  };
  await extensions.createCustomResourceDefinition({
    body: {
      metadata: { name },
      spec: {
        group,
        names: { kind: 'Boat', plural: 'boats' },
        scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    },
  });
  try {
    const place = { group, version: 'v1', namespace: namespace.name, plural: 'boats' };
    const boat = (length: number): object => ({
      apiVersion: `${group}/v1`,
      kind: 'Boat',
      metadata: { name: `b${length}` },
      spec: { length },
    });
    await eventually('the new resource', async () => {
      await custom.createNamespacedCustomObject({ ...place, body: boat(7) });
      return true;
    });
    const refused = await custom
      .createNamespacedCustomObject({ ...place, body: boat(0) })
      .catch((error: unknown) => error);
    assert.match(String((refused as { body?: unknown }).body), /spec\.length/);
    const listed = (await custom.listNamespacedCustomObject(place)) as { items: { spec: { length: number } }[] };
    assert.deepEqual(
      listed.items.map(({ spec }) => spec.length),
      [7],
    );
  } finally {
    await extensions.deleteCustomResourceDefinition({ name });
  }
});
