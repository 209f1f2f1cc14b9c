import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createAuthority, issueLeaf } from '../pki/certificates.ts';
import { TestServer } from '../test-server.ts';

/** A server on a store in memory, and definitions that come, change and go. */

interface Thing {
  apiVersion: string;
  message?: string;
  metadata: { name: string; uid?: string; resourceVersion: string };
  spec: Record<string, unknown>;
}

let server: TestServer;
let webhook: Server;
let caBundle: string;
/** Objects that the conversion webhook was asked for. */
let converted = 0;

before(async () => {
  server = await TestServer.start();
  const authority = await createAuthority('conversion-ca', Date.now());
  caBundle = Buffer.from(authority.certificate).toString('base64');
  const names = { dnsNames: ['localhost'], ips: ['127.0.0.1'] };
  const leaf = { commonName: 'conversion', usage: 'server', lifetimeMs: 3_600_000, ...names } as const;
  const pair = await issueLeaf(authority, leaf, Date.now());
  webhook = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString());
      const { uid, desiredAPIVersion, objects } = review.request;
      const convertedObjects = objects.map((object: Thing) => convert(object, desiredAPIVersion));
      converted += objects.length;
      const answer = { uid, convertedObjects, result: { status: 'Success' } };
      response.end(JSON.stringify({ ...review, response: answer }));
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  await server.close();
  webhook.closeAllConnections();
  webhook.close();
});

/** v1 has `host` and `port`, v2 has `address`. */
function convert(object: Thing, apiVersion: string): Thing {
  const { host, port, address } = object.spec;
  if (apiVersion.endsWith('/v2')) return { ...object, apiVersion, spec: { address: `${host}:${port}` } };
  const [first, second] = String(address).split(':');
  return { ...object, apiVersion, spec: { host: first, port: Number(second) } };
}

function request<T = Thing>(method: string, path: string, body?: object, type = 'application/json') {
  return server.send<T>(method, path, body, { headers: { 'content-type': type } });
}

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

function definition(plural: string, versions: readonly object[], rest: object = {}): object {
  const kind = `${plural[0]?.toUpperCase()}${plural.slice(1, -1)}`;
  return {
    metadata: { name: `${plural}.example.com` },
    spec: { group: 'example.com', scope: 'Namespaced', names: { plural, kind }, versions, ...rest },
  };
}

function version(name: string, properties: object, rest: object = {}): object {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } };
  return { name, served: true, storage: false, schema, ...rest };
}

async function established(plural: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { body } = await request<{ status: { conditions?: { type: string; status: string }[] } }>(
      'GET',
      `${definitions}/${plural}.example.com`,
    );
    if (body.status.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) return;
    await delay(10);
  }
  throw new Error(`${plural} were not established`);
}

async function define(plural: string, versions: readonly object[], rest: object = {}): Promise<void> {
  const { status, body } = await request('POST', definitions, definition(plural, versions, rest));
  assert.equal(status, 201, body.message ?? '');
  await established(plural);
}

/** Changes the definition and waits until that is served. */
async function redefine(plural: string, spec: object): Promise<void> {
  const { generation } = server.api.rows;
  const path = `${definitions}/${plural}.example.com`;
  const { status, body } = await request('PATCH', path, { spec }, 'application/merge-patch+json');
  assert.equal(status, 200, body.message ?? '');
  for (let attempt = 0; attempt < 200 && server.api.rows.generation === generation; attempt++) await delay(10);
  assert.notEqual(server.api.rows.generation, generation);
}

const text = { type: 'string' };
const path = (plural: string, of = 'v1'): string => `/apis/example.com/${of}/namespaces/default/${plural}`;

test('a stricter schema leaves objects readable, prunes them and gives them its defaults', async () => {
  await define('plates', [version('v1', { a: text, b: text }, { storage: true })]);
  await request('POST', path('plates'), { metadata: { name: 'one' }, spec: { a: '1', b: '2' } });
  await redefine('plates', {
    versions: [version('v1', { a: text, c: { ...text, default: 'new' } }, { storage: true })],
  });
  const { body } = await request('GET', `${path('plates')}/one`);
  assert.deepEqual(body.spec, { a: '1', c: 'new' });
});

test('a watch that ends with a change of the definition goes on from where it was', async () => {
  await define('cups', [version('v1', { a: text }, { storage: true })]);
  const first = await request('POST', path('cups'), { metadata: { name: 'one' }, spec: { a: '1' } });
  const watching = request<unknown>(
    'GET',
    `${path('cups')}?watch=1&resourceVersion=${first.body.metadata.resourceVersion}`,
  );
  watching.catch(() => undefined);
  await redefine('cups', { versions: [version('v1', { a: text, b: text }, { storage: true })] });
  await request('POST', path('cups'), { metadata: { name: 'two' }, spec: { b: '2' } });
  const resumed = await request<{ type: string; object: Thing }>(
    'GET',
    `${path('cups')}?watch=1&timeoutSeconds=1&resourceVersion=${first.body.metadata.resourceVersion}`,
  );
  assert.equal(resumed.body.type, 'ADDED');
  assert.deepEqual(resumed.body.object.spec, { b: '2' });
});

test('a new stored version joins the old ones, and objects are shown in what is asked for', async () => {
  await define('spoons', [version('v1', { a: text }, { storage: true }), version('v2', { a: text })]);
  await request('POST', path('spoons'), { metadata: { name: 'old' }, spec: { a: '1' } });
  await redefine('spoons', { versions: [version('v1', { a: text }), version('v2', { a: text }, { storage: true })] });
  const { body } = await request<{ status: { storedVersions: string[] } }>('GET', `${definitions}/spoons.example.com`);
  assert.deepEqual(body.status.storedVersions, ['v1', 'v2']);
  for (const name of ['v1', 'v2']) {
    assert.equal((await request('GET', `${path('spoons', name)}/old`)).body.apiVersion, `example.com/${name}`);
  }
  const removed = { spec: { versions: [version('v2', { a: text }, { storage: true })] } };
  const refused = await request('PATCH', `${definitions}/spoons.example.com`, removed, 'application/merge-patch+json');
  assert.match(
    refused.body.message ?? '',
    /status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions/,
  );
});

test('a webhook converts what is written, read, listed and watched', async () => {
  const { port } = webhook.address() as AddressInfo;
  const clientConfig = { url: `https://127.0.0.1:${port}/convert`, caBundle };
  const conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } };
  const v1 = version('v1', { host: text, port: { type: 'integer' } }, { storage: true });
  const v2 = version('v2', { address: text }, { selectableFields: [{ jsonPath: '.spec.address' }] });
  await define('forks', [v1, v2], { conversion });
  const created = await request('POST', path('forks', 'v2'), { metadata: { name: 'a' }, spec: { address: 'h:80' } });
  assert.equal(created.status, 201, created.body.message ?? '');
  assert.deepEqual(created.body.spec, { address: 'h:80' });
  assert.deepEqual((await request('GET', `${path('forks')}/a`)).body.spec, { host: 'h', port: 80 });
  const patch = { spec: { address: 'i:81' } };
  const patched = await request('PATCH', `${path('forks', 'v2')}/a`, patch, 'application/merge-patch+json');
  assert.deepEqual(patched.body.spec, { address: 'i:81' });
  const listed = await request<{ items: Thing[] }>('GET', path('forks', 'v2'));
  assert.deepEqual(
    listed.body.items.map(({ apiVersion, spec }) => [apiVersion, spec]),
    [['example.com/v2', { address: 'i:81' }]],
  );
  const watched = await request<{ type: string; object: Thing }>(
    'GET',
    `${path('forks', 'v2')}?watch=1&timeoutSeconds=1`,
  );
  assert.deepEqual(watched.body.object.spec, { address: 'i:81' });

  // Fields of the version that is asked for select, although only the webhook knows them.
  await request('POST', path('forks'), { metadata: { name: 'b' }, spec: { host: 'j', port: 82 } });
  const selector = 'fieldSelector=spec.address%3Dj:82';
  const selected = await request<{ items: Thing[] }>('GET', `${path('forks', 'v2')}?${selector}`);
  assert.deepEqual(
    selected.body.items.map(({ metadata }) => metadata.name),
    ['b'],
  );
  const events = request<string>('GET', `${path('forks', 'v2')}?watch=1&timeoutSeconds=1&${selector}`);
  const change = (name: string, host: string) =>
    request('PATCH', `${path('forks')}/${name}`, { spec: { host } }, 'application/merge-patch+json');
  await delay(100);
  await change('a', 'other');
  await change('b', 'gone');
  await change('b', 'j');
  const lines = (await events).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; object: Thing });
  assert.deepEqual(
    lines.map(({ type, object }) => [type, object.metadata.name, object.spec['address']]),
    [
      ['ADDED', 'b', 'j:82'],
      ['DELETED', 'b', 'gone:82'],
      ['ADDED', 'b', 'j:82'],
    ],
  );
  const removed = await request<{ items: Thing[] }>('DELETE', `${path('forks', 'v2')}?${selector}`);
  assert.deepEqual(
    removed.body.items.map(({ metadata }) => metadata.name),
    ['b'],
  );

  const before = converted;
  await request('GET', `${path('forks')}/a`);
  assert.equal(converted, before, 'the stored version needs no webhook');
});

test('a name in use is refused, and given to the one who waits once it is free', async () => {
  await define('bowls', [version('v1', {}, { storage: true })], {
    names: { plural: 'bowls', kind: 'Bowl', shortNames: ['bo'] },
  });
  const other = definition('boxes', [version('v1', {}, { storage: true })], {
    names: { plural: 'boxes', kind: 'Box', shortNames: ['bo'] },
  });
  await request('POST', definitions, other);
  await delay(50);
  const { body } = await request<{ status: { conditions: { type: string; reason: string; message: string }[] } }>(
    'GET',
    `${definitions}/boxes.example.com`,
  );
  const names = body.status.conditions.find(({ type }) => type === 'NamesAccepted');
  assert.equal(names?.reason, 'ShortNamesConflict');
  assert.equal(names?.message, '"bo" is already in use');
  assert.equal((await request('GET', path('boxes'))).status, 404);
  await request('DELETE', `${definitions}/bowls.example.com`);
  await established('boxes');
  assert.equal((await request('GET', path('boxes'))).status, 200);
});

test('what was defined is there when the server comes back', async () => {
  await define('jugs', [version('v1', { a: text }, { storage: true })]);
  await request('POST', path('jugs'), { metadata: { name: 'kept' }, spec: { a: '1' } });
  await server.restart();
  assert.deepEqual((await request('GET', `${path('jugs')}/kept`)).body.spec, { a: '1' });
});

test('a deleted definition waits for objects that are held back, and takes no new ones', async () => {
  await define('pans', [version('v1', { a: text }, { storage: true })]);
  const held = { metadata: { name: 'held', finalizers: ['example.com/hold'] }, spec: {} };
  await request('POST', path('pans'), held);
  await request('DELETE', `${definitions}/pans.example.com`);
  const late = await request('POST', path('pans'), { metadata: { name: 'late' }, spec: {} });
  assert.equal(late.status, 405);
  assert.match(late.body.message ?? '', /create not allowed while custom resource definition is terminating/);
  await delay(50);
  assert.equal((await request('GET', `${definitions}/pans.example.com`)).status, 200);
  const released = { metadata: { finalizers: null } };
  await request('PATCH', `${path('pans')}/held`, released, 'application/merge-patch+json');
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await request('GET', `${definitions}/pans.example.com`)).status === 404) break;
    await delay(10);
  }
  assert.equal((await request('GET', path('pans'))).status, 404);
});
