import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '../../src/client/rest-client.ts';
import { silentLogger } from '../../src/machinery/logger.ts';
import { startOperators } from '../../src/operators/start.ts';
import type { UserInfo } from '../../src/server/request.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { eventually } from '../e2e/kubectl.ts';

const admin: UserInfo = { name: 'admin', groups: ['system:masters'] };
const second: UserInfo = { name: 'system:node:second', groups: ['system:nodes', 'system:authenticated'] };
const nobody: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
const bootstrapper: UserInfo = {
  name: 'system:bootstrap:abcdef',
  groups: ['system:bootstrappers', 'system:bootstrappers:roadstead:hosts', 'system:authenticated'],
};
const hostsPath = '/apis/fleet.roadstead.dev/v1/hosts';
const store = new MemoryStore();
const stop = new AbortController();
let directory: string;
let server: RunningServer;

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'join-'));
  await writeFile(path.join(directory, 'roadstead-linux-x64'), 'the program');
  server = await startServer({
    dataDirectory: directory,
    programDirectory: directory,
    store,
    logger: silentLogger,
    address: '127.0.0.1',
    port: 0,
    advertiseAddress: '127.0.0.1',
    loadProse: async () => ({}),
  });
  const client = createClient(server.localTransport(admin), { userAgent: 'test' });
  void startOperators({ client, logger: silentLogger, signal: stop.signal });
  await eventually('the kind Host', async () => (await send(admin, 'GET', hostsPath)).status === 200);
});

after(async () => {
  stop.abort();
  await server.close();
  await store.close();
  await rm(directory, { recursive: true });
});

async function send(user: UserInfo, method: string, target: string, body?: object) {
  const answer = await server.localTransport(user).request({
    method,
    path: target,
    headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return { status: answer.status, text: Buffer.concat(chunks).toString() };
}

async function askForCertificate(name: string) {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const subject = `O=system:nodes, CN=system:node:${name}`;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: subject, keys, signingAlgorithm });
  return send(bootstrapper, 'POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    metadata: { generateName: 'csr-' },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  });
}

test('anyone reads the script, which carries the digest of the program, and nothing else below /join', async () => {
  const script = await send(nobody, 'GET', '/join/install.sh');
  assert.equal(script.status, 200);
  assert.match(script.text, /x86_64\) name=roadstead-linux-x64 digest=[0-9a-f]{64} ;;/);
  assert.equal((await send(nobody, 'GET', '/join/roadstead-linux-x64')).text, 'the program');
  assert.equal((await send(nobody, 'GET', '/join/..%2Fpki%2Fca.key')).status, 404);
  assert.equal((await send(nobody, 'GET', '/join/pki/ca.key')).status, 404);
  assert.equal((await send(nobody, 'POST', '/join/install.sh')).status, 403);
});

test('a token is good for as many certificates as it says, also at the same time', async () => {
  const secret = {
    metadata: { name: 'bootstrap-token-abcdef', annotations: { 'fleet.roadstead.dev/uses-left': '2' } },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef' },
  };
  assert.equal((await send(admin, 'POST', '/api/v1/namespaces/kube-system/secrets', secret)).status, 201);
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => askForCertificate(name)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 201, 403, 403]);
  assert.match(answers.find(({ status }) => status === 403)?.text ?? '', /has been used up/);
});

test('a host makes its own Host, without labels, and writes no more of it than the status', async () => {
  const host = (name: string, labels?: object) => ({
    apiVersion: 'fleet.roadstead.dev/v1',
    kind: 'Host',
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec: { roles: ['node'] },
  });
  assert.equal((await send(second, 'POST', hostsPath, host('third'))).status, 403);
  assert.equal((await send(second, 'POST', hostsPath, host('second', { env: 'prod' }))).status, 403);
  assert.equal((await send(second, 'POST', hostsPath, host('second'))).status, 201);
  assert.equal((await send(second, 'PATCH', `${hostsPath}/second`, { spec: { notes: 'mine' } })).status, 403);
  assert.equal((await send(second, 'PATCH', `${hostsPath}/second/status`, { status: { phase: 'Ready' } })).status, 200);
  assert.equal((await send(admin, 'POST', hostsPath, host('third'))).status, 201);
  assert.equal((await send(second, 'GET', `${hostsPath}/third`)).status, 403);
  assert.equal((await send(second, 'PATCH', `${hostsPath}/third/status`, { status: {} })).status, 403);
  assert.equal((await send(second, 'DELETE', `${hostsPath}/second`)).status, 403);
});

test('a host that says it has left is taken away', async () => {
  await send(second, 'PATCH', `${hostsPath}/second/status`, { status: { phase: 'Left' } });
  await eventually('the host to be gone', async () => (await send(admin, 'GET', `${hostsPath}/second`)).status === 404);
});
