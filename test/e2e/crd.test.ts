/** CustomResourceDefinitions as their users meet them: by kubectl alone. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { command, createNamespace, eventually, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';

const dataDirectory = process.env['ROADSTEAD_DATA'] ?? '';
const port = process.env['ROADSTEAD_PORT'] ?? '';
const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
const group = `crd-${randomBytes(3).toString('hex')}.example.com`;
const definitionName = `crontabs.${group}`;

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];

interface CronTab {
  metadata: { generation: number; managedFields?: { manager: string }[] };
  spec: Record<string, unknown>;
  status?: Record<string, unknown>;
}

const specSchema = {
  type: 'object',
  description: 'What is wanted of the table',
  properties: {
    cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(\\s+(\\d+|\\*)){4}$', description: 'When it runs' },
    image: { type: 'string' },
    replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
    maxReplicas: { type: 'integer', default: 10 },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, port: { type: 'integer' } },
      },
    },
  },
  'x-kubernetes-validations': [
    { rule: 'self.replicas <= self.maxReplicas', message: 'replicas must not exceed maxReplicas' },
  ],
};

const storedVersion = {
  name: 'v1',
  served: true,
  storage: true,
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  selectableFields: [{ jsonPath: '.spec.image' }],
  additionalPrinterColumns: [
    { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
    { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  schema: {
    openAPIV3Schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        spec: specSchema,
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
};

function definition(versions: readonly object[]): string {
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: definitionName },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'crontabs', singular: 'crontab', kind: 'CronTab', shortNames: ['ct'] },
      versions,
    },
  });
}

function cronTab(name: string, spec: object, version = 'v1'): string {
  return JSON.stringify({ apiVersion: `${group}/${version}`, kind: 'CronTab', metadata: { name }, spec });
}

const apply = (manifest: string, ...args: string[]): Promise<string> =>
  kubectl(inNamespace('apply', '-f', '-', ...args), { input: manifest });
const refused = (manifest: string, ...args: string[]): Promise<string> =>
  kubectlFails(inNamespace('apply', '-f', '-', ...args), { input: manifest });

before(async () => {
  namespace = await createNamespace('crd');
  await kubectl(['apply', '-f', '-'], { input: definition([storedVersion]) });
  await kubectl(['wait', '--for=condition=Established', `crd/${definitionName}`, '--timeout=10s']);
});
after(async () => {
  await tryKubectl(['delete', 'crd', definitionName, '--wait=false']);
  await namespace.remove();
});

test('a definition is listed, explained and known by its short name', async () => {
  const listed = await kubectl(['api-resources', `--api-group=${group}`]);
  assert.match(listed, /crontabs +ct +crd-\w+\.example\.com\/v1 +true +CronTab/);
  const explained = await kubectl(['explain', `crontabs.${group}.spec`]);
  assert.match(explained, /What is wanted of the table/);
  assert.match(explained, /cronSpec\s+<string>\s+When it runs/);
});

test('a definition that is not structural, or whose rule does not compile, is refused', async () => {
  const bad = {
    ...storedVersion,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: {
          spec: { type: 'object', properties: { a: {} }, 'x-kubernetes-validations': [{ rule: 'self.b == 1' }] },
        },
      },
    },
  };
  const untyped = await kubectlFails(['apply', '-f', '-'], { input: definition([bad]) });
  assert.match(
    untyped,
    /properties\[spec\]\.properties\[a\]\.type: Required value: must not be empty for specified object fields/,
  );
  bad.schema.openAPIV3Schema.properties.spec.properties.a = { type: 'string' };
  const uncompiled = await kubectlFails(['apply', '-f', '-'], { input: definition([bad]) });
  assert.match(uncompiled, /compilation failed: ERROR: <input>:1:5: undefined field 'b'/);
});

test('objects are defaulted, pruned, validated and shown in columns', async () => {
  await apply(cronTab('one', { cronSpec: '* * * * *', image: 'a' }));
  const one = await kubectlJson<CronTab>(inNamespace('get', 'ct', 'one'));
  assert.deepEqual(one.spec, { cronSpec: '* * * * *', image: 'a', replicas: 1, maxReplicas: 10 });
  assert.match(
    await kubectl(inNamespace('get', 'ct')),
    /^NAME +SPEC +REPLICAS +READY +AGE\none +\* \* \* \* \* +1 +\d+s/,
  );

  const unknown = await refused(cronTab('bad', { cronSpec: '* * * * *', imagee: 'a' }));
  assert.match(unknown, /strict decoding error: unknown field "spec\.imagee"/);
  const wrong = await refused(cronTab('bad', { cronSpec: 'x', replicas: 11, image: 3 }));
  assert.match(wrong, /spec\.cronSpec: Invalid value: "x": spec\.cronSpec in body should match/);
  assert.match(wrong, /spec\.replicas: Invalid value: 11: spec\.replicas in body should be less than or equal to 10/);
  assert.match(wrong, /spec\.image: Invalid value: "integer": spec\.image in body must be of type string: "integer"/);
  const rule = await refused(cronTab('bad', { replicas: 5, maxReplicas: 4 }));
  assert.match(rule, /spec: Invalid value: replicas must not exceed maxReplicas/);
});

test('a field that the definition names selects', async () => {
  await apply(cronTab('chosen', { image: 'chosen' }));
  const names = await kubectl(inNamespace('get', 'ct', '--field-selector=spec.image=chosen', '-o', 'name'));
  assert.equal(names.trim(), `crontab.${group}/chosen`);
});

test('status is written by itself, and the object is scaled', async () => {
  await apply(cronTab('parts', { image: 'a' }));
  const patch = JSON.stringify({
    spec: { image: 'not here' },
    status: { replicas: 2, selector: 'app=parts', conditions: [{ type: 'Ready', status: 'True' }] },
  });
  await kubectl(inNamespace('patch', 'ct', 'parts', '--subresource=status', '--type=merge', '-p', patch));
  await kubectl(inNamespace('scale', 'ct/parts', '--replicas=3'));
  const parts = await kubectlJson<CronTab>(inNamespace('get', 'ct', 'parts'));
  assert.equal(parts.spec['image'], 'a');
  assert.equal(parts.spec['replicas'], 3);
  assert.equal(parts.status?.['replicas'], 2);
  assert.equal(parts.metadata.generation, 2);
  assert.match(await kubectl(inNamespace('get', 'ct', 'parts')), / True /);
});

test('server-side apply shares a list by its keys; the strategic form is not taken', async () => {
  const one = ['--server-side', '--field-manager=one'];
  const two = ['--server-side', '--field-manager=two'];
  await apply(cronTab('shared', { ports: [{ name: 'a', port: 1 }] }), ...one);
  await apply(cronTab('shared', { ports: [{ name: 'b', port: 2 }] }), ...two);
  const shared = await kubectlJson<CronTab>(inNamespace('get', 'ct', 'shared', '--show-managed-fields'));
  assert.deepEqual(shared.spec['ports'], [
    { name: 'a', port: 1 },
    { name: 'b', port: 2 },
  ]);
  assert.deepEqual(shared.metadata.managedFields?.map(({ manager }) => manager).sort(), ['one', 'two']);
  const conflict = await refused(cronTab('shared', { ports: [{ name: 'a', port: 9 }] }), ...two);
  assert.match(conflict, /Apply failed with 1 conflict: conflict with "one": \.spec\.ports\[name="a"\]\.port/);
  const strategic = await kubectlFails(inNamespace('patch', 'ct', 'shared', '--type=strategic', '-p', '{}'));
  assert.match(strategic, /application\/strategic-merge-patch\+json is not supported/);
});

test('a second version shows the same objects, and the server that comes back serves both', async () => {
  const older = {
    ...storedVersion,
    name: 'v1beta1',
    storage: false,
    deprecated: true,
    additionalPrinterColumns: [],
    selectableFields: [],
  };
  await apply(cronTab('both', { image: 'a' }));
  await kubectl(['apply', '-f', '-'], { input: definition([storedVersion, older]) });
  const read = (version: string) =>
    tryKubectl(inNamespace('get', `crontabs.${version}.${group}`, 'both', '-o', 'json'));
  const { stdout, stderr } = await eventually('the second version', async () => {
    const result = await read('v1beta1');
    return result.code === 0 && result;
  });
  assert.equal(JSON.parse(stdout).apiVersion, `${group}/v1beta1`);
  assert.match(stderr, /v1beta1 CronTab is deprecated/);

  const pid = Number(readFileSync(path.join(dataDirectory, 'run', 'server.pid'), 'utf8').split(' ')[0]);
  process.kill(pid, 'SIGKILL');
  await eventually('the server to be gone', () => {
    try {
      return /State:\s+Z/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return true;
    }
  });
  const args = ['up', '--data-dir', dataDirectory, '--port', port, '--no-example'];
  const up = await command(program, args, { timeoutMs: 120_000 });
  assert.equal(up.code, 0, up.stdout + up.stderr);
  for (const version of ['v1', 'v1beta1']) assert.equal((await read(version)).code, 0, version);
});

test('a namespace that is deleted takes custom resources along', async () => {
  const other = await createNamespace('crd-gone');
  await kubectl(['apply', '-n', other.name, '-f', '-'], { input: cronTab('inside', { image: 'a' }) });
  await kubectl(['delete', 'namespace', other.name, '--timeout=30s']);
  assert.doesNotMatch(await kubectl(['get', `crontabs.${group}`, '-A', '-o', 'name']), /inside/);
});

test('an object without its owner is collected, and a deleted definition takes its objects along', async () => {
  await apply(cronTab('owner', { image: 'a' }));
  const owner = await kubectlJson<{ metadata: { uid: string } }>(inNamespace('get', 'ct', 'owner'));
  const reference = { apiVersion: `${group}/v1`, kind: 'CronTab', name: 'owner', uid: owner.metadata.uid };
  const owned = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned', ownerReferences: [reference] } };
  await apply(JSON.stringify(owned));
  await kubectl(['delete', 'crd', definitionName, '--timeout=30s']);
  assert.match(await kubectlFails(['get', '--raw', `/apis/${group}/v1/crontabs`]), /NotFound|could not find/);
  await eventually('the owned object to go', async () => {
    const { stderr } = await tryKubectl(inNamespace('get', 'configmap', 'owned'));
    return stderr.includes('NotFound');
  });
});
