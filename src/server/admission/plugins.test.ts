import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/core/v1/types.generated.ts';
import type { Ingress } from '../../api/networking/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { TestServer } from '../test-server.ts';
import { areWhitelisted, mergeTolerations } from './tolerations.ts';

let server: TestServer;

before(async () => {
  server = await TestServer.start();
  await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
});

after(() => server.close());

function post(path: string, body: object) {
  return server.send('POST', path, body);
}

const base = '/api/v1/namespaces/default';
const pod = (name: string, spec: object) => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});
const claim = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});
const isDefault = (kind: string) => ({ [`${kind}.kubernetes.io/is-default-class`]: 'true' });

test('a claim gets the newest default class, and none when it asks for none', async () => {
  const path = '/apis/storage.k8s.io/v1/storageclasses';
  for (const name of ['b', 'a', 'plain']) {
    const annotations = name === 'plain' ? {} : isDefault('storageclass');
    await post(path, { metadata: { name, annotations }, provisioner: 'x' });
  }
  const made = await post(`${base}/persistentvolumeclaims`, claim('one'));
  const { spec, metadata } = as<PersistentVolumeClaim>(made.body);
  // Both are of the same second, so the name decides.
  assert.ok(['a', 'b'].includes(spec.storageClassName ?? ''));
  assert.deepEqual(metadata.finalizers, ['kubernetes.io/pvc-protection']);
  const none = await post(`${base}/persistentvolumeclaims`, claim('none', { storageClassName: '' }));
  assert.equal(as<PersistentVolumeClaim>(none.body).spec.storageClassName, '');
});

test('an ingress gets the default class unless it names one in the old way', async () => {
  const annotations = isDefault('ingressclass');
  await post('/apis/networking.k8s.io/v1/ingressclasses', {
    metadata: { name: 'in', annotations },
    spec: { controller: 'x.y/z' },
  });
  const path = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
  const spec = { defaultBackend: { service: { name: 's', port: { number: 80 } } } };
  const classOf = async (metadata: object) =>
    as<Ingress>((await post(path, { metadata, spec })).body).spec?.ingressClassName;
  assert.equal(await classOf({ name: 'plain' }), 'in');
  assert.equal(await classOf({ name: 'old', annotations: { 'kubernetes.io/ingress.class': 'other' } }), undefined);
});

test('a new node takes no pods yet', async () => {
  const { body } = await post('/api/v1/nodes', { metadata: { name: 'fresh' } });
  assert.deepEqual(as<Node>(body).spec?.taints, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
});

test('a pod that is bound gets the zone of its node', async () => {
  const labels = { 'topology.kubernetes.io/zone': 'z1', other: 'x' };
  await post('/api/v1/nodes', { metadata: { name: 'zoned', labels } });
  await post(`${base}/pods`, pod('placed', {}));
  const target = { kind: 'Node', name: 'zoned' };
  const bound = await post(`${base}/pods/placed/binding`, { metadata: { name: 'placed' }, target });
  assert.equal(bound.status, 201, bound.body.message);
  const found = server.api.objects.get({ group: '', resource: 'pods' }, 'default', 'placed');
  assert.deepEqual(found?.metadata.labels, { 'topology.kubernetes.io/zone': 'z1' });
});

test('a runtime class brings overhead and places', async () => {
  await post('/apis/node.k8s.io/v1/runtimeclasses', {
    metadata: { name: 'vm' },
    handler: 'vm',
    overhead: { podFixed: { memory: '64Mi' } },
    scheduling: { nodeSelector: { vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
  });
  const { body } = await post(`${base}/pods`, pod('in-vm', { runtimeClassName: 'vm', nodeSelector: { zone: 'a' } }));
  const { spec } = as<Pod>(body);
  assert.deepEqual([spec.overhead, spec.nodeSelector], [{ memory: '64Mi' }, { zone: 'a', vm: 'yes' }]);
  assert.ok(spec.tolerations?.some(({ key }) => key === 'vm'));
  const refusals: [object, RegExp][] = [
    [{ runtimeClassName: 'ghost' }, /pod rejected: RuntimeClass "ghost" not found$/],
    [
      { runtimeClassName: 'vm', nodeSelector: { vm: 'no' } },
      /conflict: runtimeClass\.scheduling\.nodeSelector\[vm\] = yes; pod\.spec\.nodeSelector\[vm\] = no$/,
    ],
    [
      { runtimeClassName: 'vm', overhead: { memory: '1Mi' } },
      /Pod's Overhead doesn't match RuntimeClass's defined Overhead$/,
    ],
    [{ overhead: { memory: '1Mi' } }, /Pod Overhead set without corresponding RuntimeClass defined Overhead$/],
  ];
  for (const [given, message] of refusals) {
    const refused = await post(`${base}/pods`, pod('refused', given));
    assert.equal(refused.status, 403);
    assert.match(refused.body.message, message);
  }
});

test('tolerations come from the namespace and from what a pod asks for', async () => {
  const annotations = {
    'scheduler.alpha.kubernetes.io/defaultTolerations': JSON.stringify([{ key: 'team', operator: 'Exists' }]),
    'scheduler.alpha.kubernetes.io/tolerationsWhitelist': JSON.stringify([
      { key: 'team', operator: 'Exists' },
      { key: 'example.com/gpu', operator: 'Exists' },
      { operator: 'Exists', effect: 'NoExecute' },
    ]),
  };
  await post('/api/v1/namespaces', { metadata: { name: 'team', annotations } });
  await post('/api/v1/namespaces/team/serviceaccounts', { metadata: { name: 'default' } });
  const resources = { limits: { 'example.com/gpu': '1' } };
  const made = await post(
    '/api/v1/namespaces/team/pods',
    pod('gpu', { containers: [{ name: 'c', image: 'i', resources }] }),
  );
  const keys = as<Pod>(made.body).spec.tolerations?.map(({ key }) => key);
  assert.ok(keys?.includes('team') === true && keys.includes('example.com/gpu'), made.body.message);
  const other = await post(
    '/api/v1/namespaces/team/pods',
    pod('other', { tolerations: [{ key: 'x', operator: 'Exists' }] }),
  );
  assert.match(other.body.message, /conflict with its namespace whitelist$/);
});

test('tolerations that others cover are left out', () => {
  const exists = { key: 'a', operator: 'Exists' };
  const narrow = { key: 'a', operator: 'Exists', effect: 'NoSchedule' };
  assert.deepEqual(mergeTolerations([narrow], [exists, exists]), [exists]);
  assert.equal(areWhitelisted([narrow], [exists]), true);
  assert.equal(areWhitelisted([exists], [narrow]), false);
  assert.equal(areWhitelisted([{ key: 'b' }], []), true);
});
