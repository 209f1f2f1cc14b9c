import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type AnswerBody, TestServer } from '../../test-server.ts';
import { patchAnswer, type ReviewRequest, startTestWebhook, type TestWebhook } from './test-webhook.ts';

let server: TestServer;
let webhook: TestWebhook;
/** What the webhook answers, by path; each test brings its own. */
const answers = new Map<string, (request: ReviewRequest) => object | Promise<object>>();

before(async () => {
  server = await TestServer.start();
  webhook = await startTestWebhook(
    (request, path) => answers.get(path)?.(request) ?? { allowed: true },
    ['hooks.default.svc'],
  );
});

after(async () => {
  await server.close();
  await webhook.close();
});

const send = (method: string, path: string, body?: object) =>
  server.send<AnswerBody & { readonly data?: Record<string, string> }>(method, path, body);

const admission = '/apis/admissionregistration.k8s.io/v1';
const maps = '/api/v1/namespaces/default/configmaps';
const configMapRule = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };

interface Registration {
  readonly kind: 'mutating' | 'validating';
  readonly name: string;
  readonly webhooks: readonly object[];
}

/** Registers webhooks for one test, and takes them away at its end. */
async function register(t: TestContext, { kind, name, webhooks }: Registration): Promise<void> {
  const path = `${admission}/${kind}webhookconfigurations`;
  const filled = webhooks.map((given) => ({
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: { ...webhook.clientConfig, url: `${webhook.clientConfig.url}${name}` },
    rules: [configMapRule],
    ...given,
  }));
  const { status, body } = await send('POST', path, { metadata: { name }, webhooks: filled });
  assert.equal(status, 201, body.message);
  t.after(() => send('DELETE', `${path}/${name}`));
  webhook.asked.length = 0;
}

test('a validating webhook refuses in the words and with the code it gives', async (t) => {
  await register(t, { kind: 'validating', name: 'deny', webhooks: [{ name: 'deny.example.com' }] });
  answers.set('/deny', () => ({
    allowed: false,
    status: { code: 403, message: 'no such maps here', reason: 'Forbidden' },
  }));
  const refused = await send('POST', maps, { metadata: { name: 'a' }, data: {} });
  assert.equal(refused.status, 403);
  assert.equal(refused.body.message, 'admission webhook "deny.example.com" denied the request: no such maps here');
  const [request] = webhook.asked;
  assert.deepEqual(
    [request?.operation, request?.namespace, request?.name, request?.userInfo.username, request?.dryRun],
    ['CREATE', 'default', 'a', 'admin', false],
  );
  answers.set('/deny', () => ({ allowed: false }));
  const silent = await send('POST', `${maps}?dryRun=All`, { metadata: { name: 'a' } });
  assert.equal(silent.status, 400);
  assert.equal(silent.body.message, 'admission webhook "deny.example.com" denied the request without explanation');
  assert.equal(webhook.asked.at(-1)?.dryRun, true);
});

test('a deletion is shown the old object', async (t) => {
  await send('POST', maps, { metadata: { name: 'kept' }, data: { k: 'v' } });
  await register(t, { kind: 'validating', name: 'keep', webhooks: [{ name: 'keep.example.com' }] });
  answers.set('/keep', ({ operation }) => ({ allowed: operation !== 'DELETE', status: { message: 'kept' } }));
  assert.equal(
    (await send('DELETE', `${maps}/kept`)).body.message,
    'admission webhook "keep.example.com" denied the request: kept',
  );
  assert.equal((await send('DELETE', maps)).status, 400);
  const seen = webhook.asked.at(-1);
  assert.deepEqual([seen?.object, seen?.oldObject?.['data']], [null, { k: 'v' }]);
});

test('mutating webhooks see each other and what they leave is defaulted and validated', async (t) => {
  await register(t, {
    kind: 'mutating',
    name: 'chain',
    webhooks: [{ name: 'one.example.com' }, { name: 'two.example.com' }],
  });
  answers.set('/chain', ({ object }) => {
    const data = object?.['data'] as Record<string, string> | undefined;
    const step = data?.['first'] === undefined ? 'first' : 'second';
    return { ...patchAnswer([{ op: 'add', path: `/data/${step}`, value: 'yes' }]), warnings: [`${step} was set`] };
  });
  const made = await send('POST', maps, { metadata: { name: 'chained' }, data: { own: '1' } });
  assert.deepEqual(made.body.data, { own: '1', first: 'yes', second: 'yes' });
  assert.match(made.warning, /first was set.*second was set/);
  assert.equal(webhook.asked.length, 2);

  answers.set('/chain', () => patchAnswer([{ op: 'add', path: '/data', value: { 'not a key!': 'x' } }]));
  const invalid = await send('POST', maps, { metadata: { name: 'bad' } });
  assert.equal(invalid.status, 422);
  answers.set('/chain', () => patchAnswer([{ op: 'add', path: '/data', value: 'text' }]));
  const mistyped = await send('POST', maps, { metadata: { name: 'bad' } });
  assert.equal(mistyped.status, 500);
  assert.match(mistyped.body.message, /cannot be handled as a ConfigMap/);
});

test('a webhook that wants it is asked again after others changed the object', async (t) => {
  await register(t, {
    kind: 'mutating',
    name: 'again',
    webhooks: [{ name: 'counts.example.com', reinvocationPolicy: 'IfNeeded' }, { name: 'changes.example.com' }],
  });
  let calls = 0;
  answers.set('/again', () => {
    calls += 1;
    return calls === 2 ? patchAnswer([{ op: 'add', path: '/data/late', value: 'x' }]) : { allowed: true };
  });
  const made = await send('POST', maps, { metadata: { name: 'again' }, data: { own: '1' } });
  assert.deepEqual(made.body.data, { own: '1', late: 'x' });
  assert.equal(calls, 3);
});

test('selectors and rules choose what a webhook is asked', async (t) => {
  await send('POST', '/api/v1/namespaces', { metadata: { name: 'chosen', labels: { hooks: 'on' } } });
  await register(t, {
    kind: 'validating',
    name: 'some',
    webhooks: [
      {
        name: 'some.example.com',
        namespaceSelector: { matchLabels: { hooks: 'on' } },
        objectSelector: { matchLabels: { look: 'yes' } },
        rules: [{ ...configMapRule, operations: ['CREATE'] }],
      },
    ],
  });
  answers.set('/some', () => ({ allowed: true }));
  const chosen = '/api/v1/namespaces/chosen/configmaps';
  await send('POST', maps, { metadata: { name: 'elsewhere', labels: { look: 'yes' } } });
  await send('POST', chosen, { metadata: { name: 'unlabelled' } });
  await send('POST', '/api/v1/namespaces/chosen/secrets', { metadata: { name: 's', labels: { look: 'yes' } } });
  assert.equal(webhook.asked.length, 0);
  await send('POST', chosen, { metadata: { name: 'labelled', labels: { look: 'yes' } } });
  await send('PATCH', `${chosen}/labelled`, { data: { a: 'b' } });
  assert.deepEqual(
    webhook.asked.map(({ name }) => name),
    ['labelled'],
  );
});

test('a request in an equivalent version is shown in the version that the rules name', async (t) => {
  const rule = { operations: ['CREATE'], apiGroups: ['autoscaling'], apiVersions: ['v1'] };
  const rules = [{ ...rule, resources: ['horizontalpodautoscalers'] }];
  await register(t, { kind: 'validating', name: 'equal', webhooks: [{ name: 'equal.example.com', rules }] });
  answers.set('/equal', () => ({ allowed: true }));
  const spec = { scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' }, maxReplicas: 3 };
  const path = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
  const made = await send('POST', path, { metadata: { name: 'h' }, spec });
  assert.equal(made.status, 201, made.body.message);
  const [seen] = webhook.asked;
  assert.equal(seen?.object?.apiVersion, 'autoscaling/v1');
  assert.deepEqual([seen?.resource.version, seen?.requestResource.version], ['v1', 'v2']);
});

test('what a subresource takes is shown with the group and version of its own kind', async (t) => {
  const labels = { app: 'scaled' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } };
  const path = '/apis/apps/v1/namespaces/default/deployments';
  const spec = { selector: { matchLabels: labels }, template };
  assert.equal((await send('POST', path, { metadata: { name: 'scaled' }, spec })).status, 201);
  const rule = { operations: ['UPDATE'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'] };
  await register(t, { kind: 'validating', name: 'scale', webhooks: [{ name: 'scale.example.com', rules: [rule] }] });
  answers.set('/scale', () => ({ allowed: true }));
  const scaled = await send('PUT', `${path}/scaled/scale`, { metadata: { name: 'scaled' }, spec: { replicas: 3 } });
  assert.equal(scaled.status, 200, scaled.body.message);
  const [seen] = webhook.asked;
  assert.deepEqual(seen?.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  assert.deepEqual([seen.resource.group, seen.subResource], ['apps', 'scale']);
  assert.deepEqual([seen.object?.['spec'], seen.oldObject?.['spec']], [{ replicas: 3 }, { replicas: 1 }]);
});

test('a scale is shown as the Scale it is, and what is changed of it counts', async (t) => {
  const base = '/apis/apps/v1/namespaces/default/deployments';
  const labels = { app: 'd' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  await send('POST', base, {
    metadata: { name: 'd' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  });
  const rules = [{ operations: ['*'], apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'] }];
  await register(t, { kind: 'mutating', name: 'scale', webhooks: [{ name: 'scale.example.com', rules }] });
  answers.set('/scale', () => patchAnswer([{ op: 'replace', path: '/spec/replicas', value: 3 }]));
  const scaled = await send('PATCH', `${base}/d/scale`, { spec: { replicas: 7 } });
  assert.deepEqual(scaled.body['spec'], { replicas: 3 });
  const [seen] = webhook.asked;
  assert.deepEqual(seen?.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  assert.deepEqual([seen?.resource.group, seen?.subResource], ['apps', 'scale']);
});

test('a webhook that cannot be reached refuses or is passed over, as its failure policy says', async (t) => {
  const nowhere = { ...webhook.clientConfig, url: 'https://127.0.0.1:1/x' };
  await register(t, {
    kind: 'validating',
    name: 'down',
    webhooks: [{ name: 'down.example.com', clientConfig: nowhere }],
  });
  const refused = await send('POST', maps, { metadata: { name: 'closed' } });
  assert.equal(refused.status, 500);
  assert.match(
    refused.body.message,
    /^Internal error occurred: failed calling webhook "down\.example\.com": failed to call webhook: Post "https:\/\/127\.0\.0\.1:1\/x\?timeout=10s": .*ECONNREFUSED/,
  );
  await send('DELETE', `${admission}/validatingwebhookconfigurations/down`);
  await register(t, {
    kind: 'validating',
    name: 'down',
    webhooks: [{ name: 'down.example.com', clientConfig: nowhere, failurePolicy: 'Ignore' }],
  });
  assert.equal((await send('POST', maps, { metadata: { name: 'open' } })).status, 201);
});

test('a webhook whose address is no URL fails its calls and nothing else', async (t) => {
  const clientConfig = { ...webhook.clientConfig, url: 'https://' };
  await register(t, { kind: 'validating', name: 'odd', webhooks: [{ name: 'odd.example.com', clientConfig }] });
  const refused = await send('POST', maps, { metadata: { name: 'odd' } });
  assert.match(refused.body.message, /failed calling webhook "odd\.example\.com": failed to call webhook: Invalid URL/);
});

test('a webhook that takes too long has failed', async (t) => {
  const [first] = [{ name: 'slow.example.com', timeoutSeconds: 1 }];
  await register(t, { kind: 'validating', name: 'slow', webhooks: [first] });
  answers.set('/slow', async () => {
    await delay(1500);
    return { allowed: true };
  });
  const { body } = await send('POST', maps, { metadata: { name: 'late' } });
  assert.match(body.message, /\?timeout=1s": context deadline exceeded$/);
});

test('a webhook behind a Service is reached by the endpoints of the Service', async (t) => {
  const ports = [{ port: 443, targetPort: webhook.port }];
  await send('POST', '/api/v1/namespaces/default/services', { metadata: { name: 'hooks' }, spec: { ports } });
  const clientConfig = {
    caBundle: webhook.clientConfig.caBundle,
    service: { namespace: 'default', name: 'hooks', path: '/service' },
  };
  await register(t, { kind: 'validating', name: 'service', webhooks: [{ name: 'service.example.com', clientConfig }] });
  answers.set('/service', () => ({ allowed: false, status: { message: 'reached' } }));
  const before = await send('POST', maps, { metadata: { name: 'x' } });
  assert.match(
    before.body.message,
    /Post "https:\/\/hooks\.default\.svc:443\/service\?timeout=10s": no endpoints available for service "hooks"$/,
  );
  await send('POST', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    metadata: { name: 'hooks-1', labels: { 'kubernetes.io/service-name': 'hooks' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [hostAddress()], conditions: { ready: true } }],
    ports: [{ name: '', port: webhook.port, protocol: 'TCP' }],
  });
  const reached = await send('POST', maps, { metadata: { name: 'x' } });
  assert.equal(reached.body.message, 'admission webhook "service.example.com" denied the request: reached');
});

test('webhooks are not asked about webhooks', async (t) => {
  const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
  await register(t, { kind: 'validating', name: 'all', webhooks: [{ name: 'all.example.com', rules }] });
  answers.set('/all', () => ({ allowed: false }));
  assert.equal((await send('DELETE', `${admission}/validatingwebhookconfigurations/all`)).status, 200);
});

/** Endpoints may not be in the loopback range. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
