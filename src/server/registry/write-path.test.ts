import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { builtinResources } from '../../api/registry.ts';
import { silentLogger } from '../../machinery/logger.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { createApi } from '../api.ts';
import { type Answer, patch, Requests } from '../api-requests.ts';
import type { AdmissionChain, Api } from '../contract.ts';
import type { AdmissionAttributes } from '../request.ts';

const namespace = '/api/v1/namespaces/default';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const applyType = { 'content-type': 'application/apply-patch+yaml' };

/** What admission saw, in order. */
const seen: AdmissionAttributes[] = [];

/** Does to every pod what the real plugins do: a toleration, a volume, limits. */
const admission: AdmissionChain = {
  handles: () => true,
  admit(attributes) {
    seen.push(attributes);
    if (attributes.operation === 'CREATE' && attributes.resource === 'pods' && attributes.subresource === '') {
      const { spec } = attributes.object as unknown as Pod;
      if (spec !== undefined) {
        spec.tolerations = [{ key: 'k', operator: 'Exists' }];
        spec.volumes = [{ name: 'token', emptyDir: {} }];
        for (const container of attributes.name === 'limited' ? (spec.containers ?? []) : []) {
          container.resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } };
        }
      }
    }
    return Promise.resolve();
  },
  validate: () => Promise.resolve(),
};

function pod(name: string): UnknownObject {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
  } as UnknownObject;
}

function deployment(name: string, spec: object = {}): UnknownObject {
  const labels = { app: name };
  return {
    kind: 'Deployment',
    apiVersion: 'apps/v1',
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
      ...spec,
    },
  } as UnknownObject;
}

function fieldsOf(answer: Answer, manager: string): Record<string, Record<string, unknown> | undefined> {
  const entry = answer.object.metadata.managedFields?.find((candidate) => candidate.manager === manager);
  return (entry?.fieldsV1 ?? {}) as Record<string, Record<string, unknown> | undefined>;
}

describe('write path', () => {
  let api: Api;
  let requests: Requests;

  before(async () => {
    api = await createApi({ store: new MemoryStore(), rows: builtinResources, admission, logger: silentLogger });
    requests = new Requests(api);
  });
  after(() => api.close());

  test('the creator owns what it sent with its defaults, not what admission and strategy add', async () => {
    const made = await requests.send('POST', `${namespace}/pods?fieldManager=me`, pod('owned'));
    assert.equal(made.status, 201, made.text);
    const { 'f:spec': spec, 'f:status': status } = fieldsOf(made, 'me');
    assert.ok(spec?.['f:containers']);
    assert.ok(spec['f:restartPolicy'], 'a default is owned');
    assert.equal(spec['f:tolerations'], undefined);
    assert.equal(spec['f:volumes'], undefined);
    assert.equal(status, undefined);
  });

  test('the QoS class is that of the limits that admission gave', async () => {
    const made = await requests.send('POST', `${namespace}/pods`, pod('limited'));
    assert.equal((made.object as unknown as Pod).status?.qosClass, 'Guaranteed');
  });

  test('an apply with the same content after a create by the same manager leaves what admission added', async () => {
    await requests.send('POST', `${namespace}/pods?fieldManager=kubectl-client-side-apply`, pod('both'));
    const live = await requests.send('GET', `${namespace}/pods/both`);
    const entry = { ...live.object.metadata.managedFields?.[0], manager: 'kubectl', operation: 'Apply' };
    await patch(requests, `${namespace}/pods/both`, { metadata: { managedFields: [entry] } });
    const applied = await requests.send(
      'PATCH',
      `${namespace}/pods/both?fieldManager=kubectl&force=true`,
      pod('both'),
      applyType,
    );
    assert.equal(applied.status, 200, applied.text);
    const { spec } = applied.object as unknown as Pod;
    assert.deepEqual(spec?.tolerations, [{ key: 'k', operator: 'Exists' }]);
  });

  test('a secret sent as text is owned as data', async () => {
    const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 's' }, stringData: { a: 'b' } };
    const made = await requests.send('POST', `${namespace}/secrets?fieldManager=me`, secret);
    assert.deepEqual(Object.keys(fieldsOf(made, 'me')['f:data'] ?? {}).sort(), ['.', 'f:a']);
  });

  test('a status write is owned by its writer under its subresource', async () => {
    await requests.send('POST', deployments, deployment('statused'));
    const path = `${deployments}/statused/status?fieldManager=controller`;
    const written = await patch(requests, path, { status: { replicas: 3 }, spec: { replicas: 7 } });
    const entry = written.object.metadata.managedFields?.find(({ manager }) => manager === 'controller');
    assert.equal(entry?.subresource, 'status');
    assert.deepEqual(entry?.fieldsV1, { 'f:status': { 'f:replicas': {} } });
  });

  test('a client that sends the shorter form of what is there changes nothing', async () => {
    const made = await requests.send('POST', deployments, deployment('short'));
    const again = await requests.send('PUT', `${deployments}/short`, deployment('short'));
    assert.equal(again.object.metadata.generation, 1);
    assert.equal(again.object.metadata.resourceVersion, made.object.metadata.resourceVersion);
  });

  test('empty lists and maps of metadata and spec are not kept', async () => {
    const empty = { labels: {}, annotations: {}, finalizers: [], ownerReferences: [] };
    const labels = { app: 'empty' };
    const podSpec = {
      containers: [{ name: 'c', image: 'nginx:1', env: [] }],
      volumes: [],
      nodeSelector: {},
      securityContext: {},
    };
    const body = {
      ...deployment('empty', { template: { metadata: { labels, annotations: {} }, spec: podSpec } }),
      metadata: { name: 'empty', ...empty },
    };
    const made = await requests.send('POST', deployments, body);
    assert.equal(made.status, 201, made.text);
    for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
      assert.equal(made.object.metadata[field], undefined, field);
    }
    const kept = (made.object['spec'] as { template: { spec: Record<string, unknown> } }).template.spec;
    assert.equal(kept['volumes'], undefined);
    assert.equal(kept['nodeSelector'], undefined);
    assert.deepEqual(kept['securityContext'], {}, 'an empty struct says something');
    const patched = await patch(requests, `${deployments}/empty`, { metadata: { ownerReferences: [] } });
    assert.equal(patched.object.metadata.ownerReferences, undefined);
    assert.equal(patched.object.metadata.resourceVersion, made.object.metadata.resourceVersion);
  });

  test('an owner given twice is kept once, with a warning', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u-1' };
    const metadata = { name: 'twice', ownerReferences: [owner, owner] };
    const made = await requests.send('POST', `${namespace}/configmaps`, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata,
    });
    assert.deepEqual(made.object.metadata.ownerReferences, [owner]);
    assert.match(String(made.headers['warning']), /duplicate UID\(s\) observed: u-1/);
  });
});
