import assert from 'node:assert/strict';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const namespaces = '/api/v1/namespaces';
const podSpec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'example.test/none' }] };
const gone = async (path: string): Promise<boolean> => (await suite.api.send('GET', path)).status === 404;

behaviour('Namespace patching', async () => {
  await suite.namespace('patched');
  await suite.api.patch(`${namespaces}/patched`, { metadata: { labels: { testLabel: 'testValue' } } }, 'strategic');
  const read = await suite.api.get(`${namespaces}/patched`);
  assert.equal(read.metadata.labels?.['testLabel'], 'testValue');
  assert.equal(read.metadata.labels?.['kubernetes.io/metadata.name'], 'patched');
});

behaviour('Namespace, apply update to a namespace', async () => {
  await suite.namespace('updated');
  await suite.api.change(`${namespaces}/updated`, ({ metadata }) => {
    metadata.labels = { ...metadata.labels, updated: 'updated' };
  });
  assert.equal((await suite.api.get(`${namespaces}/updated`)).metadata.labels?.['updated'], 'updated');
});

behaviour('Namespace, apply changes to a namespace status', async () => {
  await suite.namespace('status');
  const path = `${namespaces}/status/status`;
  assert.equal(at(await suite.api.get(path), 'status.phase'), 'Active');
  const condition = { type: 'StatusPatch', status: 'True', reason: 'E2E', message: 'Patched by a test' };
  const patched = await suite.api.patch(path, {
    metadata: { annotations: { patched: 'true' } },
    status: { conditions: [condition] },
  });
  assert.equal(patched.metadata.annotations?.['patched'], 'true');
  assert.equal(at(patched, 'status.conditions.0.type'), 'StatusPatch');
  const updated = await suite.api.change(path, (object) => {
    (object['status'] as { conditions: unknown[] }).conditions.push({ ...condition, type: 'StatusUpdate' });
  });
  assert.equal(at(updated, 'status.conditions.1.type'), 'StatusUpdate');
  assert.equal(at(updated, 'status.phase'), 'Active');
});

behaviour('Namespace, apply finalizer to a namespace', async () => {
  await suite.namespace('finalized');
  const path = `${namespaces}/finalized`;
  const finalizers = async (): Promise<unknown> => at(await suite.api.get(path), 'spec.finalizers');
  const setTo = (wanted: string[]) =>
    suite.api.change(`${path}/finalize`, (object) => {
      object['spec'] = { finalizers: wanted };
    });
  await setTo(['kubernetes', 'e2e.example.com/fake']);
  assert.deepEqual(await finalizers(), ['kubernetes', 'e2e.example.com/fake']);
  await setTo(['kubernetes']);
  assert.deepEqual(await finalizers(), ['kubernetes']);
});

for (const [name, resource, body] of [
  ['namespace-deletion-removes-pods', 'pods', { spec: podSpec }],
  ['namespace-deletion-removes-services', 'services', { spec: { ports: [{ port: 80 }] } }],
] as const) {
  behaviour(name, async () => {
    const namespace = await suite.namespace(`removes-${resource}`);
    const path = `${namespaces}/${namespace}/${resource}/held`;
    await suite.api.create(`${namespaces}/${namespace}/${resource}`, { metadata: { name: 'held' }, ...body });
    await suite.api.delete(`${namespaces}/${namespace}`);
    await suite.eventually('the namespace is gone', () => gone(`${namespaces}/${namespace}`));
    await suite.namespace(namespace);
    assert.ok(await gone(path));
  });
}

behaviour('Ordered Namespace Deletion', async () => {
  const namespace = await suite.namespace('ordered');
  const path = `${namespaces}/${namespace}`;
  const held = { name: 'held', finalizers: ['e2e.example.com/finalizer'] };
  await suite.api.create(`${path}/pods`, { metadata: held, spec: podSpec });
  await suite.api.create(`${path}/configmaps`, { metadata: { name: 'after-pods' }, data: { key: 'value' } });
  await suite.api.delete(path);
  await suite.eventually('the condition says what is left', async () => {
    const conditions = at(await suite.api.get(path), 'status.conditions') as { type: string; status: string }[];
    return (
      conditions.some(({ type, status }) => type === 'NamespaceDeletionContentFailure' && status === 'True') ||
      conditions.some(({ type, status }) => type === 'NamespaceFinalizersRemaining' && status === 'True')
    );
  });
  assert.equal((await suite.api.get(`${path}/configmaps/after-pods`)).metadata.deletionTimestamp, undefined);
  await suite.api.patch(`${path}/pods/held`, { metadata: { finalizers: null } });
  await suite.eventually('the namespace is gone', () => gone(path));
});
