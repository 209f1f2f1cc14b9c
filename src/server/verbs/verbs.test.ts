import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { builtinResources } from '../../api/registry.ts';
import { silentLogger } from '../../machinery/logger.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { createApi } from '../api.ts';
import { noAdmission, patch, Requests, statusOf } from '../api-requests.ts';
import type { Api } from '../contract.ts';

const namespace = '/api/v1/namespaces/default';
const configMaps = `${namespace}/configmaps`;

describe('verbs', () => {
  let api: Api;
  let requests: Requests;

  before(async () => {
    const rows = builtinResources;
    api = await createApi({ store: new MemoryStore(), rows, admission: noAdmission, logger: silentLogger });
    requests = new Requests(api);
  });
  after(() => api.close());

  const configMap = (name: string, rest: object = {}) =>
    requests.send('POST', configMaps, { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, ...rest } });

  test('a delete answers a Status with the uid, or the object where upstream does', async () => {
    const { object } = await configMap('going');
    const deleted = await requests.send('DELETE', `${configMaps}/going`);
    assert.equal(deleted.object.kind, 'Status');
    assert.deepEqual(statusOf(deleted).details, { name: 'going', kind: 'configmaps', uid: object.metadata.uid });

    const account = { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'going' } };
    const made = await requests.send('POST', `${namespace}/serviceaccounts`, account);
    const gone = await requests.send('DELETE', `${namespace}/serviceaccounts/going`);
    assert.equal(gone.object.kind, 'ServiceAccount');
    assert.equal(gone.object.metadata.uid, made.object.metadata.uid);
    assert.equal(gone.object.metadata.deletionTimestamp, undefined);
    assert.ok(Number(gone.object.metadata.resourceVersion) > Number(made.object.metadata.resourceVersion));
  });

  test('a delete that waits for finalizers answers the object, with 202 where dependents were to go too', async () => {
    await configMap('held', { finalizers: ['example.com/hold'] });
    const held = await requests.send('DELETE', `${configMaps}/held`, {
      kind: 'DeleteOptions',
      apiVersion: 'v1',
      orphanDependents: false,
    });
    assert.equal(held.status, 202);
    assert.equal(held.object.kind, 'ConfigMap');
    assert.ok(held.object.metadata.deletionTimestamp);
    await patch(requests, `${configMaps}/held`, { metadata: { finalizers: null } });
    assert.equal((await requests.send('GET', `${configMaps}/held`)).status, 404);
  });

  const yaml = 'kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: twice\ndata:\n  a: "1"\n  a: "2"\n';
  const yamlType = { 'content-type': 'application/yaml' };

  test('a key that stands twice in YAML warns, or refuses under strict validation', async () => {
    const refused = await requests.send('POST', `${configMaps}?fieldValidation=Strict`, yaml, yamlType);
    assert.equal(refused.status, 400);
    assert.match(
      statusOf(refused).message ?? '',
      /strict decoding error: yaml: unmarshal errors:\n {2}line 7: key "a" already set in map$/,
    );
    const warned = await requests.send('POST', configMaps, yaml, yamlType);
    assert.equal(warned.status, 201);
    assert.match(String(warned.headers['warning']), /line 7: key \\"a\\" already set in map/);
    assert.deepEqual(warned.object['data'], { a: '2' });
  });

  test('a field that stands twice in a patch warns, or refuses under strict validation', async () => {
    await configMap('patched');
    const body = '{"data":{"a":"1","a":"2"}}';
    const type = { 'content-type': 'application/merge-patch+json' };
    const strict = await requests.send('PATCH', `${configMaps}/patched?fieldValidation=Strict`, body, type);
    assert.equal(strict.status, 422);
    assert.match(statusOf(strict).message ?? '', /strict decoding error: duplicate field "data.a"/);
    const warned = await requests.send('PATCH', `${configMaps}/patched`, body, type);
    assert.match(String(warned.headers['warning']), /duplicate field \\"data.a\\"/);
  });

  test('an update or apply that would create needs the right to create', async () => {
    const authorize = ({ verb }: { verb: string }) =>
      Promise.resolve({ decision: verb === 'create' ? ('noOpinion' as const) : ('allow' as const), reason: '' });
    const limited = new Requests(api, { name: 'no creates', authorize });
    const body = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'not-yet' } };
    const type = { 'content-type': 'application/apply-patch+yaml' };
    const applied = await limited.send('PATCH', `${configMaps}/not-yet?fieldManager=me`, body, type);
    assert.equal(applied.status, 403, applied.text);
    assert.match(statusOf(applied).message ?? '', /cannot create resource "configmaps"/);
    const lease = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name: 'not-yet' } };
    const put = '/apis/coordination.k8s.io/v1/namespaces/default/leases/not-yet';
    assert.equal((await limited.send('PUT', put, lease)).status, 403);
    assert.equal((await requests.send('PUT', put, lease)).status, 201);
    assert.equal((await limited.send('PUT', put, { ...lease, spec: { holderIdentity: 'me' } })).status, 422);
  });

  test('an update without a resourceVersion is refused where the kind asks for one', async () => {
    const put = '/apis/coordination.k8s.io/v1/namespaces/default/leases/versioned';
    const lease = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata: { name: 'versioned' } };
    await requests.send('PUT', put, lease);
    assert.equal(
      statusOf(await requests.send('PUT', put, lease)).message,
      'leases.coordination.k8s.io "versioned" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    );
  });

  test('an update whose object has no name is refused', async () => {
    await configMap('unnamed');
    const body = { kind: 'ConfigMap', apiVersion: 'v1', metadata: {} };
    const answer = await requests.send('PUT', `${configMaps}/unnamed`, body);
    assert.equal(
      statusOf(answer).message,
      'the name of the object (unnamed based on URL) was undeterminable: name must be provided',
    );
  });

  test('a create of what is going away says so', async () => {
    await configMap('leaving', { finalizers: ['example.com/hold'] });
    await requests.send('DELETE', `${configMaps}/leaving`);
    const answer = await configMap('leaving');
    assert.equal(answer.status, 409);
    assert.equal(statusOf(answer).message, 'object is being deleted: configmaps "leaving" already exists');
  });

  test('a collection delete answers what it deleted in the order of the list', async () => {
    for (const name of ['c-1', 'c-2', 'c-3']) await configMap(name, { labels: { of: 'collection' } });
    const answer = await requests.send('DELETE', `${configMaps}?labelSelector=of%3Dcollection`);
    const items = answer.object['items'] as { metadata: { name: string } }[];
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['c-1', 'c-2', 'c-3'],
    );
  });

  test('a chunked list of a certain revision shows that one', async () => {
    const first = await configMap('r-1', { labels: { of: 'revisions' } });
    await configMap('r-2', { labels: { of: 'revisions' } });
    const revision = first.object.metadata.resourceVersion;
    const answer = await requests.send(
      'GET',
      `${configMaps}?limit=10&labelSelector=of%3Drevisions&resourceVersion=${revision}`,
    );
    assert.equal((answer.object['items'] as object[]).length, 1);
    assert.equal(answer.object.metadata.resourceVersion, revision);
  });

  test('a client that takes only protobuf gets it, one that takes JSON too gets JSON', async () => {
    await configMap('binary', { labels: { of: 'protobuf' } });
    const accept = { accept: 'application/vnd.kubernetes.protobuf' };
    const one = await requests.send('GET', `${configMaps}/binary`, undefined, accept);
    assert.equal(one.headers['content-type'], 'application/vnd.kubernetes.protobuf');
    assert.ok(one.text.startsWith('k8s\0'));
    const listed = await requests.send('GET', `${configMaps}?labelSelector=of%3Dprotobuf`, undefined, accept);
    assert.match(listed.text, /ConfigMapList/);
    const both = { accept: 'application/vnd.kubernetes.protobuf,application/json' };
    assert.equal((await requests.send('GET', `${configMaps}/binary`, undefined, both)).object.kind, 'ConfigMap');
    const table = { accept: 'application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1' };
    assert.equal((await requests.send('GET', configMaps, undefined, table)).status, 406);
    const watched = `${configMaps}?watch=1&timeoutSeconds=1&labelSelector=of%3Dprotobuf`;
    const events = await requests.send('GET', watched, undefined, accept);
    assert.equal(events.headers['content-type'], 'application/vnd.kubernetes.protobuf;stream=watch');
    assert.match(events.text, /ADDED/);
  });

  test('of two applies or updates that would create, both take effect', async () => {
    const type = { 'content-type': 'application/apply-patch+yaml' };
    const applied = await Promise.all(
      ['a', 'b', 'c'].map((manager) => {
        const body = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'raced' }, data: { [manager]: '1' } };
        return requests.send('PATCH', `${configMaps}/raced?fieldManager=${manager}`, body, type);
      }),
    );
    assert.deepEqual(applied.map(({ status }) => status).sort(), [200, 200, 201]);
    const read = await requests.send('GET', `${configMaps}/raced`);
    assert.deepEqual(Object.keys(read.object['data'] as object).sort(), ['a', 'b', 'c']);
    const service = `${namespace}/services/raced`;
    const put = { kind: 'Service', apiVersion: 'v1', metadata: { name: 'raced' }, spec: { ports: [{ port: 80 }] } };
    const answers = await Promise.all([requests.send('PUT', service, put), requests.send('PUT', service, put)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 201]);
  });
});
