import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Scale } from '../../api/autoscaling/v1/types.generated.ts';
import { builtinResources } from '../../api/registry.ts';
import { silentLogger } from '../../machinery/logger.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { createApi } from '../api.ts';
import { type Answer, patch, Requests, statusOf } from '../api-requests.ts';
import type { AdmissionChain, Api } from '../contract.ts';
import type { AdmissionAttributes } from '../request.ts';

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const applyType = { 'content-type': 'application/apply-patch+yaml' };
const seen: AdmissionAttributes[] = [];

/** Lets no deployment have more than five replicas through its scale. */
const admission: AdmissionChain = {
  handles: ({ subresource }) => subresource === 'scale',
  admit(attributes) {
    seen.push(attributes);
    const { spec } = attributes.object as unknown as Scale;
    if (spec !== undefined && (spec.replicas ?? 0) > 5) spec.replicas = 5;
    return Promise.resolve();
  },
  validate: () => Promise.resolve(),
};

function replicasOf({ object }: Answer): number | undefined {
  return (object as unknown as Scale).spec?.replicas;
}

function owners({ object }: Answer): string[] {
  return (object.metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => {
      const { 'f:spec': spec } = fieldsV1 as { 'f:spec'?: Record<string, unknown> };
      return spec?.['f:replicas'] !== undefined;
    })
    .map(({ manager, operation, subresource }) => `${manager} ${operation} ${subresource ?? '-'}`);
}

describe('scale', () => {
  let api: Api;
  let requests: Requests;

  before(async () => {
    api = await createApi({ store: new MemoryStore(), rows: builtinResources, admission, logger: silentLogger });
    requests = new Requests(api);
  });
  after(() => api.close());

  async function made(name: string): Promise<void> {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    const body = { kind: 'Deployment', apiVersion: 'apps/v1', metadata: { name }, spec } as unknown as UnknownObject;
    const answer = await requests.send('POST', `${deployments}?fieldManager=creator`, body);
    assert.equal(answer.status, 201, answer.text);
  }

  const applyScale = (name: string, replicas: number, query: string) =>
    requests.send(
      'PATCH',
      `${deployments}/${name}/scale?${query}`,
      { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name, namespace: 'default' }, spec: { replicas } },
      applyType,
    );

  test('an apply of the Scale conflicts with who owns the replicas, and takes them over by force', async () => {
    await made('applied');
    const refused = await applyScale('applied', 3, 'fieldManager=scaler');
    assert.equal(refused.status, 409, refused.text);
    assert.match(statusOf(refused).message ?? '', /conflict with "creator" using autoscaling\/v1: \.spec\.replicas$/);
    const forced = await applyScale('applied', 3, 'fieldManager=scaler&force=true');
    assert.equal(forced.status, 200, forced.text);
    assert.equal(replicasOf(forced), 3);
    const read = await requests.send('GET', `${deployments}/applied`);
    assert.deepEqual(owners(read), ['scaler Apply scale']);
    assert.ok(read.object.metadata.managedFields?.some(({ manager }) => manager === 'creator'));

    const again = await applyScale('applied', 4, 'fieldManager=scaler');
    assert.equal(again.status, 200, again.text);
    assert.deepEqual(owners(await requests.send('GET', `${deployments}/applied`)), ['scaler Apply scale']);
  });

  test('an apply without a field manager is refused', async () => {
    await made('nameless');
    assert.equal((await applyScale('nameless', 3, '')).status, 422);
  });

  test('a patch of the Scale owns the replicas under the subresource', async () => {
    await made('patched');
    await patch(requests, `${deployments}/patched/scale?fieldManager=hpa`, { spec: { replicas: 2 } });
    const read = await requests.send('GET', `${deployments}/patched`);
    assert.deepEqual(owners(read), ['hpa Update scale']);
  });

  test('admission sees the Scale, and what it changes counts', async () => {
    await made('admitted');
    seen.length = 0;
    const written = await patch(requests, `${deployments}/admitted/scale`, { spec: { replicas: 50 } });
    assert.equal(replicasOf(written), 5);
    const [attributes] = seen;
    assert.equal(attributes?.kind, 'Scale');
    assert.equal(attributes.object?.kind, 'Scale');
    assert.equal((attributes.oldObject as unknown as Scale).spec?.replicas, 1);
    const read = await requests.send('GET', `${deployments}/admitted`);
    assert.equal(read.object.metadata.generation, 2);
  });
});
