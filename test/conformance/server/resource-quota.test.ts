import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();

const container = (resources: object) => ({ name: 'main', image: 'example.test/none', resources });
const podSpec = (resources: object = {}, rest: object = {}) => ({
  terminationGracePeriodSeconds: 0,
  containers: [container(resources)],
  ...rest,
});
const template = { metadata: { labels: { app: 'quota' } }, spec: podSpec() };

/** A namespace of its own with one quota; paths in it, and waiting for what the quota says is used. */
async function withQuota(
  name: string,
  spec: object,
): Promise<{
  core: string;
  uses(used: Record<string, string>, quota?: string): Promise<void>;
  add(name: string, spec: object): Promise<void>;
}> {
  const namespace = await suite.namespace(name);
  const core = `/api/v1/namespaces/${namespace}`;
  const add = async (quota: string, quotaSpec: object): Promise<void> => {
    await suite.api.create(`${core}/resourcequotas`, { metadata: { name: quota }, spec: quotaSpec });
  };
  await add('quota', spec);
  const uses = (used: Record<string, string>, quota = 'quota'): Promise<void> =>
    suite.eventually(`${quota} uses ${JSON.stringify(used)}`, async () => {
      const read = await suite.api.get(`${core}/resourcequotas/${quota}`);
      assert.deepEqual(at(read, 'status.hard'), at(read, 'spec.hard'));
      for (const [resource, amount] of Object.entries(used)) {
        assert.equal((at(read, 'status.used') as Record<string, string> | undefined)?.[resource], amount, resource);
      }
      return true;
    });
  return { core, uses, add };
}

behaviour('ResourceQuota, object count quota, resourcequotas', async () => {
  const { uses } = await withQuota('quota-status', { hard: { resourcequotas: '1', pods: '5', cpu: '1' } });
  await uses({ resourcequotas: '1', pods: '0', cpu: '0' });
});

for (const [name, resource, counted, body, prefix] of [
  ['ResourceQuota, object count quota, configmap', 'configmaps', 'configmaps', { data: {} }, '/api/v1'],
  ['ResourceQuota, object count quota, secret', 'secrets', 'secrets', { data: {} }, '/api/v1'],
  [
    'ResourceQuota, object count quota, service',
    'services',
    'services',
    { spec: { ports: [{ port: 80 }] } },
    '/api/v1',
  ],
  [
    'ResourceQuota, object count quota, replicationController',
    'replicationcontrollers',
    'replicationcontrollers',
    { spec: { replicas: 0, selector: { app: 'quota' }, template } },
    '/api/v1',
  ],
  [
    'ResourceQuota, object count quota, replicaSet',
    'replicasets',
    'count/replicasets.apps',
    { spec: { replicas: 0, selector: { matchLabels: { app: 'quota' } }, template } },
    '/apis/apps/v1',
  ],
] as const) {
  behaviour(name, async () => {
    const { core, uses } = await withQuota(`quota-${resource}`, { hard: { [counted]: '2' } });
    const collection = `${prefix}${core.slice('/api/v1'.length)}/${resource}`;
    // A namespace is not born empty: its root certificate is a ConfigMap.
    const before = (await suite.api.items(collection)).length;
    await uses({ [counted]: String(before) });
    for (let count = before; count < 2; count++) {
      await suite.api.create(collection, { metadata: { name: `counted-${count}` }, ...body });
    }
    await uses({ [counted]: '2' });
    assert.match(
      await suite.api.refused(403, 'POST', collection, { body: { metadata: { name: 'over' }, ...body } }),
      /exceeded quota: quota, requested: \S+=1, used: \S+=2, limited: \S+=2/,
    );
    await suite.api.delete(`${collection}/counted-1`);
    await uses({ [counted]: '1' });
  });
}

behaviour('ResourceQuota, object count quota, pod', async () => {
  const extended = 'requests.example.com/dongle';
  const hard = { pods: '5', cpu: '1', memory: '500Mi', 'requests.ephemeral-storage': '50Gi', [extended]: '3' };
  const { core, uses } = await withQuota('quota-pods', { hard });
  const requests = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', 'example.com/dongle': '2' };
  const limits = { 'example.com/dongle': '2' };
  const pod = (name: string): object => ({ metadata: { name }, spec: podSpec({ requests, limits }) });
  await uses({ pods: '0' });
  await suite.api.create(`${core}/pods`, pod('fits'));
  const used = { pods: '1', cpu: '500m', memory: '252Mi', 'requests.ephemeral-storage': '30Gi', [extended]: '2' };
  await uses(used);
  assert.match(
    await suite.api.refused(403, 'POST', `${core}/pods`, { body: pod('does-not') }),
    /exceeded quota: quota/,
  );
  const body = { spec: { containers: [{ name: 'main', resources: { requests: { memory: '100Mi' } } }] } };
  await suite.api.refused(422, 'PATCH', `${core}/pods/fits`, { body, type: 'application/strategic-merge-patch+json' });
  await uses(used);
  await suite.api.delete(`${core}/pods/fits`);
  await uses({ pods: '0', cpu: '0', memory: '0', [extended]: '0' });
});

behaviour('ResourceQuota, update and delete', async () => {
  const { core, uses } = await withQuota('quota-update', { hard: { cpu: '1', memory: '500Mi' } });
  const path = `${core}/resourcequotas/quota`;
  await suite.api.change(path, (object) => {
    object['spec'] = { hard: { cpu: '2', memory: '1Gi' } };
  });
  await uses({ cpu: '0', memory: '0' });
  assert.deepEqual(at(await suite.api.get(path), 'spec.hard'), { cpu: '2', memory: '1Gi' });
  await suite.api.delete(path);
  await suite.api.refused(404, 'GET', path);
});

behaviour('ResourceQuota, apply changes to a ResourceQuota status', async () => {
  const { core, uses } = await withQuota('quota-hard', { hard: { cpu: '500m', memory: '500Mi' } });
  const path = `${core}/resourcequotas/quota`;
  await uses({ cpu: '0' });
  const before = await suite.api.get(path);
  const patched = await suite.api.patch(`${path}/status`, { status: { hard: { cpu: '1', memory: '1Gi' } } });
  assert.deepEqual(at(patched, 'status.hard'), { cpu: '1', memory: '1Gi' });
  assert.deepEqual(patched['spec'], before['spec']);
  await uses({ cpu: '0' });
  await suite.api.patch(path, { spec: { hard: { cpu: '2', memory: '2Gi' } } });
  await uses({ cpu: '0' });
  assert.deepEqual(at(await suite.api.get(`${path}/status`), 'status.hard'), { cpu: '2', memory: '2Gi' });
});

behaviour('ResourceQuota, quota scope, BestEffort and NotBestEffort scope', async () => {
  const { core, uses, add } = await withQuota('quota-effort', { hard: { pods: '5' }, scopes: ['BestEffort'] });
  await add('other', { hard: { pods: '5' }, scopes: ['NotBestEffort'] });
  const scoped = async (name: string, resources: object, best: string, other: string): Promise<void> => {
    await suite.api.create(`${core}/pods`, { metadata: { name }, spec: podSpec(resources) });
    await uses({ pods: best });
    await uses({ pods: other }, 'other');
    await suite.api.delete(`${core}/pods/${name}`);
    await uses({ pods: '0' });
    await uses({ pods: '0' }, 'other');
  };
  await scoped('best-effort', {}, '1', '0');
  await scoped('burstable', { requests: { cpu: '500m' }, limits: { cpu: '1' } }, '0', '1');
});

behaviour('ResourceQuota, quota scope, Terminating and NotTerminating scope', async () => {
  const hard = { pods: '5', 'requests.cpu': '1', 'limits.cpu': '2' };
  const { core, uses, add } = await withQuota('quota-terminating', { hard, scopes: ['Terminating'] });
  await add('other', { hard, scopes: ['NotTerminating'] });
  const resources = { requests: { cpu: '500m' }, limits: { cpu: '1' } };
  const used = { pods: '1', 'requests.cpu': '500m', 'limits.cpu': '1' };
  const none = { pods: '0', 'requests.cpu': '0', 'limits.cpu': '0' };
  const scoped = async (name: string, rest: object, isTerminating: boolean): Promise<void> => {
    const pod: UnknownObject = await suite.api.create(`${core}/pods`, {
      metadata: { name },
      spec: podSpec(resources, rest),
    });
    await uses(isTerminating ? used : none);
    await uses(isTerminating ? none : used, 'other');
    await suite.api.delete(`${core}/pods/${pod.metadata.name}`);
    await uses(none);
    await uses(none, 'other');
  };
  await scoped('long-running', {}, false);
  await scoped('terminating', { activeDeadlineSeconds: 3600 }, true);
});
