import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createAuthority, issueLeaf } from '../../src/server/pki/certificates.ts';
import { createNamespace, eventually, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';
import { configMap, deployment, image } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];

before(async () => {
  namespace = await createNamespace('policies');
});
after(() => namespace.remove());

const apiVersion = 'admissionregistration.k8s.io/v1';

function documents(...objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object)).join('\n');
}

/** About this file's namespace only. */
function constraints(resource: string, apiGroup: string): object {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } },
    resourceRules: [
      { apiGroups: [apiGroup], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [resource] },
    ],
  };
}

test('a validating policy refuses, warns, and explains itself', async () => {
  const policy = {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'replicas' },
    spec: {
      matchConstraints: constraints('deployments', 'apps'),
      variables: [{ name: 'replicas', expression: 'object.spec.replicas' }],
      validations: [
        {
          expression: 'variables.replicas <= 2',
          messageExpression: "'no more than 2, not ' + string(variables.replicas)",
        },
      ],
    },
  };
  const binding = (actions: string[]) => ({
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'replicas' },
    spec: { policyName: 'replicas', validationActions: actions },
  });
  await kubectl(['apply', '-f', '-'], { input: documents(policy, binding(['Deny'])) });
  assert.match(
    await kubectlFails(inNamespace('create', '-f', '-'), { input: deployment('large', { replicas: 3 }) }),
    /The deployments "large" is invalid: : ValidatingAdmissionPolicy 'replicas' with binding 'replicas' denied request: no more than 2, not 3/,
  );
  await kubectl(['apply', '-f', '-'], { input: documents(binding(['Warn'])) });
  const warned = await tryKubectl(inNamespace('create', '-f', '-'), { input: deployment('large', { replicas: 3 }) });
  assert.equal(warned.code, 0, warned.stderr);
  assert.match(
    warned.stderr,
    /Warning: Validation failed for ValidatingAdmissionPolicy 'replicas' with binding 'replicas'/,
  );
  const observed = ['get', 'validatingadmissionpolicy', 'replicas', '-o', 'jsonpath={.status.observedGeneration}'];
  await eventually('the policy is observed', async () => (await kubectl(observed)) === '1');
  const wrong = {
    ...policy,
    metadata: { name: 'wrong' },
    spec: { ...policy.spec, validations: [{ expression: 'a ==' }] },
  };
  assert.match(
    await kubectlFails(['create', '-f', '-'], { input: documents(wrong) }),
    /spec\.validations\[0\]\.expression: Invalid value: "a ==": compilation failed/,
  );
  await kubectl(['delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', 'replicas']);
  await kubectl(inNamespace('delete', 'deployment', 'large'));
});

test('a mutating policy changes what is written', async () => {
  const policy = {
    apiVersion,
    kind: 'MutatingAdmissionPolicy',
    metadata: { name: 'labels' },
    spec: {
      reinvocationPolicy: 'Never',
      matchConstraints: constraints('configmaps', ''),
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: {
            expression: "Object{metadata: Object.metadata{labels: {'made-by': request.userInfo.username}}}",
          },
        },
        {
          patchType: 'JSONPatch',
          jsonPatch: {
            expression: "[JSONPatch{op: 'add', path: '/data/added', value: object.metadata.labels['made-by']}]",
          },
        },
      ],
    },
  };
  const binding = {
    apiVersion,
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name: 'labels' },
    spec: { policyName: 'labels' },
  };
  await kubectl(['create', '-f', '-'], { input: documents(policy, binding) });
  await kubectl(inNamespace('create', '-f', '-'), { input: configMap('changed', { own: 'x' }) });
  interface Shown {
    metadata: { labels: Record<string, string> };
    data: Record<string, string>;
  }
  const shown = await kubectlJson<Shown>(inNamespace('get', 'configmap', 'changed'));
  assert.deepEqual(shown.metadata.labels, { 'made-by': 'kubernetes-admin' });
  assert.deepEqual(shown.data, { own: 'x', added: 'kubernetes-admin' });
  await kubectl(['delete', 'mutatingadmissionpolicy,mutatingadmissionpolicybinding', 'labels']);
});

/** A webhook that refuses what is named `refused`; TLS from a mounted ConfigMap. */
const program = `
const { createServer } = require('node:https');
const { readFileSync } = require('node:fs');
const read = (name) => readFileSync('/tls/' + name);
createServer({ cert: read('tls.crt'), key: read('tls.key') }, (request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk));
  request.on('end', () => {
    const { request: asked, apiVersion, kind } = JSON.parse(text);
    const allowed = asked.name !== 'refused';
    const status = { message: 'refused by a pod' };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, allowed, status } }));
  });
}).listen(8443);
`;

test('a webhook that is a pod is asked by way of its Service', async () => {
  const authority = await createAuthority('webhook-ca', Date.now());
  const names = { dnsNames: [`hooks.${namespace.name}.svc`], ips: [] };
  const leaf = { commonName: 'hooks', usage: 'server' as const, lifetimeMs: 3_600_000, ...names };
  const { certificate, key } = await issueLeaf(authority, leaf, Date.now());
  const server = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'hooks', labels: { app: 'hooks' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'Never',
          command: ['node', '-e', program],
          readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
        },
      ],
      volumes: [{ name: 'tls', configMap: { name: 'tls' } }],
    },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'hooks' },
    spec: { selector: { app: 'hooks' }, ports: [{ port: 443, targetPort: 8443 }] },
  };
  const tls = JSON.parse(configMap('tls', { 'tls.crt': certificate, 'tls.key': key })) as object;
  await kubectl(inNamespace('create', '-f', '-'), { input: documents(tls, server, service) });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/hooks', '--timeout=60s'));
  const configuration = {
    apiVersion,
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'hooks' },
    webhooks: [
      {
        name: 'hooks.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: {
          service: { namespace: namespace.name, name: 'hooks', path: '/ask' },
          caBundle: Buffer.from(authority.certificate).toString('base64'),
        },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } },
        matchConditions: [{ name: 'data', expression: "object.data.?ask.orValue('') == 'yes'" }],
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
      },
    ],
  };
  await kubectl(['create', '-f', '-'], { input: documents(configuration) });
  await eventually('the webhook is asked', async () => {
    const said = await kubectlFails(inNamespace('create', '-f', '-'), { input: configMap('refused', { ask: 'yes' }) });
    return /admission webhook "hooks\.example\.com" denied the request: refused by a pod/.test(said);
  });
  await kubectl(inNamespace('create', '-f', '-'), { input: configMap('let-in', { ask: 'yes' }) });
  await kubectl(inNamespace('create', '-f', '-'), { input: configMap('unasked', { ask: 'no' }) });
  await kubectl(inNamespace('delete', 'pod', 'hooks', '--now'));
  const missed = new RegExp(`Post "https://hooks\\.${namespace.name}\\.svc:443/ask\\?timeout=10s": `);
  await eventually('the webhook is missed', async () => {
    const tried = await tryKubectl(inNamespace('create', '--dry-run=server', '-f', '-'), {
      input: configMap('after', { ask: 'yes' }),
    });
    return missed.test(tried.stderr);
  });
  await kubectl(['delete', 'validatingwebhookconfiguration', 'hooks']);
});
