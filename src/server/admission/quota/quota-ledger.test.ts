import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ResourceQuota } from '../../../api/core/v1/types.generated.ts';
import { as } from '../../../api/resource.ts';
import type { Status } from '../../../machinery/meta-types.generated.ts';
import { TestServer } from '../../test-server.ts';
import { resourceQuotas } from './quota-ledger.ts';

let server: TestServer;

before(async () => {
  server = await TestServer.start();
});

after(() => server.close());

const send = (method: string, path: string, body?: object) =>
  server.send<Status & { message: string }>(method, path, body);

/** A quota as its controller would have counted it: nothing used yet. */
async function quota(namespace: string, name: string, hard: Record<string, string>): Promise<void> {
  await send('POST', `/api/v1/namespaces/${namespace}/resourcequotas`, { metadata: { name }, spec: { hard } });
  await server.api.objects.modify(
    resourceQuotas,
    namespace,
    name,
    (object) => {
      const used = Object.fromEntries(Object.keys(hard).map((one) => [one, '0']));
      as<ResourceQuota>(object).status = { hard, used };
      return true;
    },
    'status',
  );
}

function used(namespace: string, name: string): Record<string, number | string> | undefined {
  const found = server.api.objects.get(resourceQuotas, namespace, name);
  return found === undefined ? undefined : as<ResourceQuota>(found).status?.used;
}

async function namespace(name: string): Promise<string> {
  await send('POST', '/api/v1/namespaces', { metadata: { name } });
  return `/api/v1/namespaces/${name}`;
}

test('of many that come at once exactly as many are let in as there is room for', async () => {
  const base = await namespace('crowd');
  await quota('crowd', 'objects', { configmaps: '5', 'count/secrets': '100' });
  await quota('crowd', 'other', { configmaps: '7' });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) => send('POST', `${base}/configmaps`, { metadata: { name: `m${index}` } })),
  );
  assert.equal(answers.filter(({ status }) => status === 201).length, 5);
  const refused = answers.find(({ status }) => status === 403);
  assert.match(
    refused?.body.message ?? '',
    /^configmaps "m\d+" is forbidden: exceeded quota: objects, requested: configmaps=1, used: configmaps=5, limited: configmaps=5$/,
  );
  assert.deepEqual([used('crowd', 'objects')?.['configmaps'], used('crowd', 'other')?.['configmaps']], ['5', '5']);
});

test('what is only tried is not charged', async () => {
  const base = await namespace('tried');
  await quota('tried', 'objects', { configmaps: '1' });
  assert.equal((await send('POST', `${base}/configmaps?dryRun=All`, { metadata: { name: 'a' } })).status, 201);
  assert.equal(used('tried', 'objects')?.['configmaps'], '0');
});

test('an update is charged with what it adds', async () => {
  const base = await namespace('grow');
  await quota('grow', 'ports', { 'services.nodeports': '1' });
  const service = { metadata: { name: 's' }, spec: { ports: [{ name: 'a', port: 1 }] } };
  assert.equal((await send('POST', `${base}/services`, service)).status, 201);
  const made = await send('GET', `${base}/services/s`);
  const grown = made.body as unknown as { spec: { ports: object[] } };
  const spec = { ...grown.spec, type: 'NodePort', ports: [...grown.spec.ports, { name: 'b', port: 2 }] };
  const refused = await send('PUT', `${base}/services/s`, { ...grown, spec });
  assert.match(
    refused.body.message,
    /requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1$/,
  );
  const one = await send('PUT', `${base}/services/s`, { ...grown, spec: { ...spec, ports: grown.spec.ports } });
  assert.equal(one.status, 200, one.body.message);
  assert.equal(used('grow', 'ports')?.['services.nodeports'], '1');
});

test('a pod that does not say what is counted is refused', async () => {
  const base = await namespace('silent');
  await send('POST', `${base}/serviceaccounts`, { metadata: { name: 'default' } });
  await quota('silent', 'compute', { 'limits.cpu': '1' });
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const { body } = await send('POST', `${base}/pods`, pod);
  assert.equal(body.message, 'pods "p" is forbidden: failed quota: compute: must specify limits.cpu for: c');
});
