import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  patchAnswer,
  type ReviewRequest,
  startTestWebhook,
  type TestWebhook,
} from '../../src/server/admission/webhooks/test-webhook.ts';
import { command, createNamespace, eventually, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';
import { configMap, deployment, image, pod, sleepForever } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let webhook: TestWebhook;
let directory = '';
/** What the webhook answers, by path. */
const answers = new Map<string, (request: ReviewRequest) => object>();
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const create = (input: string): Promise<string> => kubectl(inNamespace('create', '-f', '-'), { input });
const createFails = (input: string): Promise<string> => kubectlFails(inNamespace('create', '-f', '-'), { input });

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'admission-e2e-'));
  namespace = await createNamespace('admission');
  webhook = await startTestWebhook((request, at) => answers.get(at)?.(request) ?? { allowed: true });
});
after(async () => {
  await namespace.remove();
  await webhook.close();
  await rm(directory, { recursive: true });
});

/** A configuration of one webhook that is asked about this file's namespace only. */
async function register(kind: 'Mutating' | 'Validating', name: string, rule: object, more: object = {}): Promise<void> {
  const clientConfig = { ...webhook.clientConfig, url: `${webhook.clientConfig.url}${name}` };
  const input = JSON.stringify({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.com`,
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig,
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], ...rule }],
        ...more,
      },
    ],
  });
  await kubectl(['create', '-f', '-'], { input });
}

test('a validating webhook refuses, warns, and is gone when its configuration is', async () => {
  await register('Validating', 'deny', { operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] });
  answers.set('/deny', ({ object }) => {
    const data = object?.['data'] as Record<string, string> | undefined;
    if (data?.['bad'] !== undefined) return { allowed: false, status: { code: 403, message: 'bad is not allowed' } };
    return { allowed: true, warnings: ['seen by a webhook'] };
  });
  assert.match(
    await createFails(configMap('bad', { bad: 'x' })),
    /admission webhook "deny\.example\.com" denied the request: bad is not allowed/,
  );
  const good = await tryKubectl(inNamespace('create', '-f', '-'), { input: configMap('good', { a: 'b' }) });
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stderr, /Warning: seen by a webhook/);
  const patch = ['patch', 'configmap', 'good', '--type=merge', '-p', '{"data":{"bad":"y"}}'];
  assert.match(await kubectlFails(inNamespace(...patch)), /bad is not allowed/);
  await kubectl(['delete', 'validatingwebhookconfiguration', 'deny']);
  await kubectl(inNamespace(...patch));
});

test('a mutating webhook changes pods before they are defaulted and run', async () => {
  await register('Mutating', 'sidecar', { operations: ['CREATE'], resources: ['pods'] });
  answers.set('/sidecar', ({ object }) => {
    if (object?.metadata.name !== 'mutated') return { allowed: true };
    const added = { name: 'added', image, imagePullPolicy: 'Never', command: ['sh', '-c', sleepForever] };
    return patchAnswer([
      { op: 'add', path: '/spec/containers/-', value: added },
      { op: 'add', path: '/metadata/labels/mutated', value: 'yes' },
    ]);
  });
  await create(pod('mutated', sleepForever));
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/mutated', '--timeout=60s'));
  interface Shown {
    metadata: { labels: Record<string, string> };
    spec: { containers: { name: string; terminationMessagePolicy: string; volumeMounts?: object[] }[] };
  }
  const shown = await kubectlJson<Shown>(inNamespace('get', 'pod', 'mutated'));
  const added = shown.spec.containers[1];
  assert.deepEqual([added?.name, added?.terminationMessagePolicy], ['added', 'File']);
  assert.equal(added?.volumeMounts?.length, 1, 'the added container has the service account token too');
  assert.equal(shown.metadata.labels['mutated'], 'yes');
  await kubectl(['delete', 'mutatingwebhookconfiguration', 'sidecar']);
});

test('a webhook may refuse exec', async () => {
  await register('Validating', 'noexec', { operations: ['CONNECT'], resources: ['pods/exec'] });
  answers.set('/noexec', () => ({ allowed: false, status: { message: 'nobody gets in' } }));
  assert.match(await kubectlFails(inNamespace('exec', 'mutated', '-c', 'main', '--', 'true')), /nobody gets in/);
  await kubectl(['delete', 'validatingwebhookconfiguration', 'noexec']);
  await kubectl(inNamespace('exec', 'mutated', '-c', 'main', '--', 'true'));
  await kubectl(inNamespace('delete', 'pod', 'mutated', '--now'));
});

test('a webhook that is not there refuses, or is passed over where its policy says so', async () => {
  const nowhere = { clientConfig: { url: 'https://127.0.0.1:1/' } };
  const rule = { operations: ['CREATE'], resources: ['configmaps'] };
  await register('Validating', 'down', rule, nowhere);
  const refused = await createFails(configMap('closed', {}));
  assert.match(refused, /InternalError.*failed calling webhook "down\.example\.com": failed to call webhook: Post/);
  await kubectl(['delete', 'validatingwebhookconfiguration', 'down']);
  await register('Validating', 'down', rule, { ...nowhere, failurePolicy: 'Ignore' });
  await create(configMap('open', {}));
  await kubectl(['delete', 'validatingwebhookconfiguration', 'down']);
});

test('a quota is kept, told in upstream words, and given back', async () => {
  const limited = await createNamespace('quota');
  const there = (...args: string[]): string[] => ['-n', limited.name, ...args];
  await kubectl(there('create', 'quota', 'small', '--hard=pods=2,count/deployments.apps=1,configmaps=3'));
  // The published authority of the cluster is one of the ConfigMaps.
  await eventually('the quota is counted', async () => {
    const shown = await kubectl(there('describe', 'quota', 'small'));
    return /configmaps +1 +3/.test(shown) && /pods +0 +2/.test(shown);
  });
  await kubectl(there('create', '-f', '-'), { input: deployment('many', { replicas: 4 }) });
  await kubectl(there('wait', '--for=jsonpath={.status.availableReplicas}=2', 'deployment/many', '--timeout=60s'));
  assert.match(
    await kubectlFails(there('create', '-f', '-'), { input: pod('one-more', sleepForever) }),
    /pods "one-more" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2/,
  );
  assert.match(
    await kubectlFails(there('create', '-f', '-'), { input: deployment('second') }),
    /exceeded quota: small, requested: count\/deployments\.apps=1, used: count\/deployments\.apps=1, limited: count\/deployments\.apps=1/,
  );
  await eventually('an event tells of the pods that are missing', async () => {
    return /exceeded quota: small/.test(await kubectl(there('get', 'events')));
  });
  await kubectl(there('delete', 'deployment', 'many', '--wait'));
  await eventually('the quota is free again', async () => {
    const shown = await kubectl(there('describe', 'quota', 'small'));
    return /pods +0 +2/.test(shown) && /count\/deployments\.apps +0 +1/.test(shown);
  });
  await limited.remove();
});

test('a restricted namespace refuses plain pods and warns of plain Deployments', async () => {
  const strict = await createNamespace('strict');
  const there = (...args: string[]): string[] => ['-n', strict.name, ...args];
  await kubectl(there('create', '-f', '-'), { input: pod('before', sleepForever) });
  const label = 'pod-security.kubernetes.io/enforce';
  const labelled = await tryKubectl(['label', 'namespace', strict.name, `${label}=restricted`]);
  assert.match(
    labelled.stderr,
    /existing pods in namespace "strict-\w+" violate the new PodSecurity enforce level "restricted:latest"/,
  );
  assert.match(labelled.stderr, /Warning: before: allowPrivilegeEscalation != false, unrestricted capabilities/);
  assert.match(
    await kubectlFails(there('create', '-f', '-'), { input: pod('plain', sleepForever) }),
    /pods "plain" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false \(container "main" must set securityContext\.allowPrivilegeEscalation=false\), /,
  );
  const made = await tryKubectl(there('create', '-f', '-'), { input: deployment('plain') });
  assert.equal(made.code, 0);
  assert.match(
    made.stderr,
    /Warning: would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false/,
  );
  const securityContext = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    runAsUser: 1000,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  await kubectl(there('create', '-f', '-'), {
    input: pod('hardened', sleepForever, { container: { securityContext } }),
  });
  assert.match(
    await kubectlFails(['label', '--overwrite', 'namespace', strict.name, `${label}=tight`]),
    /must be one of privileged, baseline, restricted/,
  );
  await strict.remove();
});

test('a runtime class gives its overhead, default classes are filled in', async () => {
  const name = `heavy-${namespace.name}`;
  const runtimeClass = {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name },
    handler: 'runc',
    overhead: { podFixed: { cpu: '10m' } },
    scheduling: { nodeSelector: { nowhere: 'yes' } },
  };
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations },
    provisioner: 'example.com/none',
  };
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };
  const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'claim' }, spec };
  await create([runtimeClass, storageClass, claim].map((object) => JSON.stringify(object)).join('\n'));
  await create(pod('heavy', sleepForever, { spec: { runtimeClassName: name } }));
  const shown = await kubectlJson<{ spec: { overhead: object; nodeSelector: object } }>(
    inNamespace('get', 'pod', 'heavy'),
  );
  assert.deepEqual([shown.spec.overhead, shown.spec.nodeSelector], [{ cpu: '10m' }, { nowhere: 'yes' }]);
  assert.match(
    await createFails(pod('none', sleepForever, { spec: { runtimeClassName: 'missing' } })),
    /pod rejected: RuntimeClass "missing" not found/,
  );
  interface Claim {
    metadata: { finalizers: string[] };
    spec: { storageClassName: string };
  }
  const bound = await kubectlJson<Claim>(inNamespace('get', 'pvc', 'claim'));
  assert.deepEqual([bound.spec.storageClassName, bound.metadata.finalizers], [name, ['kubernetes.io/pvc-protection']]);
  await kubectl(inNamespace('delete', 'pod/heavy', 'pvc/claim', '--timeout=30s'));
  await kubectl(['delete', 'storageclass', name]);
  await kubectl(['delete', 'runtimeclass', name]);
});

test('an approved signing request gives a certificate that lets its bearer in', async () => {
  const [key, request] = [path.join(directory, 'jane.key'), path.join(directory, 'jane.csr')];
  const subject = '/CN=jane/O=devs';
  const made = await command('openssl', [
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    request,
    '-subj',
    subject,
  ]);
  assert.equal(made.code, 0, made.stderr);
  const { stdout } = await command('base64', ['-w0', request]);
  const signing = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'jane' },
    spec: { request: stdout, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
  };
  await kubectl(['create', '-f', '-'], { input: JSON.stringify(signing) });
  assert.match(await kubectl(['get', 'csr', 'jane']), /jane .* kubernetes-admin .* Pending/);
  await kubectl(['certificate', 'approve', 'jane']);
  const encoded = await eventually('the certificate', async () => {
    return (await kubectl(['get', 'csr', 'jane', '-o', 'jsonpath={.status.certificate}'])) || undefined;
  });
  assert.match(await kubectl(['get', 'csr', 'jane']), /Approved,Issued/);
  const certificate = path.join(directory, 'jane.crt');
  await writeFile(certificate, Buffer.from(encoded, 'base64'));
  const config = await kubectlJson<{ clusters: { cluster: { server: string } }[] }>(['config', 'view']);
  const server = ['--server', config.clusters[0]?.cluster.server ?? '', '--insecure-skip-tls-verify'];
  const credentials = [`--client-certificate=${certificate}`, `--client-key=${key}`];
  const env = { KUBECONFIG: '/dev/null' };
  assert.match(
    await kubectlFails([...server, ...credentials, 'get', 'pods', '-n', 'default'], { env }),
    /User "jane" cannot list resource "pods"/,
  );
  await kubectl(['delete', 'csr', 'jane']);
});

test('a secret of the token type is filled and lets its account in', async () => {
  await kubectl(inNamespace('create', 'serviceaccount', 'robot'));
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'robot-token', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type: 'kubernetes.io/service-account-token',
  };
  await create(JSON.stringify(secret));
  const token = await eventually('the token', async () => {
    const shown = await kubectl(inNamespace('get', 'secret', 'robot-token', '-o', 'jsonpath={.data.token}'));
    return shown === '' ? undefined : Buffer.from(shown, 'base64').toString();
  });
  const config = await kubectlJson<{ clusters: { cluster: { server: string } }[] }>(['config', 'view']);
  const server = ['--server', config.clusters[0]?.cluster.server ?? '', '--insecure-skip-tls-verify'];
  const asked = ['--token', token, 'auth', 'whoami'];
  assert.match(
    await kubectl([...server, ...asked], { env: { KUBECONFIG: '/dev/null' } }),
    new RegExp(`system:serviceaccount:${namespace.name}:robot`),
  );
  await kubectl(inNamespace('delete', 'serviceaccount', 'robot'));
  await eventually('the secret goes with its account', async () => {
    return (await tryKubectl(inNamespace('get', 'secret', 'robot-token'))).code !== 0;
  });
});
