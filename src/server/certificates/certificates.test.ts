import assert from 'node:assert/strict';
import { type webcrypto, X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.generated.ts';
import type { Secret } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { silentLogger } from '../../machinery/logger.ts';
import { eventLifetimeMs, expireEvents } from '../event-expiry.ts';
import type { UserInfo } from '../request.ts';
import { admin, TestServer } from '../test-server.ts';

let server: TestServer;
const node1: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };

before(async () => {
  server = await TestServer.start();
});

after(() => server.close());

const send = (user: UserInfo, method: string, path: string, body?: object, headers = {}) =>
  server.send(method, path, body, { user, headers });

async function eventually<T>(check: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    const result = await check();
    if (result !== undefined) return result;
    await delay(10);
  }
  throw new Error('waited in vain');
}

interface RequestOptions {
  readonly subject: string;
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly user?: UserInfo;
}

const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
let requests = 0;

/** A signing request with a key of its own, sent as `user`. */
async function request({ subject, signerName, usages, user = admin }: RequestOptions) {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: subject, keys, signingAlgorithm: algorithm });
  requests += 1;
  const spec = { request: Buffer.from(csr.toString('pem')).toString('base64'), signerName, usages };
  const name = `request-${requests}`;
  return { name, answer: await send(user, 'POST', path, { metadata: { name }, spec }) };
}

function stored(name: string): CertificateSigningRequest | undefined {
  const found = server.api.objects.get(
    { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' },
    '',
    name,
  );
  return found === undefined ? undefined : as<CertificateSigningRequest>(found);
}

async function approve(name: string, user = admin) {
  const current = stored(name);
  const conditions = [{ type: 'Approved', status: 'True', reason: 'KubectlApprove', message: 'ok' }];
  return send(user, 'PUT', `${path}/${name}/approval`, { ...current, status: { conditions } });
}

async function certificateOf(name: string): Promise<X509Certificate> {
  const text = await eventually(() => stored(name)?.status?.certificate);
  return new X509Certificate(Buffer.from(text, 'base64'));
}

const clientSigner = 'kubernetes.io/kube-apiserver-client';
const nodeSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
const nodeUsages = ['digital signature', 'client auth'];

test('an approved request of a client is signed by the cluster', async () => {
  const { name } = await request({ subject: 'CN=jane, O=devs', signerName: clientSigner, usages: ['client auth'] });
  assert.equal(stored(name)?.status?.certificate, undefined);
  assert.equal((await approve(name)).status, 200);
  const certificate = await certificateOf(name);
  assert.deepEqual(certificate.subject.split('\n').sort(), ['CN=jane', 'O=devs']);
  assert.ok(certificate.verify(new X509Certificate(server.running.caCertificate).publicKey));
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
});

test('a request that the signer does not sign fails with the reason', async () => {
  const usages = ['server auth'];
  const { name } = await request({ subject: 'CN=jane', signerName: clientSigner, usages });
  await approve(name);
  const failed = await eventually(() => stored(name)?.status?.conditions?.find(({ type }) => type === 'Failed'));
  assert.deepEqual([failed.reason, failed.message], ['SignerValidationFailure', 'missing required client auth usage']);
});

test('a request that cannot be read is refused, one whose signature does not hold fails', async () => {
  const spec = { signerName: clientSigner, usages: ['client auth'] };
  const text = '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n';
  const unreadable = { ...spec, request: Buffer.from(text).toString('base64') };
  const refused = await send(admin, 'POST', path, { metadata: { name: 'unreadable' }, spec: unreadable });
  assert.equal(refused.status, 422);
  assert.match(refused.body.message, /spec\.request: Invalid value: .*the certificate signing request cannot be read/);

  const good = await request({ subject: 'CN=forged', signerName: clientSigner, usages: ['client auth'] });
  const pem = Buffer.from(stored(good.name)?.spec.request ?? '', 'base64').toString();
  const der = Buffer.from(pem.replace(/-----.*-----|\s/g, ''), 'base64');
  // The last byte belongs to the signature.
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  const sent = { ...spec, request: Buffer.from(forged).toString('base64') };
  await send(admin, 'POST', path, { metadata: { name: 'forged' }, spec: sent });
  await approve('forged');
  const failed = await eventually(() => stored('forged')?.status?.conditions?.find(({ type }) => type === 'Failed'));
  assert.match(failed.message ?? '', /signature of the certificate signing request does not hold/);
});

test('nobody becomes a superuser by a certificate', async () => {
  const { answer } = await request({
    subject: 'CN=x, O=system:masters',
    signerName: clientSigner,
    usages: ['client auth'],
  });
  assert.equal(answer.status, 403);
  assert.match(
    answer.body.message,
    /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed$/,
  );
});

test('a node renews its own certificate only where policy lets it', async () => {
  const subject = 'CN=system:node:n1, O=system:nodes';
  const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  assert.equal((await send(admin, 'DELETE', `${bindings}/roadstead:node-certificate-rotation`)).status, 200);
  const early = await request({ subject, signerName: nodeSigner, usages: nodeUsages, user: node1 });
  assert.equal(early.answer.status, 201, early.answer.body.message);
  const roleRef = {
    kind: 'ClusterRole',
    name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    apiGroup: 'rbac.authorization.k8s.io',
  };
  const subjects = [{ kind: 'Group', name: 'system:nodes', apiGroup: 'rbac.authorization.k8s.io' }];
  await send(admin, 'POST', bindings, { metadata: { name: 'renewal' }, roleRef, subjects });
  const { name } = await request({ subject, signerName: nodeSigner, usages: nodeUsages, user: node1 });
  assert.match((await certificateOf(name)).subject, /CN=system:node:n1/);
  assert.equal(stored(name)?.status?.conditions?.[0]?.reason, 'AutoApproved');
  assert.equal(stored(early.name)?.status?.certificate, undefined);
});

test('approving takes the right to approve for the signer', async () => {
  const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['*'], verbs: ['get', 'list', 'update', 'patch'] }];
  await send(admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name: 'writer' }, rules });
  await send(admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'writer' },
    roleRef: { kind: 'ClusterRole', name: 'writer', apiGroup: 'rbac.authorization.k8s.io' },
    subjects: [{ kind: 'User', name: 'bob', apiGroup: 'rbac.authorization.k8s.io' }],
  });
  const { name } = await request({ subject: 'CN=y', signerName: clientSigner, usages: ['client auth'] });
  const refused = await approve(name, { name: 'bob', groups: [] });
  assert.equal(refused.status, 403);
  assert.match(
    refused.body.message,
    /user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"$/,
  );
});

test('a token secret is filled, lets its account in, and goes with the account', async () => {
  const base = '/api/v1/namespaces/default';
  await send(admin, 'POST', `${base}/serviceaccounts`, { metadata: { name: 'robot' } });
  const annotations = { 'kubernetes.io/service-account.name': 'robot' };
  const type = 'kubernetes.io/service-account-token';
  const made = await send(admin, 'POST', `${base}/secrets`, { metadata: { name: 'robot-token', annotations }, type });
  assert.equal(made.status, 201, made.body.message);
  const secret = (): Secret | undefined => {
    const found = server.api.objects.get({ group: '', resource: 'secrets' }, 'default', 'robot-token');
    return found === undefined ? undefined : as<Secret>(found);
  };
  const encoded = await eventually(() => secret()?.data?.['token']);
  const token = Buffer.from(encoded, 'base64').toString();
  assert.equal(Buffer.from(secret()?.data?.['ca.crt'] ?? '', 'base64').toString(), server.running.caCertificate);
  const review = { spec: { token } };
  const reviewed = await send(admin, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', review);
  const { status } = reviewed.body as unknown as { status: { authenticated?: boolean; user?: { username: string } } };
  assert.deepEqual([status.authenticated, status.user?.username], [true, 'system:serviceaccount:default:robot']);
  await send(admin, 'DELETE', `${base}/serviceaccounts/robot`);
  await eventually(() => (secret() === undefined ? true : undefined));
  const again = await send(admin, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', review);
  assert.notEqual(
    (again.body as unknown as typeof reviewed.body & { status: typeof status }).status.authenticated,
    true,
  );
});

test('events are forgotten an hour after they were last written', async () => {
  const events = '/api/v1/namespaces/default/events';
  const now = Date.now();
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' };
  const lastTimestamp = new Date(now + 2 * eventLifetimeMs).toISOString().replace(/\.\d+/, '');
  await send(admin, 'POST', events, { metadata: { name: 'old' }, involvedObject });
  await send(admin, 'POST', events, { metadata: { name: 'goes-on' }, involvedObject, lastTimestamp });
  const { objects } = server.api;
  await expireEvents({ objects, logger: silentLogger, now: () => now + eventLifetimeMs + 2000 });
  const names = objects.list({ group: '', resource: 'events' }, 'default').map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ['goes-on']);
});
