import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { UserInfo } from '../../request.ts';
import { TestServer } from '../../test-server.ts';
import { startTestWebhook } from '../webhooks/test-webhook.ts';

let server: TestServer;

before(async () => {
  server = await TestServer.start();
});

after(() => server.close());

const send = (method: string, path: string, body?: object, user?: UserInfo) =>
  server.send(method, path, body, user === undefined ? {} : { user });

const group = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';
const configMaps = {
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE'],
  resources: ['configmaps'],
};
const deployments = { ...configMaps, apiGroups: ['apps'], resources: ['deployments'] };

interface Given {
  readonly kind: 'validating' | 'mutating';
  readonly name: string;
  readonly spec: object;
  readonly binding?: object;
  readonly rule?: object;
}

/** A policy with one binding, for one test. */
async function policy(t: TestContext, { kind, name, spec, binding = {}, rule = configMaps }: Given): Promise<void> {
  const matchConstraints = { resourceRules: [rule] };
  const made = await send('POST', `${group}/${kind}admissionpolicies`, {
    metadata: { name },
    spec: { matchConstraints, ...spec },
  });
  assert.equal(made.status, 201, made.body.message);
  const actions = kind === 'validating' ? { validationActions: ['Deny'] } : {};
  const bound = await send('POST', `${group}/${kind}admissionpolicybindings`, {
    metadata: { name: `${name}-binding` },
    spec: { policyName: name, ...actions, ...binding },
  });
  assert.equal(bound.status, 201, bound.body.message);
  t.after(async () => {
    await send('DELETE', `${group}/${kind}admissionpolicies/${name}`);
    await send('DELETE', `${group}/${kind}admissionpolicybindings/${name}-binding`);
  });
}

const deployment = (name: string, replicas: number) => ({
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});
const deploymentsPath = '/apis/apps/v1/namespaces/default/deployments';

test('a policy refuses what its expression does not hold for', async (t) => {
  await policy(t, {
    kind: 'validating',
    name: 'small',
    rule: deployments,
    spec: { validations: [{ expression: 'object.spec.replicas <= 2' }] },
  });
  const refused = await send('POST', deploymentsPath, deployment('large', 3));
  assert.deepEqual(
    [refused.status, refused.body.reason, refused.body.message],
    [
      422,
      'Invalid',
      `deployments.apps "large" is forbidden: ValidatingAdmissionPolicy 'small' with binding 'small-binding' denied request: failed expression: object.spec.replicas <= 2`,
    ],
  );
  assert.equal((await send('POST', deploymentsPath, deployment('fine', 2))).status, 201);
});

test('variables, parameters and message expressions work together', async (t) => {
  await send('POST', maps, { metadata: { name: 'limits' }, data: { max: '4' } });
  await policy(t, {
    kind: 'validating',
    name: 'params',
    rule: deployments,
    spec: {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      variables: [
        { name: 'max', expression: 'int(params.data.max)' },
        { name: 'isLarge', expression: 'object.spec.replicas > variables.max' },
      ],
      validations: [
        {
          expression: '!variables.isLarge',
          messageExpression: "'at most ' + string(variables.max) + ' in ' + namespaceObject.metadata.name",
          reason: 'Forbidden',
        },
      ],
    },
    binding: { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } },
  });
  const { status, body } = await send('POST', deploymentsPath, deployment('params', 5));
  assert.equal(status, 403);
  assert.match(body.message, /denied request: at most 4 in default$/);
  await send('DELETE', `${maps}/limits`);
  const missing = await send('POST', deploymentsPath, deployment('params', 1));
  assert.match(missing.body.message, /no params found for policy binding with `Deny` parameterNotFoundAction$/);
});

test('a binding may warn instead, and a condition may leave requests out', async (t) => {
  await policy(t, {
    kind: 'validating',
    name: 'warns',
    spec: {
      matchConditions: [{ name: 'named', expression: "object.metadata.name.startsWith('w')" }],
      validations: [{ expression: "'owner' in object.metadata.?labels.orValue({})", message: 'say who owns it' }],
    },
    binding: { validationActions: ['Warn', 'Audit'] },
  });
  const warned = await send('POST', maps, { metadata: { name: 'warned' } });
  assert.equal(warned.status, 201, warned.body.message);
  assert.match(
    warned.warning,
    /Validation failed for ValidatingAdmissionPolicy 'warns' with binding 'warns-binding': say who owns it/,
  );
  assert.equal((await send('POST', maps, { metadata: { name: 'other' } })).warning, '');
});

test('an expression that fails refuses, unless the policy ignores failures', async (t) => {
  const validations = [{ expression: "object.data.missing == 'x'" }];
  await policy(t, { kind: 'validating', name: 'fails', spec: { validations } });
  const { body } = await send('POST', maps, { metadata: { name: 'nothing' }, data: { a: 'b' } });
  assert.match(
    body.message,
    /denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing$/,
  );
  await send('DELETE', `${group}/validatingadmissionpolicies/fails`);
  const matchConstraints = { resourceRules: [configMaps] };
  const spec = { matchConstraints, validations, failurePolicy: 'Ignore' };
  await send('POST', `${group}/validatingadmissionpolicies`, { metadata: { name: 'fails' }, spec });
  assert.equal((await send('POST', maps, { metadata: { name: 'nothing' }, data: { a: 'b' } })).status, 201);
});

test('expressions ask what the user may do', async (t) => {
  await policy(t, {
    kind: 'validating',
    name: 'asks',
    spec: {
      validations: [
        {
          expression: "authorizer.group('').resource('secrets').namespace(request.namespace).check('delete').allowed()",
          message: 'not for those who may not delete secrets',
        },
        { expression: "authorizer.requestResource.check('create').allowed()" },
      ],
    },
  });
  assert.equal((await send('POST', maps, { metadata: { name: 'mine' } })).status, 201);
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }];
  const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/default';
  await send('POST', `${rbac}/roles`, { metadata: { name: 'maker' }, rules });
  await send('POST', `${rbac}/rolebindings`, {
    metadata: { name: 'maker' },
    roleRef: { kind: 'Role', name: 'maker', apiGroup: 'rbac.authorization.k8s.io' },
    subjects: [{ kind: 'User', name: 'bob', apiGroup: 'rbac.authorization.k8s.io' }],
  });
  const refused = await send('POST', maps, { metadata: { name: 'his' } }, { name: 'bob', groups: [] });
  assert.match(refused.body.message, /not for those who may not delete secrets$/);
});

test('expressions that cannot be compiled are refused when they are written', async () => {
  const spec = {
    matchConstraints: { resourceRules: [configMaps] },
    validations: [{ expression: 'object.metadata.name ==' }, { expression: 'nobody.knows' }, { expression: "'text'" }],
  };
  const path = `${group}/validatingadmissionpolicies`;
  const { status, body } = await send('POST', path, { metadata: { name: 'wrong' }, spec });
  assert.equal(status, 422);
  const selector = { matchExpressions: [{ key: 'a', operator: 'Near', values: ['b'] }] };
  const bound = { policyName: 'x', validationActions: ['Deny'], matchResources: { objectSelector: selector } };
  const refused = await send('POST', `${group}/validatingadmissionpolicybindings`, {
    metadata: { name: 'x' },
    spec: bound,
  });
  assert.match(refused.body.message, /spec\.matchResources\.objectSelector\.matchExpressions\[0\]\.operator: /);
  assert.match(
    body.message,
    /spec\.validations\[0\]\.expression: Invalid value: "object\.metadata\.name ==": compilation failed: ERROR: <input>:1:\d+: Syntax error/,
  );
  assert.match(body.message, /spec\.validations\[1\]\.expression: .*undeclared reference to 'nobody'/);
  assert.match(body.message, /spec\.validations\[2\]\.expression: .*must evaluate to a?\s?bool/);
});

test('a mutating policy applies configurations and patches, one after the other', async (t) => {
  await policy(t, {
    kind: 'mutating',
    name: 'changes',
    rule: deployments,
    spec: {
      reinvocationPolicy: 'Never',
      variables: [{ name: 'app', expression: 'object.metadata.name' }],
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: {
            expression:
              "Object{metadata: Object.metadata{labels: Object.metadata.labels{team: 'a'}}, spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', image: 'better'}]}}}}",
          },
        },
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression:
              "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/app'), value: variables.app + '-' + object.metadata.labels.team}]",
          },
        },
      ],
    },
  });
  const made = await send('POST', deploymentsPath, deployment('changed', 1));
  assert.equal(made.status, 201, made.body.message);
  const { metadata, spec } = made.body as unknown as {
    metadata: { labels: Record<string, string> };
    spec: { template: { spec: { containers: { name: string; image: string; imagePullPolicy: string }[] } } };
  };
  assert.deepEqual(metadata.labels, { team: 'a', 'example.com/app': 'changed-a' });
  const [container] = spec.template.spec.containers;
  assert.deepEqual([spec.template.spec.containers.length, container?.image], [1, 'better']);
});

test('the status of a policy tells what does not fit the kinds it names', async (t) => {
  const validations = [
    { expression: "object.spec.replicas > '1'" },
    { expression: "object.spec.template.spec.containers.all(c, has(c.image)) && object.metadata.name != ''" },
    { expression: 'object.spec.maxReplicas < 5' },
  ];
  await policy(t, { kind: 'validating', name: 'typed', rule: deployments, spec: { validations } });
  const of = { group: 'admissionregistration.k8s.io', resource: 'validatingadmissionpolicies' };
  interface Checked {
    status?: { typeChecking?: { expressionWarnings?: { fieldRef: string; warning: string }[] } };
  }
  let warnings: { fieldRef: string; warning: string }[] | undefined;
  for (let lookup = 0; lookup < 200 && warnings === undefined; lookup += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    warnings = (server.api.objects.get(of, '', 'typed') as Checked | undefined)?.status?.typeChecking
      ?.expressionWarnings;
  }
  assert.deepEqual(
    warnings?.map(({ fieldRef }) => fieldRef),
    ['spec.validations[0].expression', 'spec.validations[2].expression'],
  );
  assert.match(
    warnings?.[0]?.warning ?? '',
    /^apps\/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '\(int, string\)'/,
  );
  assert.match(warnings?.[1]?.warning ?? '', /undefined field 'maxReplicas'/);
});

test('an apply configuration may not replace what is atomic', async (t) => {
  const expression =
    "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{tolerations: [{'key': 'x'}]}}}}";
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }];
  await policy(t, {
    kind: 'mutating',
    name: 'atomic',
    rule: deployments,
    spec: { reinvocationPolicy: 'Never', mutations },
  });
  const { body } = await send('POST', deploymentsPath, deployment('atomic', 1));
  assert.match(body.message, /may not mutate atomic arrays, maps or structs: \.spec\.template\.spec\.tolerations$/);
});

test('an expression that costs too much is stopped', async (t) => {
  const all = (inner: string): string => `[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20].all(x, ${inner})`;
  const nested = Array.from({ length: 6 }).reduce<string>((inner) => all(inner), 'x > 0');
  await policy(t, { kind: 'validating', name: 'costly', spec: { validations: [{ expression: nested }] } });
  const { body } = await send('POST', maps, { metadata: { name: 'costly' } });
  assert.match(body.message, /cost limit exceeded$/);
});

test('conditions of a webhook keep requests from it', async (t) => {
  const webhook = await startTestWebhook(() => ({ allowed: false, status: { message: 'asked' } }));
  t.after(() => webhook.close());
  const matchConditions = [
    { name: 'chosen', expression: "has(object.metadata.labels) && 'ask' in object.metadata.labels" },
  ];
  const path = `${group}/validatingwebhookconfigurations`;
  const base = { admissionReviewVersions: ['v1'], sideEffects: 'None', clientConfig: webhook.clientConfig };
  const webhooks = [{ name: 'chosen.example.com', ...base, rules: [configMaps], matchConditions }];
  assert.equal((await send('POST', path, { metadata: { name: 'chosen' }, webhooks })).status, 201);
  t.after(() => send('DELETE', `${path}/chosen`));
  assert.equal((await send('POST', maps, { metadata: { name: 'unasked' } })).status, 201);
  const asked = await send('POST', maps, { metadata: { name: 'asked', labels: { ask: 'yes' } } });
  assert.match(asked.body.message, /denied the request: asked$/);
  const wrong = [{ ...webhooks[0], matchConditions: [{ name: 'x', expression: 'object.' }] }];
  const refused = await send('POST', path, { metadata: { name: 'wrong' }, webhooks: wrong });
  assert.match(refused.body.message, /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: "object\."/);
});
