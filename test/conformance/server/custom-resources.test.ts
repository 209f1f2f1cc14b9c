import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { command } from '../../e2e/kubectl.ts';
import { at, namesOf } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

interface Version {
  readonly name: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly schema?: object;
  readonly rest?: object;
}

function definition(group: string, plural: string, versions: readonly Version[], labels: object = {}): object {
  const kind = `${plural[0]?.toUpperCase()}${plural.slice(1, -1)}`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: plural.slice(0, -1), kind, listKind: `${kind}List` },
      versions: versions.map(({ name, served = true, storage = true, schema = anything, rest = {} }) => ({
        name,
        served,
        storage,
        schema: { openAPIV3Schema: schema },
        ...rest,
      })),
    },
  };
}

/** Creates a CRD and waits until its first version is served; the path of its collection in `default`. */
async function define(group: string, plural: string, versions: readonly Version[]): Promise<string> {
  await suite.api.create(definitions, definition(group, plural, versions));
  const path = `/apis/${group}/${versions[0]?.name}/namespaces/default/${plural}`;
  await suite.eventually(`${plural} are served`, async () => (await suite.api.send('GET', path)).status === 200);
  return path;
}

behaviour('Custom Resource Definition, create', async () => {
  const path = await define('create.example.com', 'widgets', [{ name: 'v1' }]);
  await suite.api.delete(`${definitions}/widgets.create.example.com`);
  await suite.eventually('it is gone', async () => {
    const left = await suite.api.send('GET', `${definitions}/widgets.create.example.com`);
    return left.status === 404 && (await suite.api.send('GET', path)).status === 404;
  });
});

behaviour('Custom Resource Definition, list', async () => {
  const selector = 'labelSelector=listed%3Dyes';
  await suite.api.create(definitions, definition('unlisted.example.com', 'widgets', [{ name: 'v1' }]));
  for (let index = 0; index < 10; index++) {
    const labels = { listed: 'yes' };
    await suite.api.create(definitions, definition(`list${index}.example.com`, 'widgets', [{ name: 'v1' }], labels));
  }
  assert.equal((await suite.api.items(`${definitions}?${selector}`)).length, 10);
  await suite.api.delete(`${definitions}?${selector}`);
  await suite.eventually(
    'the listed are gone',
    async () => (await suite.api.items(`${definitions}?${selector}`)).length === 0,
  );
  await suite.api.get(`${definitions}/widgets.unlisted.example.com`);
});

behaviour('Custom Resource Definition, status sub-resource', async () => {
  await define('status.example.com', 'widgets', [{ name: 'v1' }]);
  const path = `${definitions}/widgets.status.example.com`;
  const added = (type: string) => ({ type, status: 'True', reason: 'E2E', message: 'Set by a test' });
  const updated = await suite.api.change(`${path}/status`, (object) => {
    (object['status'] as { conditions: unknown[] }).conditions.push(added('StatusUpdate'));
  });
  const types = (object: UnknownObject): string[] =>
    (at(object, 'status.conditions') as { type: string }[]).map(({ type }) => type);
  assert.ok(types(updated).includes('StatusUpdate'));
  const conditions = [...(at(updated, 'status.conditions') as object[]), added('StatusPatched')];
  const patched = await suite.api.patch(`${path}/status`, { status: { conditions } });
  assert.ok(types(patched).includes('StatusPatched'));
  assert.ok(types(await suite.api.get(`${path}/status`)).includes('StatusPatched'));
});

behaviour('Custom Resource Definition, discovery', async () => {
  const groups = (await suite.api.get('/apis'))['groups'] as { name: string; versions: { groupVersion: string }[] }[];
  const group = groups.find(({ name }) => name === 'apiextensions.k8s.io');
  assert.ok(group?.versions.some(({ groupVersion }) => groupVersion === 'apiextensions.k8s.io/v1'));
  const document = await suite.api.get('/apis/apiextensions.k8s.io');
  assert.equal(at(document, 'versions.0.groupVersion'), 'apiextensions.k8s.io/v1');
  const { resources } = (await suite.api.get('/apis/apiextensions.k8s.io/v1')) as unknown as {
    resources: { name: string }[];
  };
  assert.ok(resources.some(({ name }) => name === 'customresourcedefinitions'));
});

behaviour('Custom Resource Definition, defaulting', async () => {
  const schema = (fields: Record<string, string | undefined>): object => ({
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        { type: 'string', ...(value === undefined ? {} : { default: value }) },
      ]),
    ),
  });
  const path = await define('defaulting.example.com', 'widgets', [
    { name: 'v1', schema: schema({ a: undefined, b: undefined }) },
  ]);
  const identity = { apiVersion: 'defaulting.example.com/v1', kind: 'Widget' };
  const setDefaults = (fields: Record<string, string | undefined>): Promise<UnknownObject> =>
    suite.api.patch(
      `${definitions}/widgets.defaulting.example.com`,
      [{ op: 'replace', path: '/spec/versions/0/schema/openAPIV3Schema', value: schema(fields) }],
      'json',
    );
  await suite.api.create(path, { ...identity, metadata: { name: 'one' } });
  assert.equal((await suite.api.get(`${path}/one`))['a'], undefined);
  await setDefaults({ a: 'A', b: undefined });
  await suite.eventually('a is defaulted on reading', async () => (await suite.api.get(`${path}/one`))['a'] === 'A');
  const two = await suite.api.create(path, { ...identity, metadata: { name: 'two' } });
  assert.equal(two['a'], 'A');
  await setDefaults({ a: undefined, b: 'B' });
  await suite.eventually('b is defaulted on reading', async () => (await suite.api.get(`${path}/two`))['b'] === 'B');
  assert.equal((await suite.api.get(`${path}/two`))['a'], 'A');
});

behaviour('Custom Resource Definition, watch', async () => {
  const path = await define('watch.example.com', 'widgets', [{ name: 'v1' }]);
  const watch = await suite.api.watch(path, '');
  for (const name of ['one', 'two']) {
    await suite.api.create(path, { apiVersion: 'watch.example.com/v1', kind: 'Widget', metadata: { name } });
    await suite.api.patch(`${path}/${name}`, { dummy: 'test' });
    await suite.api.delete(`${path}/${name}`);
    assert.deepEqual(await watch.take(3), [`ADDED ${name}`, `MODIFIED ${name}`, `DELETED ${name}`]);
  }
  watch.close();
});

const withField = {
  type: 'object',
  properties: { spec: { type: 'object', properties: { color: { type: 'string' } } } },
};

/** Upstream converts by a webhook as well; which version is asked does not matter to what is selected. */
behaviour('custom-resource-definition-field-selectors-list-watch-register-informers', async () => {
  const rest = { selectableFields: [{ jsonPath: '.spec.color' }] };
  const path = await define('select.example.com', 'widgets', [
    { name: 'v1', schema: withField, rest },
    { name: 'v2', schema: withField, rest, storage: false },
  ]);
  const query = 'fieldSelector=spec.color%3Dblue';
  const watch = await suite.api.watch(path, query);
  for (const [name, color] of [
    ['red', 'red'],
    ['blue', 'blue'],
  ]) {
    await suite.api.create(path, {
      apiVersion: 'select.example.com/v1',
      kind: 'Widget',
      metadata: { name },
      spec: { color },
    });
  }
  assert.deepEqual(await watch.take(1), ['ADDED blue']);
  for (const version of ['v1', 'v2']) {
    assert.deepEqual(namesOf(await suite.api.items(`${path.replace('/v1/', `/${version}/`)}?${query}`)), ['blue']);
  }
  await suite.api.patch(`${path}/red`, { spec: { color: 'blue' } });
  await suite.api.patch(`${path}/blue`, { spec: { color: 'green' } });
  assert.deepEqual(await watch.take(2), ['ADDED red', 'DELETED blue']);
  watch.close();
  await suite.api.delete(`${path}?${query}`);
  assert.deepEqual(namesOf(await suite.api.items(path)), ['blue']);
});

/** Names of the published definitions of a group, in both forms of OpenAPI. */
async function published(group: string): Promise<Set<string>> {
  const reversed = group.split('.').reverse().join('.');
  const v2 = (await suite.api.get('/openapi/v2'))['definitions'] as Record<string, unknown>;
  return new Set(
    Object.keys(v2)
      .filter((name) => name.startsWith(`${reversed}.`))
      .map((name) => name.slice(reversed.length + 1)),
  );
}

async function isPublished(group: string, version: string, kind: string): Promise<boolean> {
  if (!(await published(group)).has(`${version}.${kind}`)) return false;
  const v3 = await suite.api.send('GET', `/openapi/v3/apis/${group}/${version}`);
  return v3.status === 200 && v3.text.includes(`"kind":"${kind}"`);
}

behaviour('Custom Resource OpenAPI Publish, varying groups', async () => {
  await define('group-a.example.com', 'widgets', [{ name: 'v1' }]);
  await define('group-b.example.com', 'widgets', [{ name: 'v1' }]);
  for (const group of ['group-a.example.com', 'group-b.example.com']) {
    await suite.eventually(group, () => isPublished(group, 'v1', 'Widget'));
  }
});

behaviour('Custom Resource OpenAPI Publish, varying kinds', async () => {
  await define('kinds.example.com', 'widgets', [{ name: 'v1' }]);
  await define('kinds.example.com', 'gadgets', [{ name: 'v1' }]);
  for (const kind of ['Widget', 'Gadget']) {
    await suite.eventually(kind, () => isPublished('kinds.example.com', 'v1', kind));
  }
});

behaviour('Custom Resource OpenAPI Publish, varying versions', async () => {
  await define('versions.example.com', 'widgets', [{ name: 'v2' }, { name: 'v3', storage: false }]);
  for (const version of ['v2', 'v3']) {
    await suite.eventually(version, () => isPublished('versions.example.com', version, 'Widget'));
  }
});

behaviour('Custom Resource OpenAPI Publish, version rename', async () => {
  await define('rename.example.com', 'widgets', [{ name: 'v2' }, { name: 'v3', storage: false }]);
  await suite.eventually('v3', () => isPublished('rename.example.com', 'v3', 'Widget'));
  await suite.api.patch(
    `${definitions}/widgets.rename.example.com`,
    [{ op: 'replace', path: '/spec/versions/1/name', value: 'v4' }],
    'json',
  );
  await suite.eventually('v4 instead of v3', async () => {
    const isThere = await isPublished('rename.example.com', 'v4', 'Widget');
    return isThere && !(await published('rename.example.com')).has('v3.Widget');
  });
  assert.ok(await isPublished('rename.example.com', 'v2', 'Widget'));
});

behaviour('Custom Resource OpenAPI Publish, stop serving version', async () => {
  await define('unserve.example.com', 'widgets', [{ name: 'v5' }, { name: 'v6', storage: false }]);
  await suite.eventually('v6', () => isPublished('unserve.example.com', 'v6', 'Widget'));
  await suite.api.patch(
    `${definitions}/widgets.unserve.example.com`,
    [{ op: 'replace', path: '/spec/versions/1/served', value: false }],
    'json',
  );
  await suite.eventually('v6 is gone', async () => !(await published('unserve.example.com')).has('v6.Widget'));
  assert.ok(await isPublished('unserve.example.com', 'v5', 'Widget'));
});

async function kubectl(args: readonly string[], object?: object): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await command('kubectl', args, {
    env: { KUBECONFIG: suite.plane.kubeconfig },
    ...(object === undefined ? {} : { input: JSON.stringify(object) }),
  });
  return { code, text: stdout + stderr };
}

/** By kubectl, with its validation: created, applied, deleted. */
async function accepts(object: object): Promise<void> {
  for (const args of [
    ['create', '-f', '-'],
    ['delete', '-f', '-'],
    ['apply', '-f', '-'],
    ['delete', '-f', '-'],
  ]) {
    const { code, text } = await kubectl(args, object);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${text}`);
  }
}

async function explains(what: string, ...patterns: readonly RegExp[]): Promise<void> {
  const { code, text } = await kubectl(['explain', what]);
  assert.equal(code, 0, text);
  for (const pattern of patterns) assert.match(text, pattern);
}

behaviour('Custom Resource OpenAPI Publish, with validation schema', async () => {
  const bars = {
    type: 'array',
    description: 'List of Bars and their specs.',
    items: {
      type: 'object',
      required: ['name'],
      properties: {
        name: { type: 'string', description: 'Name of Bar.' },
        age: { type: 'string', description: 'Age of Bar.' },
        feeling: { type: 'string', enum: ['Great', 'Down'] },
      },
    },
  };
  const schema = {
    type: 'object',
    description: 'Foo CRD for Testing',
    properties: { spec: { type: 'object', description: 'Specification of Foo', properties: { bars } } },
  };
  const group = 'schema.example.com';
  await define(group, 'foos', [{ name: 'v1', schema }]);
  await suite.eventually('it is published', () => isPublished(group, 'v1', 'Foo'));
  const foo = (spec: object): object => ({ apiVersion: `${group}/v1`, kind: 'Foo', metadata: { name: 'foo' }, spec });
  await accepts(foo({ bars: [{ name: 'test-bar' }] }));
  for (const [spec, refusal] of [
    [{ foo: true }, /unknown field "spec\.foo"/],
    [{ bars: [{ age: '10' }] }, /spec\.bars\[0\]\.name: Required value|missing required field "name"/],
    [{ bars: [{ name: 'x', feeling: 'NonExistent' }] }, /spec\.bars\[0\]\.feeling: Unsupported value: "NonExistent"/],
  ] as const) {
    for (const verb of ['create', 'apply']) {
      const { code, text } = await kubectl([verb, '-f', '-'], foo(spec));
      assert.notEqual(code, 0, text);
      assert.match(text, refusal);
    }
  }
  await explains(
    'foos.schema.example.com',
    /DESCRIPTION:\s+Foo CRD for Testing/,
    /apiVersion\s+<string>/,
    /metadata\s+<ObjectMeta>/,
    /spec\s+<(Object|object)>/,
  );
  await explains(
    'foos.schema.example.com.spec',
    /DESCRIPTION:\s+Specification of Foo/,
    /bars\s+<\[\](Object|object)>\s+List of Bars/,
  );
  await explains(
    'foos.schema.example.com.spec.bars',
    /name\s+<string> -required-\s+Name of Bar/,
    /age\s+<string>\s+Age of Bar/,
  );
  assert.notEqual((await kubectl(['explain', 'foos.schema.example.com.spec.nothing'])).code, 0);
});

for (const [name, group, schema, object, pattern] of [
  [
    'Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object',
    'empty.example.com',
    { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    { a: { b: [{ c: 'd' }] } },
    /DESCRIPTION:\s+<empty>/,
  ],
  [
    'Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root',
    'root.example.com',
    {
      type: 'object',
      description: 'preserve-unknown-properties at root for Testing',
      'x-kubernetes-preserve-unknown-fields': true,
    },
    { dummy: 'test' },
    /KIND:\s+Widget/,
  ],
  [
    'Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object',
    'nested.example.com',
    {
      type: 'object',
      description: 'preserve-unknown-properties in nested field for Testing',
      properties: {
        spec: { type: 'object', description: 'Specification of Waldo', 'x-kubernetes-preserve-unknown-fields': true },
        status: {
          type: 'object',
          properties: { bars: { type: 'array', items: { type: 'object', properties: { age: { type: 'string' } } } } },
        },
      },
    },
    { spec: { dummy: 'test' } },
    /preserve-unknown-properties in nested field for Testing/,
  ],
] as const) {
  behaviour(name, async () => {
    await define(group, 'widgets', [{ name: 'v1', schema }]);
    await suite.eventually('it is published', () => isPublished(group, 'v1', 'Widget'));
    await accepts({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'one' }, ...object });
    await explains(`widgets.${group}`, pattern);
  });
}
