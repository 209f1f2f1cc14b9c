import assert from 'node:assert/strict';
import { patchTypes } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const strict = 'fieldValidation=Strict';

const deployment = (name: string, metadata: string, spec: string): string => `{
  "apiVersion": "apps/v1",
  "kind": "Deployment",
  "metadata": { "name": "${name}", "labels": { "app": "nginx" }${metadata} },
  "spec": {
    ${spec}
    "selector": { "matchLabels": { "app": "nginx" } },
    "template": {
      "metadata": { "labels": { "app": "nginx" } },
      "spec": { "containers": [{ "name": "nginx", "image": "nginx:latest" }] }
    }
  }
}`;

behaviour('Server side field validation, typed object', async () => {
  const duplicates = '"paused": true, "paused": false, "unknown1": "val1", "unknownDupe": 1, "unknownDupe": 2,';
  const body = deployment('strict', '', duplicates);
  const message = await suite.api.refused(400, 'POST', `${deployments}?${strict}`, { body });
  for (const part of [
    'unknown field "spec.unknown1"',
    'unknown field "spec.unknownDupe"',
    'duplicate field "spec.paused"',
    'strict decoding error: ',
  ]) {
    assert.ok(message.includes(part), `${part} in: ${message}`);
  }
  const warned = await suite.api.send('POST', `${deployments}?fieldValidation=Warn&dryRun=All`, { body });
  assert.equal(warned.status, 201, warned.text);
  assert.match(String(warned.headers['warning']), /unknown field \\"spec\.unknown1\\"/);
  assert.match(String(warned.headers['warning']), /duplicate field \\"spec\.paused\\"/);
  const ignored = await suite.api.send('POST', `${deployments}?fieldValidation=Ignore&dryRun=All`, { body });
  assert.deepEqual([ignored.status, ignored.headers['warning']], [201, undefined], ignored.text);

  const inYaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twice\nimmutable: true\nimmutable: false\n';
  assert.match(
    await suite.api.refused(400, 'POST', `/api/v1/namespaces/default/configmaps?${strict}`, {
      body: inYaml,
      type: 'application/yaml',
    }),
    /key "immutable" already set in map|duplicate field "immutable"/,
  );

  await suite.api.create(deployments, JSON.parse(deployment('strict', '', '')));
  for (const type of [patchTypes.merge, patchTypes.strategic]) {
    const patched = await suite.api.refused(422, 'PATCH', `${deployments}/strict?${strict}`, {
      type,
      body: '{"spec":{"unknown1":1,"paused":true,"paused":false}}',
    });
    assert.match(patched, /unknown field "spec\.unknown1"/);
    assert.match(patched, /duplicate field "spec\.paused"/);
  }
  const yaml =
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: strict\nspec:\n  unknown1: 1\n  paused: true\n  paused: false\n';
  assert.match(
    await suite.api.refused(400, 'PATCH', `${deployments}/strict?${strict}&fieldManager=test`, {
      type: patchTypes.apply,
      body: yaml,
    }),
    /key "paused" already set in map|duplicate field "spec\.paused"/,
  );
});

behaviour('Server side field validation, typed unknown metadata', async () => {
  const body = deployment('metadata', ', "unknownMeta": "foo"', '');
  for (const [method, path, type] of [
    ['POST', deployments, 'application/json'],
    ['PATCH', `${deployments}/metadata`, patchTypes.apply],
  ] as const) {
    const query = type === patchTypes.apply ? `${strict}&fieldManager=test` : strict;
    const { status, text } = await suite.api.send(method, `${path}?${query}`, { body, type });
    assert.ok(status === 400 || status === 500, text);
    assert.match(
      text,
      /unknown field \\"metadata\.unknownMeta\\"|\.metadata\.unknownMeta: field not declared in schema/,
    );
  }
});

const crd = (name: string, schema: Record<string, unknown>) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${name}s.validation.example.com` },
  spec: {
    group: 'validation.example.com',
    scope: 'Namespaced',
    names: { plural: `${name}s`, singular: name, kind: name[0]?.toUpperCase() + name.slice(1) },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
  },
});

/** Creates the CRD and waits until it is served; the path of its collection and the type of its objects. */
async function define(
  name: string,
  schema: Record<string, unknown>,
): Promise<{ path: string; apiVersion: string; kind: string }> {
  const definition = crd(name, schema);
  await suite.api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  const path = `/apis/validation.example.com/v1/namespaces/default/${name}s`;
  await suite.eventually('the custom resource', async () => (await suite.api.send('GET', path)).status === 200);
  return { path, apiVersion: 'validation.example.com/v1', kind: String(definition.spec.names.kind) };
}

const specSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        foo: { type: 'string' },
        cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
          items: {
            type: 'object',
            required: ['containerPort', 'protocol'],
            properties: { containerPort: { type: 'integer' }, protocol: { type: 'string' } },
          },
        },
      },
    },
  },
};

behaviour('Server side field validation, unknown fields CR no validation schema', async () => {
  const { path, apiVersion, kind } = await define('loose', {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  });
  const object = { apiVersion, kind, metadata: { name: 'one' }, spec: { foo: 'foo1', known: 'x' } };
  await suite.api.ask('PATCH', `${path}/one?${strict}&fieldManager=test`, { body: object, type: patchTypes.apply });
});

behaviour('Server side field validation, valid CR with validation schema', async () => {
  const { path, apiVersion, kind } = await define('valid', specSchema);
  const spec = { foo: 'foo1', cronSpec: '* * * * */5', ports: [{ containerPort: 8080, protocol: 'UDP' }] };
  const object = { apiVersion, kind, metadata: { name: 'one' }, spec };
  await suite.api.ask('PATCH', `${path}/one?${strict}&fieldManager=test`, { body: object, type: patchTypes.apply });
});

behaviour('Server side field validation, unknown fields CR fails validation', async () => {
  const { path, apiVersion, kind } = await define('closed', specSchema);
  const object = { apiVersion, kind, metadata: { name: 'one' }, spec: { foo: 'foo1', extraProperty: 'x' } };
  const answer = await suite.api.send('PATCH', `${path}/one?${strict}&fieldManager=test`, {
    body: object,
    type: patchTypes.apply,
  });
  assert.ok(answer.status >= 400, answer.text);
  assert.match(
    answer.text,
    /unknown field \\"spec\.extraProperty\\"|\.spec\.extraProperty: field not declared in schema/,
  );
  assert.match(
    await suite.api.refused(400, 'POST', `${path}?${strict}`, { body: object }),
    /unknown field "spec\.extraProperty"/,
  );
});

behaviour('Server side field validation, CR duplicates', async () => {
  const { path, apiVersion, kind } = await define('twice', {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
  });
  const body = `{"apiVersion":"${apiVersion}","kind":"${kind}","metadata":{"name":"one"},"spec":{"foo":"1","foo":"2","unknown":1}}`;
  const message = await suite.api.refused(400, 'POST', `${path}?${strict}`, { body });
  assert.match(message, /duplicate field "spec\.foo"/);
  assert.doesNotMatch(message, /unknown field/);
});

behaviour('Server side field validation, unknown metadata', async () => {
  const { path, apiVersion, kind } = await define('embedded', {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          template: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            properties: {
              apiVersion: { type: 'string' },
              kind: { type: 'string' },
              metadata: { type: 'object', properties: { name: { type: 'string' } } },
              spec: { type: 'object', properties: { foo: { type: 'string' } } },
            },
          },
        },
      },
    },
  });
  const object = {
    apiVersion,
    kind,
    metadata: { name: 'one', unknownMeta: 'x' },
    spec: {
      template: {
        apiVersion: 'foo/v1',
        kind: 'Sub',
        metadata: { unknownSubMeta: 'y', name: 'sub' },
        spec: { foo: 'b' },
      },
    },
  };
  const message = await suite.api.refused(400, 'POST', `${path}?${strict}`, { body: object });
  assert.match(message, /unknown field "metadata\.unknownMeta"/);
  assert.match(message, /unknown field "spec\.template\.metadata\.unknownSubMeta"/);
});
