import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createAuthority, issueLeaf } from '../../src/server/pki/certificates.ts';
import { Api, at, namesOf } from '../conformance/api.ts';
import { command } from '../e2e/kubectl.ts';
import { type ControlPlane, eventually, startControlPlane } from './control-plane.ts';

const group = 'wardle.example.com';
const groupVersion = `${group}/v1alpha1`;
const collection = `/apis/${groupVersion}/namespaces/default/flunders`;
const apiServicePath = `/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.${group}`;

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly user: string;
  readonly groups: string;
  readonly authorization: string | undefined;
  readonly peer: string;
  readonly body: string;
}

let plane: ControlPlane;
let api: Api;
let extension: Server;
const seen: Seen[] = [];
const flunder = (name: string): object => ({
  apiVersion: groupVersion,
  kind: 'Flunder',
  metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
});

/** What an extension server answers, by path. */
function answerOf(url: string): object | undefined {
  const { pathname } = new URL(url, 'https://extension');
  if (pathname === `/apis/${groupVersion}`) {
    const names = { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder' };
    const verbs = ['create', 'get', 'list', 'watch'];
    const status = { ...names, name: 'flunders/status', singularName: '', verbs: ['get'] };
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [{ ...names, verbs }, status] };
  }
  if (pathname === collection) {
    const items = [flunder('one'), flunder('two')];
    return { kind: 'FlunderList', apiVersion: groupVersion, metadata: { resourceVersion: '7' }, items };
  }
  return undefined;
}

before(async () => {
  plane = await startControlPlane();
  api = new Api(plane.transport);
  const authority = await createAuthority('extension-ca', Date.now());
  const serving = await issueLeaf(
    authority,
    { commonName: 'extension', usage: 'server', dnsNames: ['extension.default.svc'], lifetimeMs: 3_600_000 },
    Date.now(),
  );
  const trust = await api.get('/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication');
  const { 'requestheader-client-ca-file': ca } = trust['data'] as Record<string, string>;
  extension = createServer({ cert: serving.certificate, key: serving.key, ca, requestCert: true }, (asked, answer) => {
    let body = '';
    asked.on('data', (chunk: Buffer) => (body += chunk.toString()));
    asked.on('end', () => {
      const { method = '', url = '', headers } = asked;
      const groups = String(headers['x-remote-group']);
      const peer = String((asked.socket as TLSSocket).getPeerCertificate().subject?.CN);
      seen.push({
        method,
        url,
        user: String(headers['x-remote-user']),
        groups,
        authorization: headers.authorization,
        peer,
        body,
      });
      if (url.includes('watch=')) {
        answer.writeHead(200, { 'content-type': 'application/json' });
        answer.write(`${JSON.stringify({ type: 'ADDED', object: flunder('one') })}\n`);
        return;
      }
      const found = method === 'POST' ? (JSON.parse(body) as object) : answerOf(url);
      answer.writeHead(found === undefined ? 404 : method === 'POST' ? 201 : 200, {
        'content-type': 'application/json',
      });
      answer.end(JSON.stringify(found ?? {}));
    });
  });
  await new Promise<void>((resolve) => extension.listen(0, '127.0.0.1', resolve));
  const { port } = extension.address() as AddressInfo;
  await api.create('/api/v1/namespaces/default/services', {
    metadata: { name: 'extension' },
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  });
  await api.create('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: `v1alpha1.${group}` },
    spec: {
      group,
      version: 'v1alpha1',
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      service: { namespace: 'default', name: 'extension', port },
      caBundle: Buffer.from(authority.certificate).toString('base64'),
    },
  });
  await eventually('the extension server is available', async () => (await condition()) === 'True Passed');
});
after(async () => {
  extension.close();
  extension.closeAllConnections();
  await plane.close();
});

async function condition(): Promise<string> {
  const service = await api.get(apiServicePath);
  return `${String(at(service, 'status.conditions.0.status'))} ${String(at(service, 'status.conditions.0.reason'))}`;
}

it('a request goes to the extension server with the user, proven by the front proxy', async () => {
  assert.deepEqual(namesOf(await api.items(`${collection}?limit=5`)), ['one', 'two']);
  const { method, url, user, groups, authorization, peer } = seen.at(-1) ?? assert.fail('Nothing was asked');
  assert.deepEqual(
    [method, url, user, peer],
    ['GET', `${collection}?limit=5`, 'kubernetes-admin', 'front-proxy-client'],
  );
  assert.match(groups, /system:masters/);
  assert.equal(authorization, undefined);
  const forged = { 'x-remote-user': 'root', 'x-remote-group': 'wheel' };
  await api.ask('GET', collection, { headers: forged });
  assert.equal(seen.at(-1)?.user, 'kubernetes-admin');
});

it('bodies go through, and a watch streams', async () => {
  assert.equal((await api.create(collection, flunder('three'))).metadata.name, 'three');
  assert.equal(seen.at(-1)?.body, JSON.stringify(flunder('three')));
  const watch = await api.watch(collection, '');
  assert.deepEqual(await watch.take(1), ['ADDED one']);
  watch.close();
});

it('who may not is refused before the extension server is asked', async () => {
  const count = seen.length;
  await api.refused(403, 'GET', collection, { headers: { 'impersonate-user': 'nobody' } });
  assert.equal(seen.length, count);
});

it('discovery, old and aggregated, tells what it has, so kubectl knows it', async () => {
  const groups = (await api.get('/apis'))['groups'] as { name: string }[];
  assert.ok(groups.some(({ name }) => name === group));
  assert.equal(at(await api.get(`/apis/${group}`), 'preferredVersion.version'), 'v1alpha1');
  assert.equal(at(await api.get(`/apis/${groupVersion}`), 'resources.0.name'), 'flunders');
  const env = { KUBECONFIG: plane.kubeconfig };
  const { stdout, stderr } = await command('kubectl', ['get', 'flunders', '-o', 'name'], { env });
  assert.equal(stdout, `flunder.${group}/one\nflunder.${group}/two\n`, stderr);
});

it('a server that is gone is said to be so, and answers 503', async () => {
  extension.close();
  extension.closeAllConnections();
  await api.patch(apiServicePath, { spec: { versionPriority: 100 } });
  await eventually('it is not available', async () => (await condition()) === 'False FailedDiscoveryCheck');
  await api.refused(503, 'GET', collection);
  await api.patch(apiServicePath, { spec: { service: { name: 'none' } } });
  await eventually('its Service is missing', async () => (await condition()) === 'False ServiceNotFound');
  await api.delete(apiServicePath);
  await eventually('nothing is there', async () => (await api.send('GET', collection)).status === 404);
});
