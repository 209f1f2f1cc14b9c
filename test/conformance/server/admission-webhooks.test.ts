import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import {
  patchAnswer,
  type ReviewRequest,
  startTestWebhook,
  type TestWebhook,
} from '../../../src/server/admission/webhooks/test-webhook.ts';
import { behaviour, isListing } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const group = '/apis/admissionregistration.k8s.io/v1';
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const answers = new Map<string, (request: ReviewRequest) => object | Promise<object>>();
let webhook: TestWebhook;
let namespaces = 0;

if (!isListing) {
  before(async () => {
    webhook = await startTestWebhook((request, path) => answers.get(path)?.(request) ?? { allowed: true });
  });
  after(() => webhook.close());
}

type Kind = 'mutating' | 'validating';
const pathOf = (kind: Kind): string => `${group}/${kind}webhookconfigurations`;
const rule = (operations: string[], resources: string[], apiGroup = '', apiVersion = 'v1') => ({
  operations,
  resources,
  apiGroups: [apiGroup],
  apiVersions: [apiVersion],
});
const configMaps = rule(['CREATE', 'UPDATE'], ['configmaps']);

async function newNamespace(): Promise<string> {
  namespaces += 1;
  return suite.namespace(`hooks-${namespaces}`);
}

interface Hook {
  readonly path: string;
  readonly rules: readonly object[];
  readonly [field: string]: unknown;
}

function configuration(name: string, namespace: string | undefined, hooks: readonly Hook[]): object {
  const webhooks = hooks.map(({ path, rules, ...more }, index) => ({
    name: `hook-${index}.example.com`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: { ...webhook.clientConfig, url: `${webhook.clientConfig.url}${path}` },
    rules,
    ...(namespace === undefined
      ? {}
      : { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }),
    ...more,
  }));
  return { metadata: { name, labels: { 'made-by': name.replace(/-\d+$/, '') } }, webhooks };
}

/** Registers for as long as `work` takes. */
async function withHooks(
  kind: Kind,
  given: { readonly name: string; readonly namespace?: string; readonly hooks: readonly Hook[] },
  work: () => Promise<void>,
): Promise<void> {
  await suite.api.create(pathOf(kind), configuration(given.name, given.namespace, given.hooks));
  try {
    await work();
  } finally {
    await suite.api.delete(`${pathOf(kind)}/${given.name}`);
  }
}

const mapsIn = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;
const configMap = (name: string, data: Record<string, string> = {}): object => ({ metadata: { name }, data });
const dataOf = (object: UnknownObject | null): Record<string, string> =>
  (object?.['data'] as Record<string, string> | undefined) ?? {};
const denyAll = (): object => ({ allowed: false, status: { message: 'this webhook denies all requests' } });
const addKey = (key: string) => (): object => patchAnswer([{ op: 'add', path: `/data/${key}`, value: 'yes' }]);

async function listed(kind: Kind, label: string): Promise<number> {
  const list = await suite.api.get(`${pathOf(kind)}?labelSelector=made-by%3D${label}`);
  return (list as unknown as { items: unknown[] }).items.length;
}

behaviour('Admission webhook, list mutating webhooks', async () => {
  const namespace = await newNamespace();
  for (let index = 0; index < 10; index += 1) {
    answers.set(`/list-${index}`, addKey(`added-${index}`));
    const hooks = [{ path: `list-${index}`, rules: [configMaps] }];
    await suite.api.create(pathOf('mutating'), configuration(`listed-${index}`, namespace, hooks));
  }
  assert.equal(await listed('mutating', 'listed'), 10);
  const mutated = await suite.api.create(mapsIn(namespace), configMap('mutated', { own: 'x' }));
  assert.equal(Object.keys(dataOf(mutated)).length, 11);
  await suite.api.delete(`${pathOf('mutating')}?labelSelector=made-by%3Dlisted`);
  assert.equal(await listed('mutating', 'listed'), 0);
  const untouched = await suite.api.create(mapsIn(namespace), configMap('untouched', { own: 'x' }));
  assert.deepEqual(dataOf(untouched), { own: 'x' });
});

behaviour('Admission webhook, update mutating webhook', async () => {
  const namespace = await newNamespace();
  answers.set('/update', addKey('added'));
  const hooks = [{ path: 'update', rules: [rule(['CREATE'], ['configmaps'])] }];
  await withHooks('mutating', { name: 'updated', namespace, hooks }, async () => {
    const path = `${pathOf('mutating')}/updated`;
    await suite.api.patch(path, [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['UPDATE'] }], 'json');
    assert.deepEqual(dataOf(await suite.api.create(mapsIn(namespace), configMap('a', { own: 'x' }))), { own: 'x' });
    await suite.api.patch(path, [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }], 'json');
    const mutated = await suite.api.create(mapsIn(namespace), configMap('b', { own: 'x' }));
    assert.deepEqual(dataOf(mutated), { own: 'x', added: 'yes' });
  });
});

behaviour('Admission webhook, update validating webhook', async () => {
  const namespace = await newNamespace();
  answers.set('/deny', denyAll);
  const hooks = [{ path: 'deny', rules: [rule(['CREATE'], ['configmaps'])] }];
  await withHooks('validating', { name: 'updated', namespace, hooks }, async () => {
    const path = `${pathOf('validating')}/updated`;
    await suite.api.refused(400, 'POST', mapsIn(namespace), { body: configMap('a') });
    await suite.api.change(path, (object) => {
      const [first] = object['webhooks'] as { rules: { operations: string[] }[] }[];
      for (const one of first?.rules ?? []) one.operations = ['UPDATE'];
    });
    await suite.api.create(mapsIn(namespace), configMap('a'));
    await suite.api.patch(path, [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }], 'json');
    await suite.api.refused(400, 'POST', mapsIn(namespace), { body: configMap('b') });
  });
});

for (const [kind, name] of [
  ['mutating', 'Mutating Admission webhook, create and update mutating webhook configuration with matchConditions'],
  [
    'validating',
    'Validating Admission webhook, create and update validating webhook configuration with matchConditions',
  ],
] as const) {
  behaviour(name, async () => {
    const first = [{ name: 'first', expression: "object.metadata.namespace == 'production'" }];
    const second = [...first, { name: 'second', expression: 'request.userInfo.username != ""' }];
    const conditionsOf = (object: UnknownObject): unknown =>
      (object['webhooks'] as { matchConditions: unknown }[])[0]?.matchConditions;
    const hooks = [{ path: 'none', rules: [configMaps], matchConditions: first }];
    await withHooks(kind, { name: 'conditions', namespace: 'nowhere', hooks }, async () => {
      const path = `${pathOf(kind)}/conditions`;
      assert.deepEqual(conditionsOf(await suite.api.get(path)), first);
      await suite.api.change(path, (object) => {
        for (const one of object['webhooks'] as { matchConditions: unknown }[]) one.matchConditions = second;
      });
      assert.deepEqual(conditionsOf(await suite.api.get(path)), second);
    });
  });
}

for (const [kind, name] of [
  ['mutating', 'Mutating Admission webhook, reject mutating webhook configurations with invalid matchConditions'],
  ['validating', 'Validing Admission webhook, reject validating webhook configurations with invalid matchConditions'],
] as const) {
  behaviour(name, async () => {
    const matchConditions = [{ name: 'invalid', expression: '... [] bad expression' }];
    const body = configuration('invalid', 'nowhere', [{ path: 'none', rules: [configMaps], matchConditions }]);
    assert.match(await suite.api.refused(422, 'POST', pathOf(kind), { body }), /compilation failed/);
  });
}

behaviour('Admission webhook, deny attach', async () => {
  const namespace = await newNamespace();
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const containers = [{ name: 'c', image: 'example.test/none' }];
  await suite.api.create(pods, { metadata: { name: 'to-be-attached' }, spec: { containers, nodeName: 'nowhere' } });
  answers.set('/attach', () => ({
    allowed: false,
    status: { message: "attaching to pod 'to-be-attached' is not allowed" },
  }));
  const hooks = [{ path: 'attach', rules: [rule(['CONNECT'], ['pods/attach'])] }];
  await withHooks('validating', { name: 'attach', namespace, hooks }, async () => {
    const path = `${pods}/to-be-attached/attach?container=c&stdout=true`;
    assert.match(await suite.api.refused(400, 'POST', path), /attaching to pod 'to-be-attached' is not allowed/);
  });
});

interface Definition {
  readonly plural: string;
  readonly path: string;
}

/** A definition of ConfigMap-like objects in the versions v1 and v2. */
async function define(plural: string, schema: object): Promise<Definition> {
  const apiGroup = `${plural}.example.com`;
  const version = (name: string) => ({
    name,
    served: true,
    storage: name === 'v1',
    schema: { openAPIV3Schema: schema },
  });
  await suite.api.create(definitions, {
    metadata: { name: `${plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      scope: 'Namespaced',
      names: { plural, singular: plural.slice(0, -1), kind: `Hooked${plural}`, listKind: `Hooked${plural}List` },
      versions: [version('v1'), version('v2')],
    },
  });
  await suite.eventually('the resource is served', async () => {
    return (await suite.api.send('GET', `/apis/${apiGroup}/v1/${plural}`)).status === 200;
  });
  return { plural, path: `/apis/${apiGroup}` };
}

const loose = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const custom = ({ plural, path }: Definition, name: string, data: object) => ({
  apiVersion: `${path.slice('/apis/'.length)}/v1`,
  kind: `Hooked${plural}`,
  metadata: { name },
  data,
});

behaviour('Admission webhook, deny custom resource create and delete', async () => {
  const namespace = await newNamespace();
  const definition = await define('denieds', loose);
  const path = `${definition.path}/v1/namespaces/${namespace}/denieds`;
  answers.set('/custom', ({ operation, object }) => {
    const bad = operation === 'DELETE' || dataOf(object)['key'] === 'bad';
    return { allowed: !bad, status: { message: 'the custom resource contains unwanted data' } };
  });
  const hooks = [{ path: 'custom', rules: [rule(['CREATE', 'UPDATE', 'DELETE'], ['denieds'], 'denieds.example.com')] }];
  await withHooks('validating', { name: 'custom', namespace, hooks }, async () => {
    await suite.api.refused(400, 'POST', path, { body: custom(definition, 'bad', { key: 'bad' }) });
    await suite.api.create(path, custom(definition, 'good', { key: 'good' }));
    const type = 'application/merge-patch+json';
    await suite.api.refused(400, 'PATCH', `${path}/good`, { body: { data: { key: 'bad' } }, type });
    await suite.api.refused(400, 'DELETE', `${path}/good`);
  });
  await suite.api.delete(`${path}/good`);
});

behaviour('Admission webhook, deny create', async () => {
  const namespace = await newNamespace();
  const listedElsewhere = await newNamespace();
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  answers.set('/pods', async ({ object }) => {
    if (object?.metadata.name === 'hangs') await delay(3000);
    const images = (object?.['spec'] as { containers: { image: string }[] } | undefined)?.containers ?? [];
    return {
      allowed: !images.some(({ image }) => image === 'bad'),
      status: { message: 'the pod contains unwanted container name' },
    };
  });
  answers.set('/maps', ({ object }) => ({
    allowed: dataOf(object)['webhook-e2e-test'] !== 'webhook-disallow',
    status: { message: 'the configmap contains unwanted key and value' },
  }));
  const hooks = [
    { path: 'pods', rules: [rule(['CREATE', 'UPDATE'], ['pods'])], timeoutSeconds: 1 },
    { path: 'maps', rules: [configMaps] },
  ];
  await withHooks('validating', { name: 'creation', namespace, hooks }, async () => {
    const pod = (name: string, image: string) => ({ metadata: { name }, spec: { containers: [{ name: 'c', image }] } });
    assert.match(await suite.api.refused(400, 'POST', pods, { body: pod('bad', 'bad') }), /unwanted container name/);
    assert.match(await suite.api.refused(500, 'POST', pods, { body: pod('hangs', 'good') }), /deadline exceeded/);
    const bad = { 'webhook-e2e-test': 'webhook-disallow' };
    assert.match(
      await suite.api.refused(400, 'POST', mapsIn(namespace), { body: configMap('bad', bad) }),
      /unwanted key and value/,
    );
    const made = await suite.api.create(mapsIn(namespace), configMap('good', { 'webhook-e2e-test': 'fine' }));
    const path = `${mapsIn(namespace)}/good`;
    await suite.api.refused(400, 'PUT', path, { body: { ...made, data: bad } });
    await suite.api.refused(400, 'PATCH', path, { body: { data: bad }, type: 'application/merge-patch+json' });
    await suite.api.create(mapsIn(listedElsewhere), configMap('bad', bad));
  });
});

behaviour('Admission webhook, deny custom resource definition', async () => {
  answers.set('/definitions', denyAll);
  const rules = [rule(['CREATE'], ['customresourcedefinitions'], 'apiextensions.k8s.io')];
  const objectSelector = { matchLabels: { hooked: 'yes' } };
  await withHooks(
    'validating',
    { name: 'definitions', hooks: [{ path: 'definitions', rules, objectSelector }] },
    async () => {
      const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: loose } }];
      const names = { plural: 'nevers', singular: 'never', kind: 'Never', listKind: 'NeverList' };
      const body = {
        metadata: { name: 'nevers.example.com', labels: { hooked: 'yes' } },
        spec: { group: 'example.com', scope: 'Namespaced', names, versions },
      };
      assert.match(await suite.api.refused(400, 'POST', definitions, { body }), /this webhook denies all requests/);
    },
  );
});

behaviour('Admission webhook, honor timeout', async () => {
  const namespace = await newNamespace();
  answers.set('/slow', async () => {
    await delay(2000);
    return { allowed: true };
  });
  const tried = async (name: string, more: object): Promise<number> => {
    let status = 0;
    const hooks = [{ path: 'slow', rules: [configMaps], ...more }];
    await withHooks('validating', { name: 'slow', namespace, hooks }, async () => {
      status = (await suite.api.send('POST', mapsIn(namespace), { body: configMap(name) })).status;
    });
    return status;
  };
  assert.equal(await tried('short', { timeoutSeconds: 1 }), 500);
  assert.equal(await tried('ignored', { timeoutSeconds: 1, failurePolicy: 'Ignore' }), 201);
  assert.equal(await tried('long', { timeoutSeconds: 10 }), 201);
  assert.equal(await tried('default', {}), 201);
});

/** Adds the second key where the first is, and the third where the second is. */
function addSteps({ object }: ReviewRequest): object {
  const data = dataOf(object);
  if (data['mutation-stage-1'] !== undefined) return addKey('mutation-stage-2')();
  return data['mutation-start'] === undefined ? { allowed: true } : addKey('mutation-stage-1')();
}

behaviour('Admission webhook, ordered mutation', async () => {
  const namespace = await newNamespace();
  answers.set('/steps', addSteps);
  const hooks = [
    { path: 'steps', rules: [configMaps] },
    { path: 'steps', rules: [configMaps] },
  ];
  await withHooks('mutating', { name: 'steps', namespace, hooks }, async () => {
    const made = await suite.api.create(mapsIn(namespace), configMap('steps', { 'mutation-start': 'yes' }));
    const expected = { 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' };
    assert.deepEqual(dataOf(made), expected);
  });
});

behaviour('Admission webhook, mutate custom resource', async () => {
  const namespace = await newNamespace();
  const definition = await define('mutateds', loose);
  answers.set('/steps', addSteps);
  const rules = [rule(['CREATE'], ['mutateds'], 'mutateds.example.com')];
  const hooks = [
    { path: 'steps', rules },
    { path: 'steps', rules },
  ];
  await withHooks('mutating', { name: 'mutateds', namespace, hooks }, async () => {
    const path = `${definition.path}/v1/namespaces/${namespace}/mutateds`;
    const made = await suite.api.create(path, custom(definition, 'one', { 'mutation-start': 'yes' }));
    assert.equal(Object.keys(dataOf(made)).length, 3);
  });
});

behaviour('Admission webhook, mutate custom resource with different stored version', async () => {
  const namespace = await newNamespace();
  const definition = await define('versioneds', loose);
  answers.set('/steps', addSteps);
  const rules = [rule(['CREATE', 'UPDATE'], ['versioneds'], 'versioneds.example.com', '*')];
  await withHooks('mutating', { name: 'versioneds', namespace, hooks: [{ path: 'steps', rules }] }, async () => {
    const path = `${definition.path}/v1/namespaces/${namespace}/versioneds`;
    await suite.api.create(path, custom(definition, 'one', { 'mutation-start': 'yes' }));
    const switched = [
      { op: 'replace', path: '/spec/versions/0/storage', value: false },
      { op: 'replace', path: '/spec/versions/1/storage', value: true },
    ];
    await suite.api.patch(`${definitions}/versioneds.versioneds.example.com`, switched, 'json');
    await suite.eventually('the other version is stored', async () => {
      const stored = await suite.api.get(`${definitions}/versioneds.versioneds.example.com`);
      return ((stored['status'] as { storedVersions?: string[] }).storedVersions ?? []).includes('v2');
    });
    const patched = await suite.api.patch(`${path}/one`, { data: { 'mutation-start': 'yes', dummy: 'test' } });
    assert.equal(dataOf(patched)['dummy'], 'test');
    const other = await suite.api.get(`${definition.path}/v2/namespaces/${namespace}/versioneds/one`);
    assert.equal(dataOf(other)['dummy'], 'test');
  });
});

behaviour('Admission webhook, mutate custom resource with pruning', async () => {
  const namespace = await newNamespace();
  const keys = { 'mutation-start': { type: 'string' }, 'mutation-stage-1': { type: 'string' } };
  const schema = { type: 'object', properties: { data: { type: 'object', properties: keys } } };
  const definition = await define('pruneds', schema);
  answers.set('/steps', addSteps);
  const rules = [rule(['CREATE'], ['pruneds'], 'pruneds.example.com')];
  const hooks = [
    { path: 'steps', rules },
    { path: 'steps', rules },
  ];
  await withHooks('mutating', { name: 'pruneds', namespace, hooks }, async () => {
    const path = `${definition.path}/v1/namespaces/${namespace}/pruneds`;
    const made = await suite.api.create(path, custom(definition, 'one', { 'mutation-start': 'yes' }));
    assert.deepEqual(dataOf(made), { 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
  });
});

behaviour('Mutating Admission webhook, mutating webhook excluding object with specific name', async () => {
  const namespace = await newNamespace();
  answers.set('/skip', addKey('added'));
  const matchConditions = [{ name: 'skip-me', expression: "object.metadata.name != 'skip-me'" }];
  const hooks = [{ path: 'skip', rules: [configMaps], matchConditions }];
  await withHooks('mutating', { name: 'skip', namespace, hooks }, async () => {
    const skipped = await suite.api.create(mapsIn(namespace), configMap('skip-me', { own: 'x' }));
    assert.deepEqual(dataOf(skipped), { own: 'x' });
    const other = await suite.api.create(mapsIn(namespace), configMap('other', { own: 'x' }));
    assert.deepEqual(dataOf(other), { own: 'x', added: 'yes' });
  });
});

behaviour('Admission webhook, mutation with defaulting', async () => {
  const namespace = await newNamespace();
  answers.set('/init', () => {
    return patchAnswer([
      { op: 'add', path: '/spec/initContainers', value: [{ name: 'added', image: 'example.test/init' }] },
    ]);
  });
  await withHooks(
    'mutating',
    { name: 'init', namespace, hooks: [{ path: 'init', rules: [rule(['CREATE'], ['pods'])] }] },
    async () => {
      const made = await suite.api.create(`/api/v1/namespaces/${namespace}/pods`, {
        metadata: { name: 'with-init' },
        spec: { containers: [{ name: 'c', image: 'example.test/none' }] },
      });
      const { initContainers } = made['spec'] as {
        initContainers: { name: string; terminationMessagePolicy: string }[];
      };
      assert.deepEqual(
        initContainers.map(({ name, terminationMessagePolicy }) => [name, terminationMessagePolicy]),
        [['added', 'File']],
      );
    },
  );
});
