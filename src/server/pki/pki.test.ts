import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
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
