import assert from 'node:assert/strict';
import { builtinResources } from '../../../src/api/registry.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
  readonly preferredVersion: { readonly groupVersion: string; readonly version: string };
}

const aggregatedV2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const groups = async (): Promise<Group[]> => (await suite.api.get('/apis'))['groups'] as Group[];

behaviour('Discovery, confirm the PreferredVersion for each api group', async () => {
  const listed = await groups();
  assert.ok(listed.length > 15);
  for (const { name, versions, preferredVersion } of listed) {
    const group = (await suite.api.get(`/apis/${name}`)) as unknown as Group;
    assert.deepEqual(group.preferredVersion, preferredVersion);
    assert.ok(versions.some(({ groupVersion }) => groupVersion === preferredVersion.groupVersion));
    assert.equal(preferredVersion.groupVersion, `${name}/${preferredVersion.version}`);
  }
});

behaviour('Discovery, confirm the groupVerion and a resourcefrom each apiGroup', async () => {
  const versions = (await groups()).flatMap((group) => group.versions.map(({ groupVersion }) => groupVersion));
  for (const [groupVersion, path] of [
    ['v1', '/api/v1'] as const,
    ...versions.map((groupVersion) => [groupVersion, `/apis/${groupVersion}`] as const),
  ]) {
    const list = await suite.api.get(path);
    assert.equal(list.kind, 'APIResourceList');
    assert.equal(list['groupVersion'], groupVersion);
    const entries = list['resources'] as { name: string; kind: string; verbs: string[] }[];
    assert.ok(entries.length > 0, `${groupVersion} has resources`);
    for (const { name, kind, verbs } of entries) assert.ok(name !== '' && kind !== '' && verbs.length > 0, name);
  }
});

async function aggregatedResources(): Promise<Set<string>> {
  const found = new Set<string>();
  for (const path of ['/api', '/apis']) {
    const answer = await suite.api.send('GET', path, { accept: aggregatedV2 });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['content-type'], aggregatedV2);
    const list = JSON.parse(answer.text) as {
      kind: string;
      apiVersion: string;
      items: { metadata: { name?: string }; versions: { version: string; resources: { resource: string }[] }[] }[];
    };
    assert.deepEqual([list.kind, list.apiVersion], ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2']);
    for (const { metadata, versions } of list.items) {
      for (const { version, resources } of versions) {
        for (const { resource } of resources) found.add(`${metadata.name ?? ''}/${version}/${resource}`);
      }
    }
  }
  return found;
}

behaviour('Aggregated Discovery Interface', async () => {
  const found = await aggregatedResources();
  const missing = builtinResources
    .map(({ group, version, resource }) => `${group}/${version}/${resource}`)
    .filter((key) => !found.has(key));
  assert.deepEqual(missing, []);
  for (const key of ['/v1/namespaces', 'apiextensions.k8s.io/v1/customresourcedefinitions', 'batch/v1/cronjobs']) {
    assert.ok(found.has(key), key);
  }
});

behaviour('Aggregated Discovery Endpoint Accept Headers', async () => {
  const kinds = async (accept: string): Promise<unknown[]> => {
    const answer = await suite.api.ask('GET', '/apis', { accept });
    return [answer.kind, answer.apiVersion];
  };
  assert.deepEqual(await kinds('application/json'), ['APIGroupList', 'v1']);
  assert.deepEqual(await kinds(aggregatedV2), ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2']);
  assert.deepEqual(
    await kinds(
      `${aggregatedV2},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json`,
    ),
    ['APIGroupDiscoveryList', 'apidiscovery.k8s.io/v2'],
  );
  const unchanged = await suite.api.send('GET', '/apis', { accept: aggregatedV2 });
  const etag = String(unchanged.headers['etag']);
  const again = await suite.api.send('GET', '/apis', { accept: aggregatedV2, headers: { 'if-none-match': etag } });
  assert.equal(again.status, 304);
});

const crd = (group: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `foos.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'foos', singular: 'foo', kind: 'Foo', listKind: 'FooList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

for (const name of ['Aggregated Discovery Interface CRDs', 'Aggregated Discovery Endpoint Accept Headers CRDs']) {
  behaviour(name, async () => {
    const group = `${name.toLowerCase().replaceAll(' ', '-')}.example.com`;
    await suite.api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd(group));
    await suite.eventually('the custom resource is discovered', async () => {
      return (await aggregatedResources()).has(`${group}/v1/foos`);
    });
  });
}

behaviour('Confirm a server version', async () => {
  const version = await suite.api.get('/version');
  assert.equal(at(version, 'major'), '1');
  assert.match(String(at(version, 'minor')), /^\d+\+?$/);
});

behaviour('API metadata HTTP return', async () => {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } },
  };
  await suite.api.refused(406, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    body: review,
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
  });
});
