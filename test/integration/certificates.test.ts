import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type PeerCertificate } from 'node:tls';
import { keepNodeCertificate, type NodeCredentials } from '../../src/agent/node/node-certificate.ts';
import { createHttpsTransport } from '../../src/client/https-transport.ts';
import { createClient } from '../../src/client/index.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { replaceCredentials } from '../../src/client/kubeconfig-credentials.ts';
import { silentLogger } from '../../src/machinery/logger.ts';
import { listen } from '../../src/server/http/listener.ts';
import { writeKubeconfig } from '../../src/server/pki/kubeconfig.ts';
import { openPki } from '../../src/server/pki/pki.ts';
import { startServingRenewal } from '../../src/server/pki/serving-renewal.ts';
import { startServer } from '../../src/server/server.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';
import { eventually } from './control-plane.ts';

const dayMs = 24 * 3600 * 1000;

test('a node renews its certificate before its end and goes on with the new one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'node-certificate-'));
  const server = await startServer({
    dataDirectory: directory,
    store: new MemoryStore(),
    logger: silentLogger,
    address: '127.0.0.1',
    port: 0,
    loadProse: async () => ({}),
  });
  const stop = new AbortController();
  // Made to look five minutes old, so three quarters of its life have passed.
  const credentials = await server.pki.issueClient('system:node:n1', ['system:nodes'], 100_000);
  const kubeconfig = join(directory, 'agent.kubeconfig');
  const { url, caCertificate } = server;
  const user = 'system:node:n1';
  await writeKubeconfig(kubeconfig, { server: url, caCertificate, credentials, cluster: 'c', user });
  const transport = createHttpsTransport(await loadKubeconfig({ path: kubeconfig }));
  const installed: NodeCredentials[] = [];
  const renewal = keepNodeCertificate({
    client: createClient(transport, { userAgent: 'agent' }),
    nodeName: 'n1',
    certificate: credentials.certificate,
    async install(renewed) {
      await replaceCredentials(kubeconfig, renewed);
      transport.useCertificate(renewed.certificate, renewed.key);
      installed.push(renewed);
    },
    now: Date.now,
    random: () => 0,
    logger: silentLogger,
    signal: stop.signal,
  });
  try {
    await eventually('the renewal', async () => installed.length > 0);
    const renewed = new X509Certificate(installed[0]?.certificate ?? '');
    assert.ok(Date.parse(renewed.validTo) > Date.now() + 300 * dayMs);
    assert.notEqual(installed[0]?.key, credentials.key);
    assert.equal((await stat(kubeconfig)).mode & 0o777, 0o600);
    const kept = await loadKubeconfig({ path: kubeconfig });
    assert.deepEqual([kept.cert, kept.key], [installed[0]?.certificate, installed[0]?.key]);
    const request = {
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    };
    for (const by of [transport, createHttpsTransport(kept)]) {
      const answer = await by.request(request);
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.body) chunks.push(chunk);
      assert.equal(JSON.parse(Buffer.concat(chunks).toString()).status.userInfo.username, user);
      await by.close();
    }
    // Nothing left to do for months.
    assert.equal(installed.length, 1);
  } finally {
    stop.abort();
    await renewal;
    await server.close();
    await rm(directory, { recursive: true });
  }
});

test('new connections see a serving certificate that was renewed while running', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'serving-certificate-'));
  let now = Date.now() - 300 * dayMs;
  const pki = await openPki({ directory, clusterDomain: 'cluster.local', serviceIp: '10.96.0.1', now: () => now });
  const { certificate, key } = pki.serving;
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    certificate,
    key,
    clientAuthorities: pki.caCertificate,
    handle: async ({ response }) => response.send(200, 'text/plain', 'ok'),
    logger: silentLogger,
  });
  const seen = (): Promise<PeerCertificate> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: listener.port, host: '127.0.0.1', ca: pki.caCertificate }, () => {
        resolve(socket.getPeerCertificate());
        socket.destroy();
      });
      socket.on('error', reject);
    });
  // Asked for when the test wants it: the host's addresses change while other tests run, and the certificate with them.
  let current = pki.serving;
  const currentServing = async () => current;
  const stop = startServingRenewal({
    pki: { serving: pki.serving, currentServing },
    listener,
    logger: silentLogger,
    intervalMs: 10,
  });
  try {
    const before = await seen();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await seen()).serialNumber, before.serialNumber);
    now = Date.now();
    current = await pki.currentServing();
    await eventually('the renewal', async () => (await seen()).serialNumber !== before.serialNumber);
    assert.ok(Date.parse((await seen()).valid_to) > now + 300 * dayMs);
  } finally {
    stop();
    await listener.close();
    await rm(directory, { recursive: true });
  }
});
