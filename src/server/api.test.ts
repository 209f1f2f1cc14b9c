import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { builtinResources } from '../api/registry.ts';
import { silentLogger } from '../machinery/logger.ts';
import type { UnknownObject } from '../machinery/meta.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { createApi } from './api.ts';
import { type Answer, noAdmission, patch, Requests, statusOf } from './api-requests.ts';
import type { Api } from './contract.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';

function configMap(name: string, data: Record<string, string> = {}, labels?: Record<string, string>): object {
  return { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, ...(labels === undefined ? {} : { labels }) }, data };
}

function pod(name: string, labels: Record<string, string> = {}): object {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, labels },
    spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
  };
}

describe('api', () => {
  let api: Api;
  let requests: Requests;

  before(async () => {
    api = await createApi({
      store: new MemoryStore(),
      rows: builtinResources,
      admission: noAdmission,
      logger: silentLogger,
    });
    requests = new Requests(api);
  });
  after(() => api.close());

  test('a created object is answered, read, listed, changed and deleted', async () => {
    const created = await requests.send('POST', configMaps, configMap('one', { a: '1' }));
    assert.equal(created.status, 201, created.text);
    assert.match(created.object.metadata.uid ?? '', /^[0-9a-f-]{36}$/);
    const read = await requests.send('GET', `${configMaps}/one`);
    assert.equal(read.text, created.text);
    const listed = await requests.send('GET', configMaps);
    assert.equal(listed.object.kind, 'ConfigMapList');
    assert.deepEqual(listed.object['items'], [created.object]);
    const changed = await requests.send('PUT', `${configMaps}/one`, { ...created.object, data: { a: '2' } });
    assert.equal(changed.status, 200, changed.text);
    assert.deepEqual(changed.object['data'], { a: '2' });
    const stale = await requests.send('PUT', `${configMaps}/one`, { ...created.object, data: { a: '3' } });
    assert.equal(
      statusOf(stale).message,
      'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
    );
    const deleted = await requests.send('DELETE', `${configMaps}/one`);
    assert.equal(deleted.status, 200, deleted.text);
    const missing = await requests.send('GET', `${configMaps}/one`);
    assert.equal(missing.status, 404);
    assert.equal(statusOf(missing).message, 'configmaps "one" not found');
  });

  test('an update that changes nothing keeps the resourceVersion', async () => {
    const created = await requests.send('POST', configMaps, configMap('same', { a: '1' }));
    const again = await requests.send('PUT', `${configMaps}/same`, configMap('same', { a: '1' }));
    assert.equal(again.object.metadata.resourceVersion, created.object.metadata.resourceVersion);
  });

  test('a watch sees what is there and what comes', async () => {
    await requests.send('POST', configMaps, configMap('watched', {}, { app: 'w' }));
    const events = await requests.watch(`${configMaps}?watch=true&labelSelector=app%3Dw`, 4, async () => {
      await patch(requests, `${configMaps}/watched`, { data: { a: '1' } });
      await patch(requests, `${configMaps}/watched`, { metadata: { labels: { app: 'x' } } });
      await patch(requests, `${configMaps}/watched`, { metadata: { labels: { app: 'w' } } });
    });
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'DELETED', 'ADDED'],
    );
  });

  test('a list in chunks reads one state', async () => {
    for (const name of ['p1', 'p2', 'p3']) await requests.send('POST', configMaps, configMap(name, {}, { page: 'y' }));
    const path = `${configMaps}?labelSelector=page&limit=2`;
    const first = await requests.send('GET', path);
    await requests.send('DELETE', `${configMaps}/p3`);
    const token = (first.object.metadata as { continue?: string }).continue ?? '';
    const second = await requests.send('GET', `${path}&continue=${token}`);
    assert.deepEqual(namesOf(first), ['p1', 'p2']);
    assert.deepEqual(namesOf(second), ['p3']);
    assert.equal(second.object.metadata.resourceVersion, first.object.metadata.resourceVersion);
  });

  test('a Table has a row for each object', async () => {
    await requests.send('POST', pods, pod('tabled'));
    const table = await requests.send('GET', `${pods}?fieldSelector=metadata.name=tabled`, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    });
    assert.equal(table.object.kind, 'Table');
    const rows = table.object['rows'] as { cells: unknown[]; object: UnknownObject }[];
    assert.equal(rows[0]?.cells[0], 'tabled');
    assert.equal(rows[0]?.object.kind, 'PartialObjectMetadata');
  });

  test('unknown fields warn, or refuse under strict validation', async () => {
    const wrong = { ...configMap('strict'), dada: {} };
    const warned = await requests.send('POST', `${configMaps}?dryRun=All`, wrong);
    assert.equal(warned.status, 201);
    assert.match(String(warned.headers['warning']), /unknown field \\"dada\\"/);
    const refused = await requests.send('POST', `${configMaps}?fieldValidation=Strict`, wrong);
    assert.equal(refused.status, 400);
    assert.equal(
      statusOf(refused).message,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dada"',
    );
  });

  test('server-side apply creates, and conflicts with another manager', async () => {
    const type = { 'content-type': 'application/apply-patch+yaml' };
    const path = `${configMaps}/applied?fieldManager=`;
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\ndata:\n  a: "1"\n';
    const created = await requests.send('PATCH', `${path}one`, text, type);
    assert.equal(created.status, 201, created.text);
    const again = await requests.send('PATCH', `${path}one`, text, type);
    assert.equal(again.status, 200);
    assert.equal(again.object.metadata.resourceVersion, created.object.metadata.resourceVersion);
    const other = await requests.send('PATCH', `${path}two`, text.replace('"1"', '"2"'), type);
    assert.equal(other.status, 409);
    assert.match(statusOf(other).message ?? '', /conflict with "one": \.data\.a/);
    const forced = await requests.send('PATCH', `${path}two&force=true`, text.replace('"1"', '"2"'), type);
    assert.deepEqual(forced.object['data'], { a: '2' });
  });

  test('finalizers hold an object until they are gone', async () => {
    const held = configMap('held') as UnknownObject;
    held.metadata.finalizers = ['example.com/hold'];
    await requests.send('POST', configMaps, held);
    const marked = await requests.send('DELETE', `${configMaps}/held`);
    assert.ok(marked.object.metadata.deletionTimestamp);
    assert.equal((await requests.send('GET', `${configMaps}/held`)).status, 200);
    const released = await patch(requests, `${configMaps}/held`, { metadata: { finalizers: null } });
    assert.equal(released.status, 200, released.text);
    assert.equal((await requests.send('GET', `${configMaps}/held`)).status, 404);
  });

  test('propagation policies become finalizers', async () => {
    await requests.send('POST', configMaps, configMap('owner'));
    const orphan = await requests.send('DELETE', `${configMaps}/owner?propagationPolicy=Orphan`);
    assert.deepEqual(orphan.object.metadata.finalizers, ['orphan']);
    const foreground = await requests.send('DELETE', `${configMaps}/owner`, { propagationPolicy: 'Foreground' });
    assert.deepEqual(foreground.object.metadata.finalizers, ['foregroundDeletion']);
  });

  test('a delete with the wrong uid is refused', async () => {
    await requests.send('POST', configMaps, configMap('other'));
    const refused = await requests.send('DELETE', `${configMaps}/other`, { preconditions: { uid: 'x' } });
    assert.equal(refused.status, 409);
    assert.match(statusOf(refused).message ?? '', /the UID in the precondition \(x\) does not match/);
  });

  test('a bound pod is given its grace period, and a second delete with none ends it', async () => {
    await requests.send('POST', pods, pod('graceful'));
    const target = { kind: 'Node', name: 'n1' };
    const binding = { kind: 'Binding', apiVersion: 'v1', metadata: { name: 'graceful' }, target };
    const bound = await requests.send('POST', `${pods}/graceful/binding`, binding);
    assert.equal(bound.status, 201, bound.text);
    const again = await requests.send('POST', '/api/v1/namespaces/default/bindings', binding);
    assert.equal(
      statusOf(again).message,
      'Operation cannot be fulfilled on pods/binding "graceful": pod graceful is already assigned to node "n1"',
    );
    const read = await requests.send('GET', `${pods}?fieldSelector=spec.nodeName%3Dn1`);
    assert.deepEqual(namesOf(read), ['graceful']);
    const marked = await requests.send('DELETE', `${pods}/graceful`);
    assert.equal(marked.object.metadata.deletionGracePeriodSeconds, 30);
    const shorter = await requests.send('DELETE', `${pods}/graceful?gracePeriodSeconds=5`);
    assert.equal(shorter.object.metadata.deletionGracePeriodSeconds, 5);
    const gone = await requests.send('DELETE', `${pods}/graceful?gracePeriodSeconds=0`);
    assert.equal(gone.object.kind, 'Pod');
    assert.equal((await requests.send('GET', `${pods}/graceful`)).status, 404);
  });

  test('a namespace goes when it is finalized', async () => {
    const namespaces = '/api/v1/namespaces';
    await requests.send('POST', namespaces, { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'leaving' } });
    const marked = await requests.send('DELETE', `${namespaces}/leaving`);
    assert.deepEqual(marked.object['status'], { phase: 'Terminating' });
    const finalized = await requests.send('PUT', `${namespaces}/leaving/finalize`, { ...marked.object, spec: {} });
    assert.equal(finalized.status, 200, finalized.text);
    assert.equal((await requests.send('GET', `${namespaces}/leaving`)).status, 404);
  });

  test('services created at once have addresses and node ports of their own', async () => {
    const created = await Promise.all(
      Array.from({ length: 40 }, (_, index) => requests.send('POST', services, service(`many-${index}`))),
    );
    const specs = created.map(({ object }) => object['spec'] as ServiceSpec);
    assert.equal(new Set(specs.map(({ clusterIP }) => clusterIP)).size, 40);
    assert.equal(new Set(specs.map(({ ports }) => ports[0]?.nodePort)).size, 40);
  });

  test('an address or node port in use is refused, and free again after a delete', async () => {
    const first = await requests.send('POST', services, service('first', { nodePort: 30023 }));
    assert.equal(first.status, 201, first.text);
    const second = await requests.send('POST', services, service('second', { nodePort: 30023 }));
    assert.equal(
      statusOf(second).message,
      'Service "second" is invalid: spec.ports[0].nodePort: Invalid value: 30023: provided port is already allocated',
    );
    await requests.send('DELETE', `${services}/first`);
    assert.equal((await requests.send('POST', services, service('second', { nodePort: 30023 }))).status, 201);
    const changed = await patch(requests, `${services}/second`, { spec: { type: 'ClusterIP' } });
    assert.equal((changed.object['spec'] as ServiceSpec).ports[0]?.nodePort, undefined, changed.text);
  });

  test('an eviction that a budget does not allow is refused', async () => {
    await requests.send('POST', pods, pod('guarded', { guard: 'me' }));
    await api.objects.modify(podKind, 'default', 'guarded', setRunning, 'status');
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    const budget = await requests.send('POST', budgets, {
      kind: 'PodDisruptionBudget',
      apiVersion: 'policy/v1',
      metadata: { name: 'guard' },
      spec: { minAvailable: 1, selector: { matchLabels: { guard: 'me' } } },
    });
    assert.equal(budget.status, 201, budget.text);
    const status = {
      observedGeneration: 1,
      disruptionsAllowed: 0,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    };
    await patch(requests, `${budgets}/guard/status`, { status });
    const eviction = { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'guarded' } };
    const refused = await requests.send('POST', `${pods}/guarded/eviction`, eviction);
    assert.equal(refused.status, 429, refused.text);
    assert.equal(statusOf(refused).message, "Cannot evict pod as it would violate the pod's disruption budget.");
    await patch(requests, `${budgets}/guard/status`, { status: { ...status, disruptionsAllowed: 1 } });
    const evicted = await requests.send('POST', `${pods}/guarded/eviction`, eviction);
    assert.equal(evicted.status, 201, evicted.text);
    assert.equal((await requests.send('GET', `${pods}/guarded`)).status, 404);
  });

  test('a scale reads and writes replicas', async () => {
    const labels = { app: 's' };
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    const created = await requests.send('POST', deployments, {
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: { name: 's' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    assert.equal(created.status, 201, created.text);
    const scaled = await patch(requests, `${deployments}/s/scale`, { spec: { replicas: 4 } });
    assert.deepEqual(scaled.object['spec'], { replicas: 4 }, scaled.text);
    const read = await requests.send('GET', `${deployments}/s/scale`);
    assert.deepEqual(read.object['status'], { replicas: 0, selector: 'app=s' });
    const deployment = await requests.send('GET', `${deployments}/s`);
    assert.equal(deployment.object.metadata.generation, 2);
  });

  test('concurrent patches all take effect', async () => {
    await requests.send('POST', configMaps, configMap('shared'));
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        patch(requests, `${configMaps}/shared`, { data: { [`k${index}`]: 'v' } }),
      ),
    );
    for (const answer of answers) assert.equal(answer.status, 200, answer.text);
    const read = await requests.send('GET', `${configMaps}/shared`);
    assert.equal(Object.keys(read.object['data'] as object).length, 8);
  });

  test('a generated name is unique and keeps its base', async () => {
    const generated = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { generateName: 'gen-' } };
    const { object } = await requests.send('POST', configMaps, generated);
    assert.match(object.metadata.name, /^gen-[a-z0-9]{5}$/);
  });

  test('a list or watch from before the cache is answered 410', async () => {
    const reopened = await createApi({
      store: await storeWithHistory(),
      rows: builtinResources,
      admission: noAdmission,
      logger: silentLogger,
    });
    const watch = await new Requests(reopened).send('GET', `${configMaps}?watch=1&resourceVersion=1`);
    assert.equal(watch.status, 410);
    assert.equal(statusOf(watch).message, 'too old resource version: 1 (3)');
    const exact = `${configMaps}?resourceVersion=1&resourceVersionMatch=Exact`;
    assert.equal((await new Requests(reopened).send('GET', exact)).status, 410);
    await reopened.close();
  });
});

test('a row comes and goes while running, and its watches end with it', async () => {
  const store = new MemoryStore();
  const rows = builtinResources.filter(({ resource }) => resource !== 'configmaps');
  const row = builtinResources.find(({ resource }) => resource === 'configmaps');
  assert.ok(row);
  const api = await createApi({ store, rows, admission: noAdmission, logger: silentLogger });
  const requests = new Requests(api);
  assert.equal((await requests.send('GET', configMaps)).status, 404);
  await api.rows.add(row);
  assert.equal((await requests.send('POST', configMaps, configMap('a'))).status, 201);
  const watched = requests.watch(`${configMaps}?watch=1`, 2);
  await requests.send('GET', configMaps);
  api.rows.remove('', 'v1', 'configmaps');
  assert.deepEqual(
    (await watched).map(({ type }) => type),
    ['ADDED'],
  );
  assert.equal((await requests.send('GET', configMaps)).status, 404);
  await api.close();
});

interface ServiceSpec {
  readonly clusterIP: string;
  readonly ports: readonly { readonly nodePort?: number }[];
}

const services = '/api/v1/namespaces/default/services';
const podKind = { group: '', resource: 'pods' };

function service(name: string, port: { nodePort?: number } = {}): object {
  const spec = { type: 'NodePort', selector: { a: 'b' }, ports: [{ port: 80, ...port }] };
  return { kind: 'Service', apiVersion: 'v1', metadata: { name }, spec };
}

function setRunning(object: UnknownObject): undefined {
  object['status'] = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
}

async function storeWithHistory(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const name of ['a', 'b', 'c']) await store.create(`/elsewhere/${name}`, Buffer.from('{}'));
  await store.compact(3);
  return store;
}

function namesOf({ object }: Answer): string[] {
  return (object['items'] as UnknownObject[]).map(({ metadata }) => metadata.name);
}
