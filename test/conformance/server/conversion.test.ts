/** Custom resources that a webhook converts from one version to another. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { startTestWebhook, type TestWebhook } from '../../../src/server/admission/webhooks/test-webhook.ts';
import { at, namesOf } from '../api.ts';
import { behaviour, isListing } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
let webhook: TestWebhook;

interface ConversionRequest {
  readonly desiredAPIVersion: string;
  readonly objects: readonly UnknownObject[];
}

if (!isListing) {
  before(async () => {
    webhook = await startTestWebhook((request) => {
      const { desiredAPIVersion, objects } = request as unknown as ConversionRequest;
      return {
        result: { status: 'Success' },
        convertedObjects: objects.map((object) => converted(object, desiredAPIVersion)),
      };
    });
  });
  after(() => webhook.close());
}

/** v1 has `hostPort`, v2 has `host` and `port`. */
function converted(object: UnknownObject, apiVersion: string): UnknownObject {
  const { hostPort, host, port, ...rest } = object as UnknownObject & Record<string, unknown>;
  if (!apiVersion.endsWith('/v2')) return { ...rest, apiVersion, hostPort: `${host}:${port}` } as UnknownObject;
  const [first, second] = String(hostPort).split(':');
  return { ...rest, apiVersion, host: first, port: second } as UnknownObject;
}

/** Defines a kind with two versions, of which v1 is stored; the path of the collection of a version. */
async function define(group: string): Promise<(version: string) => string> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  await suite.api.create(definitions, {
    metadata: { name: `stables.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'stables', singular: 'stable', kind: 'Stable', listKind: 'StableList' },
      versions: [
        { name: 'v1', served: true, storage: true, schema },
        { name: 'v2', served: true, storage: false, schema },
      ],
      conversion: {
        strategy: 'Webhook',
        webhook: { clientConfig: webhook.clientConfig, conversionReviewVersions: ['v1'] },
      },
    },
  });
  const path = (version: string): string => `/apis/${group}/${version}/namespaces/default/stables`;
  for (const version of ['v1', 'v2']) {
    await suite.eventually(
      `${version} is served`,
      async () => (await suite.api.send('GET', path(version))).status === 200,
    );
  }
  return path;
}

const made = (group: string, version: string, name: string, fields: object): object => ({
  apiVersion: `${group}/${version}`,
  kind: 'Stable',
  metadata: { name },
  ...fields,
});

behaviour('Custom Resource Definition Conversion Webhook, conversion custom resource', async () => {
  const group = 'one.conversion.example.com';
  const path = await define(group);
  await suite.api.create(path('v1'), made(group, 'v1', 'first', { hostPort: 'local:80' }));
  const read = await suite.api.get(`${path('v2')}/first`);
  assert.equal(read.apiVersion, `${group}/v2`);
  assert.deepEqual([at(read, 'host'), at(read, 'port'), at(read, 'hostPort')], ['local', '80', undefined]);
});

behaviour('Custom Resource Definition Conversion Webhook, convert mixed version list', async () => {
  const group = 'mixed.conversion.example.com';
  const path = await define(group);
  await suite.api.create(path('v1'), made(group, 'v1', 'old', { hostPort: 'local:80' }));
  await suite.api.patch(
    `${definitions}/stables.${group}`,
    [
      { op: 'replace', path: '/spec/versions/0/storage', value: false },
      { op: 'replace', path: '/spec/versions/1/storage', value: true },
    ],
    'json',
  );
  await suite.eventually('v2 is stored', async () => {
    const stored = at(await suite.api.get(`${definitions}/stables.${group}`), 'status.storedVersions') as string[];
    return stored.includes('v2');
  });
  await suite.api.create(path('v2'), made(group, 'v2', 'young', { host: 'local', port: '8080' }));
  for (const version of ['v1', 'v2']) {
    const items = await suite.api.items(path(version));
    assert.deepEqual(namesOf(items).sort(), ['old', 'young']);
    for (const item of items) {
      assert.equal(item.apiVersion, `${group}/${version}`);
      assert.equal('hostPort' in item, version === 'v1');
      assert.equal('host' in item, version === 'v2');
    }
  }
});
