import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPki } from './pki.ts';

test('certificates are issued once, carry names and groups, and are renewed near their end', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pki-'));
  t.after(() => rm(directory, { recursive: true }));
  let now = Date.now();
  const options = { directory, clusterDomain: 'cluster.local', serviceIp: '10.96.0.1', now: () => now };
  const first = await openPki(options);
  const serving = new X509Certificate(first.serving.certificate);
  assert.equal(serving.checkHost('kubernetes.default.svc.cluster.local'), 'kubernetes.default.svc.cluster.local');
  assert.equal(serving.checkIP('10.96.0.1'), '10.96.0.1');
  assert.equal(serving.checkIP('::1') !== undefined, true);
  assert.ok(serving.verify(new X509Certificate(first.caCertificate).publicKey));

  const node = new X509Certificate((await first.nodeCredentials('n1')).certificate);
  assert.equal(node.subject, 'O=system:nodes\nCN=system:node:n1');
  assert.equal((await stat(join(directory, 'ca.key'))).mode & 0o777, 0o600);

  const again = await openPki(options);
  assert.equal(again.serving.certificate, first.serving.certificate);
  assert.equal((await again.nodeCredentials('n1')).key, (await first.nodeCredentials('n1')).key);

  now += 300 * 24 * 3600 * 1000;
  const later = await openPki(options);
  assert.notEqual(later.serving.certificate, first.serving.certificate);
  assert.equal(later.caCertificate, first.caCertificate);
});

test('a damaged authority and a clock far off are told, a damaged leaf is issued anew', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'pki-'));
  t.after(() => rm(directory, { recursive: true }));
  let now = Date.now();
  const options = { directory, clusterDomain: 'cluster.local', serviceIp: '10.96.0.1', now: () => now };
  const first = await openPki(options);
  await writeFile(join(directory, 'apiserver.key'), 'noise');
  assert.notEqual((await openPki(options)).serving.certificate, first.serving.certificate);

  now -= 400 * 24 * 3600 * 1000;
  await assert.rejects(openPki(options), /^StartupError: The clock of this host says .*; set the clock right$/);
  now = Date.now();
  await writeFile(join(directory, 'sa.key'), 'noise');
  await assert.rejects(openPki(options), /^StartupError: .*sa\.key is damaged; restore it/);
  const key = await readFile(join(directory, 'ca.key'));
  await rm(join(directory, 'ca.key'));
  await assert.rejects(openPki(options), /^StartupError: .*ca\.key is missing; restore it from a backup$/);
  await writeFile(join(directory, 'ca.key'), key.subarray(0, 40));
  await assert.rejects(openPki(options), /^StartupError: .*ca\.crt or its key is damaged; restore both/);
});
