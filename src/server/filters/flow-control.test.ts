import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import type { LocalTransport } from '../http/local-transport.ts';
import { type RunningServer, startServer } from '../server.ts';

const flowControlPath = '/apis/flowcontrol.apiserver.k8s.io/v1';
let directory: string;
let server: RunningServer;
let admin: LocalTransport;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'flow-control-'));
  server = await startServer({
    dataDirectory: directory,
    store: new MemoryStore(),
    logger: silentLogger,
    address: '127.0.0.1',
    port: 0,
    loadProse: async () => ({}),
  });
  admin = server.localTransport({ name: 'admin', groups: ['system:masters'] });
});

after(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

async function send(transport: LocalTransport, method: string, path: string, body?: object): Promise<[number, string]> {
  const answer = await transport.request({
    method,
    path,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  let text = '';
  for await (const chunk of answer.body) text += Buffer.from(chunk).toString();
  return [answer.status, text];
}

/** Asks until the answer passes: what watches the objects follows a write a moment later. */
async function eventually(ask: () => Promise<string>, passes: (text: string) => boolean): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const text = await ask();
    if (passes(text) || attempt > 200) return text;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const schemaText = async (name: string): Promise<string> =>
  (await send(admin, 'GET', `${flowControlPath}/flowschemas/${name}`))[1];

test('an answer names the flow schema and the priority level that let its request in', async () => {
  const url = `${server.url}/healthz`;
  const headers = await new Promise<NodeJS.Dict<string | string[]>>((resolve, reject) => {
    get(url, { ca: server.caCertificate }, (answer) => {
      answer.resume();
      resolve(answer.headers);
    }).on('error', reject);
  });
  const probes = JSON.parse(await schemaText('probes'));
  assert.equal(headers['x-kubernetes-pf-flowschema-uid'], probes.metadata.uid);
  const [, level] = await send(admin, 'GET', `${flowControlPath}/prioritylevelconfigurations/exempt`);
  assert.equal(headers['x-kubernetes-pf-prioritylevel-uid'], JSON.parse(level).metadata.uid);
});

test('a flow schema says whether its priority level is there', async () => {
  const found = await eventually(
    () => schemaText('global-default'),
    (text) => text.includes('"Found"'),
  );
  assert.match(found, /"type":"Dangling","status":"False"|"status":"False"[^}]*"type":"Dangling"/);
  await send(admin, 'POST', `${flowControlPath}/flowschemas`, {
    metadata: { name: 'dangling' },
    spec: { priorityLevelConfiguration: { name: 'nowhere' } },
  });
  const told = await eventually(
    () => schemaText('dangling'),
    (text) => text.includes('NotFound'),
  );
  assert.match(told, /object named \\"nowhere\\" but there is no such object/);
});

test('requests over the seats of a level without queues get 429, others go on, watches hold no seat', async () => {
  await send(admin, 'POST', `${flowControlPath}/prioritylevelconfigurations`, {
    metadata: { name: 'tiny' },
    spec: {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 1, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } },
    },
  });
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
  await send(admin, 'POST', `${flowControlPath}/flowschemas`, {
    metadata: { name: 'flooder' },
    spec: {
      priorityLevelConfiguration: { name: 'tiny' },
      matchingPrecedence: 50,
      rules: [{ subjects: [{ kind: 'User', user: { name: 'flooder' } }], resourceRules: [everything] }],
    },
  });
  await eventually(
    () => schemaText('flooder'),
    (text) => text.includes('"Found"'),
  );
  await send(admin, 'POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'everyone-edits' },
    subjects: [{ kind: 'Group', name: 'system:authenticated', apiGroup: 'rbac.authorization.k8s.io' }],
    roleRef: { kind: 'ClusterRole', name: 'edit', apiGroup: 'rbac.authorization.k8s.io' },
  });
  const flooder = server.localTransport({ name: 'flooder', groups: [] });
  const polite = server.localTransport({ name: 'polite', groups: [] });
  const maps = '/api/v1/namespaces/default/configmaps';
  for (let open = 0; open < 20; open += 1) {
    assert.equal((await flooder.request({ method: 'GET', path: `${maps}?watch=true` })).status, 200);
  }
  const create = (transport: LocalTransport, name: string) => send(transport, 'POST', maps, { metadata: { name } });
  const flood = await Promise.all(Array.from({ length: 50 }, (_, at) => create(flooder, `flood-${at}`)));
  const codes = new Set(flood.map(([status]) => status));
  assert.deepEqual([...codes].sort(), [201, 429]);
  const [, refusal = ''] = flood.find(([status]) => status === 429) ?? [];
  assert.equal(JSON.parse(refusal).details.retryAfterSeconds, 1);
  assert.equal((await create(polite, 'polite'))[0], 201);
  await flooder.close();
  const [, metrics] = await send(admin, 'GET', '/metrics');
  const rejected =
    /rejected_requests_total\{priority_level="tiny",flow_schema="flooder",reason="concurrency-limit"\} (\d+)/;
  assert.ok(Number(rejected.exec(metrics)?.[1]) >= 1);
  assert.match(metrics, /apiserver_flowcontrol_current_executing_seats\{priority_level="tiny"\} 0/);
});
