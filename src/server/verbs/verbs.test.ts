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
});
