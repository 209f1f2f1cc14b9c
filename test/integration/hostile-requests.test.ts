/** Requests that no decent client sends: each is answered by one clear Status, and the server goes on. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { silentLogger } from '../../src/machinery/logger.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';

let directory: string;
let store: MemoryStore;
let server: RunningServer;
let admin: Agent;
let anonymous: Agent;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roadstead-hostile-'));
  store = new MemoryStore();
  server = await startServer({
    dataDirectory: directory,
    store,
    logger: silentLogger,
    port: 0,
    address: '127.0.0.1',
    loadProse: async () => ({}),
  });
  const { certificate: cert, key } = await server.pki.adminCredentials();
  admin = new Agent({ ca: server.caCertificate, cert, key, keepAlive: true });
  anonymous = new Agent({ ca: server.caCertificate, keepAlive: true });
  assert.equal((await send('POST', configMaps, { body: '{"metadata":{"name":"target"}}' })).code, 201);
});
after(async () => {
  admin.destroy();
  anonymous.destroy();
  await server.close();
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const configMaps = '/api/v1/namespaces/kube-public/configmaps';
const target = `${configMaps}/target`;
const pods = '/api/v1/namespaces/kube-public/pods';

interface Ask {
  readonly body?: string | Buffer;
  readonly type?: string;
  readonly agent?: Agent;
  readonly headers?: Record<string, string>;
}

interface Answer {
  readonly code: number;
  readonly message: string;
  readonly headers: Record<string, unknown>;
}

function send(method: string, path: string, { body, type, agent = admin, headers }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(server.url + path, {
      method,
      agent,
      timeout: 10_000,
      headers: { ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }), ...headers },
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ code: response.statusCode ?? 0, message: messageOf(text), headers: response.headers });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path} was not answered`)));
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}

const nested = (open: string, close: string, levels: number): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`;
const deepObject = `{"metadata":{"name":"deep"},"data":${nested('{"a":', '}', 200_000)}}`;
const withData = (data: string): string => `{"metadata":{"name":"x"},"data":${data}}`;
const pod = (spec: string): string => `{"metadata":{"name":"p"},"spec":${spec}}`;
const aliases = [
  'a: &a [x,x,x,x,x,x,x,x,x]',
  ...'bcdefghi'
    .split('')
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`),
].join('\n');
const merge = 'application/merge-patch+json';
const strategic = 'application/strategic-merge-patch+json';
const jsonPatch = 'application/json-patch+json';
const apply = 'application/apply-patch+yaml';
const yaml = 'application/yaml';

const refused: [string, string, string, Ask, number, RegExp][] = [
  ['text that is no JSON', 'POST', configMaps, { body: 'hello' }, 400, /json parse error/],
  ['an empty body', 'POST', configMaps, { body: '' }, 400, /json parse error/],
  ['a cut body', 'POST', configMaps, { body: '{"metadata":{' }, 400, /json parse error/],
  ['null', 'POST', configMaps, { body: 'null' }, 400, /cannot be handled as a ConfigMap/],
  ['a list', 'POST', configMaps, { body: '[]' }, 400, /cannot be handled as a ConfigMap/],
  ['an object too deep', 'POST', configMaps, { body: deepObject }, 400, /exceeded max depth|call stack/],
  ['a list too deep', 'POST', configMaps, { body: nested('[', ']', 300_000) }, 400, /exceeded max depth|call stack/],
  ['a merge patch too deep', 'PATCH', target, { body: deepObject, type: merge }, 400, /max depth|call stack/],
  ['a strategic patch too deep', 'PATCH', target, { body: deepObject, type: strategic }, 400, /max depth|call stack/],
  ['an applied object too deep', 'PATCH', `${target}?fieldManager=x`, { body: deepObject, type: apply }, 400, /yaml/],
  ['YAML with a tower of aliases', 'POST', configMaps, { body: aliases, type: yaml }, 400, /alias|no kind|cannot be/i],
  ['YAML that is none', 'POST', configMaps, { body: 'a: [', type: yaml }, 400, /converting YAML to JSON/],
  ['a body over the limit', 'POST', configMaps, { body: 'x'.repeat(4 << 20) }, 413, /limit is 3145728/],
  [
    'an object over its limit',
    'POST',
    configMaps,
    { body: withData(`{"a":"${'x'.repeat(2 << 20)}"}`) },
    422,
    /Too long/,
  ],
  [
    'a number for a string',
    'POST',
    configMaps,
    { body: withData('{"a":1}') },
    400,
    /ConfigMap\.data\.a of type string/,
  ],
  ['a null name', 'POST', configMaps, { body: '{"metadata":{"name":null}}' }, 422, /name or generateName is required/],
  ['no metadata', 'POST', configMaps, { body: '{}' }, 422, /name or generateName is required/],
  ['a name that climbs', 'POST', configMaps, { body: '{"metadata":{"name":".."}}' }, 422, /RFC 1123/],
  ['a key that climbs', 'POST', configMaps, { body: withData('{"../x":"1"}') }, 422, /valid config key/],
  ['another kind', 'POST', configMaps, { body: '{"kind":"Secret","apiVersion":"v1"}' }, 400, /Secret/],
  ['another version', 'POST', configMaps, { body: '{"apiVersion":"v9"}' }, 400, /v9.*does not match/],
  [
    'an unknown field, strictly',
    'POST',
    `${configMaps}?fieldValidation=Strict`,
    { body: '{"foo":1}' },
    400,
    /unknown field "foo"/,
  ],
  [
    'a field that stands twice, strictly',
    'POST',
    `${configMaps}?fieldValidation=Strict`,
    { body: '{"kind":"ConfigMap","kind":"ConfigMap"}' },
    400,
    /duplicate field "kind"/,
  ],
  ['an unknown media type', 'POST', configMaps, { body: '{}', type: 'text/plain' }, 415, /accepted media types/],
  [
    'broken protobuf',
    'POST',
    configMaps,
    { body: 'k8s\0\xff\xff', type: 'application/vnd.kubernetes.protobuf' },
    400,
    /could not be decoded/,
  ],
  ['containers that are no list', 'POST', pods, { body: pod('{"containers":{}}') }, 400, /cannot unmarshal object/],
  [
    'a quantity that is none',
    'POST',
    pods,
    { body: pod('{"containers":[{"name":"a","image":"b","resources":{"limits":{"cpu":"lots"}}}]}') },
    400,
    /quantities must match/,
  ],
  ['an unknown patch type', 'PATCH', target, { body: '{}' }, 415, /merge-patch/],
  ['a JSON patch of nulls', 'PATCH', target, { body: '[null]', type: jsonPatch }, 422, /rejected/],
  ['a patch that is null', 'PATCH', target, { body: 'null', type: merge }, 400, /not a JSON object/],
  ['an unknown resource', 'GET', '/api/v1/bogus', {}, 404, /could not find the requested resource/],
  ['an unknown group', 'GET', '/apis/__proto__/v1/x', {}, 404, /could not find the requested resource/],
  ['a watch of bad duration', 'GET', `${configMaps}?watch=1&timeoutSeconds=abc`, {}, 400, /parsing "abc"/],
  ['a bad limit', 'GET', `${configMaps}?limit=x`, {}, 400, /parsing "x"/],
  ['a bad continue token', 'GET', `${configMaps}?continue=zzz`, {}, 400, /continue key is not valid/],
  ['a bad label selector', 'GET', `${configMaps}?labelSelector=a+b+c`, {}, 400, /unable to parse/],
  ['a bad field selector', 'GET', `${configMaps}?fieldSelector=spec.x%3D1`, {}, 400, /field label not supported/],
  [
    'a namespace with a slash',
    'GET',
    '/api/v1/namespaces/kube-public%2fconfigmaps/secrets',
    {},
    400,
    /may not contain '\/'/,
  ],
  ['a name that leads elsewhere', 'GET', '/api/v1/configmaps/kube-public%2ftarget', {}, 400, /may not contain '\/'/],
  [
    'a deletion through the watch path',
    'DELETE',
    `/api/v1/watch/namespaces/kube-public/configmaps/target`,
    {},
    404,
    /could not find/,
  ],
];

for (const [what, method, path, ask, code, message] of refused) {
  test(`${what} is refused with ${code}`, async () => {
    const answer = await send(method, path, ask);
    assert.equal(answer.code, code, answer.message);
    assert.match(answer.message, message);
  });
}

test('a key called __proto__ is a key like any other', async () => {
  const body = '{"metadata":{"name":"proto"},"data":{"__proto__":"a","constructor":"b"}}';
  assert.equal((await send('POST', configMaps, { body })).code, 201);
  assert.match((await send('GET', `${configMaps}/proto`)).message, /"__proto__":"a","constructor":"b"/);
  const polluting = '{"__proto__":{"polluted":1},"metadata":{"__proto__":{"polluted":1}}}';
  await send('PATCH', `${configMaps}/proto`, { body: polluting, type: merge });
  assert.equal((Object.prototype as unknown as Record<string, unknown>)['polluted'], undefined);
});

test('without credentials only health and version answer', async () => {
  const open = ['/healthz', '/livez', '/readyz', '/version'];
  const closed = ['/', '/api', '/apis', '/metrics', '/openapi/v2', '/openapi/v3', '/api/v1/secrets', '/logs', target];
  for (const path of open) assert.equal((await send('GET', path, { agent: anonymous })).code, 200, path);
  for (const path of closed) assert.equal((await send('GET', path, { agent: anonymous })).code, 403, path);
});

test('headers that claim an identity are not believed', async () => {
  const ask = (headers: Record<string, string>): Promise<Answer> =>
    send('GET', '/api/v1/secrets', { agent: anonymous, headers });
  assert.equal((await ask({ 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' })).code, 403);
  assert.equal((await ask({ 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' })).code, 403);
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"system:admin"}').toString('base64url')}.`;
  assert.equal((await ask({ authorization: `Bearer ${none}` })).code, 401);
});

test("a node's certificate opens its own node, and nothing of another's", async () => {
  const identity = async (name: string): Promise<Agent> => {
    const { certificate: cert, key } = await server.pki.nodeCredentials(name);
    return new Agent({ ca: server.caCertificate, cert, key });
  };
  const agent = await identity('one');
  const other = await identity('two');
  const nodes = '/api/v1/nodes';
  const code = async (method: string, path: string, body?: string, type?: string, as = agent): Promise<number> =>
    (
      await send(method, path, {
        agent: as,
        ...(body === undefined ? {} : { body }),
        ...(type === undefined ? {} : { type }),
      })
    ).code;
  const named = (name: string): string => JSON.stringify({ metadata: { name } });
  const tunnel = '/apis/tunnel.roadstead.dev/v1/hosts';
  const requests: [number, Promise<number>][] = [
    [201, code('POST', nodes, named('one'))],
    [403, code('POST', nodes, named('three'))],
    [201, code('POST', nodes, named('two'), undefined, other)],
  ];
  for (const [expected, answered] of requests) assert.equal(await answered, expected);
  const status = JSON.stringify({ status: { nodeInfo: { machineID: 'x' } } });
  assert.equal(await code('PATCH', `${nodes}/one/status`, status, merge), 200);
  assert.equal(await code('PATCH', `${nodes}/two/status`, status, merge), 403);
  assert.equal(await code('DELETE', `${nodes}/two`), 403);
  const restricted = JSON.stringify({ metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } } });
  assert.equal(await code('PATCH', `${nodes}/one`, restricted, merge), 403);
  assert.equal(
    await code('PATCH', `${nodes}/one`, '{"spec":{"taints":[{"key":"a","effect":"NoExecute"}]}}', merge),
    403,
  );
  assert.equal(await code('GET', '/api/v1/secrets'), 403);
  assert.equal(await code('GET', '/api/v1/namespaces/kube-system/secrets/any'), 403);
  assert.equal(await code('POST', pods, pod('{"nodeName":"two","containers":[{"name":"a","image":"b"}]}')), 403);
  assert.equal(await code('POST', '/api/v1/namespaces/default/pods/any/exec?command=sh'), 403);
  assert.equal(await code('GET', `${nodes}/two/proxy/stats/summary`), 403);
  assert.equal(await code('POST', '/api/v1/namespaces/kube-system/serviceaccounts/default/token', '{"spec":{}}'), 403);
  const binding = JSON.stringify({
    metadata: { name: 'rise' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:node:one' }],
  });
  assert.equal(await code('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', binding), 403);
  assert.equal(await code('GET', `${tunnel}/two/connect`), 403);
  assert.equal(await code('GET', `${tunnel}/one/connect`), 400);
  const impersonation = { 'impersonate-user': 'system:node:two', 'impersonate-group': 'system:nodes' };
  assert.equal((await send('GET', nodes, { agent, headers: impersonation })).code, 403);
  agent.destroy();
  other.destroy();
});

/** A client in HTTP/1.1 by hand, which reads only when told to. */
async function rawClient(head: string): Promise<TLSSocket> {
  const { certificate: cert, key } = await server.pki.adminCredentials();
  const socket = connect({ host: '127.0.0.1', port: server.port, ca: server.caCertificate, cert, key });
  socket.on('error', () => socket.destroy());
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  socket.pause();
  socket.write(head);
  return socket;
}

test('watchers that never read do not make the server grow, and are cut', async () => {
  const count = 20;
  const head = `GET ${configMaps}?watch=1 HTTP/1.1\r\nhost: x\r\n\r\n`;
  const watchers = await Promise.all(Array.from({ length: count }, () => rawClient(head)));
  await delay(100);
  const before = process.memoryUsage().rss;
  const rounds = 150;
  for (let round = 0; round < rounds; round++) {
    const body = JSON.stringify({ data: { a: `${round}${'x'.repeat(100_000)}` } });
    assert.equal((await send('PATCH', target, { body, type: merge })).code, 200);
  }
  // What was sent to each of them is 15 MB; were it kept, 300 MB.
  const grownMb = (process.memoryUsage().rss - before) / 2 ** 20;
  for (const socket of watchers) socket.destroy();
  assert.ok(grownMb < 200, `grew by ${Math.round(grownMb)} MB`);
});

test('requests beyond the limit are told to come again, and the administrator still gets in', async () => {
  const allowAll = {
    metadata: { name: 'flood' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'flood' }],
  };
  const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
  assert.equal((await send('POST', bindings, { body: JSON.stringify(allowAll) })).code, 201);
  const { certificate: cert, key } = await server.pki.issueClient('flood', []);
  const session = connectHttp2(server.url, { ca: server.caCertificate, cert, key });
  session.on('error', () => session.destroy());
  const open = (): ReturnType<typeof session.request> => {
    const stream = session.request({ ':method': 'POST', ':path': configMaps, 'content-type': 'application/json' });
    stream.on('error', () => stream.destroy());
    return stream;
  };
  // Bodies that never end take every place there is.
  const hanging = Array.from({ length: 700 }, () => open());
  for (const stream of hanging) stream.write('{');
  await delay(300);
  const answers = new Map<string, number>();
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const stream = open();
      stream.on('response', (headers) => {
        const answer = `${headers[':status']} after ${headers['retry-after']} s`;
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      });
      stream.on('close', resolve);
      stream.resume();
      stream.end('{}');
    });
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 500 }, ask));
  const told = answers.get('429 after 1 s') ?? 0;
  assert.ok(told > 0, JSON.stringify([...answers]));
  // What found a place is answered as ever: an object without a name.
  assert.equal(told + (answers.get('422 after undefined s') ?? 0), 10_000, JSON.stringify([...answers]));
  assert.equal((await send('POST', configMaps, { body: '{"metadata":{"name":"meanwhile"}}' })).code, 201);
  session.destroy();
});

test('connections that vanish leave nothing behind', async () => {
  const head = 'GET /api/v1/pods?watch=1 HTTP/1.1\r\nhost: x\r\n\r\n';
  const sockets = await Promise.all(Array.from({ length: 100 }, () => rawClient(head)));
  await delay(200);
  for (const socket of sockets) socket.destroy();
  const watching = async (): Promise<string> => {
    const { message } = await send('GET', '/metrics');
    return (
      /apiserver_longrunning_requests\{verb="WATCH",group="",version="v1",resource="pods".*\} (\d+)/.exec(
        message,
      )?.[1] ?? '0'
    );
  };
  for (let tries = 0; tries < 100 && Number(await watching()) > 0; tries++) await delay(50);
  assert.equal(await watching(), '0');
});
