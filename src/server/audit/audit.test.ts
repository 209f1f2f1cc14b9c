import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { openAudit } from '../filters/audit.ts';
import { parseRequestInfo } from '../filters/request-info.ts';
import type { UserInfo } from '../request.ts';
import { type RunningServer, startServer } from '../server.ts';
import { LogFile } from './log-file.ts';
import { auditDecider, readAuditPolicy } from './policy.ts';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
});

after(() => rm(directory, { recursive: true }));

const policyText = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: [quiet]
  - level: Metadata
    resources: [{ group: "", resources: [secrets, "pods/*", "*/scale"] }]
  - level: RequestResponse
    omitManagedFields: true
    namespaces: [default]
    resources: [{ group: "", resources: [configmaps] }]
  - level: Request
    verbs: [create]
    resources: [{ group: "" }]
    omitStages: [ResponseStarted]
  - level: None
    nonResourceURLs: ["/healthz*", /version]
  - level: Metadata
`;

async function policyFile(text: string): Promise<string> {
  const path = join(directory, `policy-${Math.random()}.yaml`);
  await writeFile(path, text);
  return path;
}

test('the first rule that matches says how much is audited', async () => {
  const decide = auditDecider(await readAuditPolicy(await policyFile(policyText)));
  const cases: [string, string, string, string][] = [
    ['quiet', 'GET', '/api/v1/nodes', 'None'],
    ['bob', 'GET', '/api/v1/namespaces/default/secrets/s', 'Metadata'],
    ['bob', 'GET', '/api/v1/namespaces/default/pods/p/log', 'Metadata'],
    ['bob', 'POST', '/api/v1/namespaces/default/configmaps', 'RequestResponse'],
    ['bob', 'POST', '/api/v1/namespaces/other/configmaps', 'Request'],
    ['bob', 'POST', '/api/v1/nodes', 'Request'],
    ['bob', 'POST', '/apis/apps/v1/namespaces/default/deployments', 'Metadata'],
    ['bob', 'GET', '/healthz/ping', 'None'],
    ['bob', 'GET', '/version', 'None'],
    ['bob', 'GET', '/openapi/v2', 'Metadata'],
  ];
  for (const [name, method, path, level] of cases) {
    const info = parseRequestInfo(method, path, () => new URLSearchParams());
    assert.equal(decide({ user: { name, groups: [] }, info, path }).level, level, `${name} ${method} ${path}`);
  }
});

test('a policy that cannot be used is refused with the place that is wrong', async () => {
  const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';
  const cases: [string, RegExp][] = [
    ['kind: Policy', /is no audit.k8s.io\/v1 Policy/],
    [`${head}rules: []`, /has no rules/],
    [`${head}rules: [{level: Loud}]`, /rules\[0\]\.level is none of None, Metadata/],
    [`${head}rules: [{level: None, users: bob}]`, /rules\[0\]\.users is no list/],
    [`${head}rules: [{level: None, omitStages: [Never]}]`, /rules\[0\]\.omitStages/],
    [`${head}rules: [{level: None, namespaces: [a], nonResourceURLs: [/x]}]`, /exclude each other/],
    ['rules: [', /cannot be used/],
  ];
  for (const [text, message] of cases) await assert.rejects(readAuditPolicy(await policyFile(text)), message);
});

test('a log that cannot be written stops the start with a sentence', async () => {
  const logPath = join(directory, 'missing', 'audit.log');
  await assert.rejects(openAudit({ logPath }, silentLogger, Date.now), /cannot be opened; name another/);
});

test('a full log file is put aside, and only as many as asked are kept', async () => {
  const path = join(directory, 'rotated.log');
  let time = Date.UTC(2030, 0, 1);
  const options = { path, bytesMax: 100, backupsMax: 2, ageDaysMax: 0, logger: silentLogger, now: () => time };
  const file = new LogFile(options);
  for (let line = 0; line < 20; line += 1) {
    time += 1000;
    file.write(`${String(line).padStart(2, '0')} ${'x'.repeat(36)}\n`);
  }
  await file.close();
  const names = (await readdir(directory)).filter((name) => name.startsWith('rotated')).sort();
  assert.deepEqual(names, [
    'rotated-2030-01-01T00-00-17.000.log',
    'rotated-2030-01-01T00-00-19.000.log',
    'rotated.log',
  ]);
  const kept = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  assert.deepEqual(kept.join('').match(/^\d\d/gm), ['14', '15', '16', '17', '18', '19']);
});

interface Event {
  readonly [field: string]: unknown;
  readonly stage: string;
  readonly level: string;
  readonly requestURI: string;
}

test('the log holds of each request what its level says', async () => {
  const logPath = join(directory, 'audit.log');
  const server = await startServer({
    dataDirectory: directory,
    store: new MemoryStore(),
    logger: silentLogger,
    address: '127.0.0.1',
    port: 0,
    audit: { logPath, policyFile: await policyFile(policyText) },
    loadProse: async () => ({}),
  });
  const admin: UserInfo = { name: 'admin', groups: ['system:masters'] };
  const core = '/api/v1/namespaces/default';
  await send(server, admin, 'POST', `${core}/secrets`, { metadata: { name: 's' }, stringData: { k: 'hidden-text' } });
  await send(server, admin, 'POST', `${core}/configmaps`, { metadata: { name: 'c' }, data: { k: 'shown-text' } });
  await send(server, admin, 'POST', `/api/v1/namespaces`, { metadata: { name: 'n' } });
  await send(server, { name: 'quiet', groups: ['system:masters'] }, 'GET', `${core}/configmaps/silent`);
  await send(server, { name: 'bob', groups: [] }, 'GET', `${core}/configmaps/c?pretty=true`);
  await server.close();
  const text = await readFile(logPath, 'utf8');
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  const find = (uri: string, level: string): Event | undefined =>
    events.find((event) => event.requestURI === uri && event.level === level);
  assert.ok(find(`${core}/secrets`, 'Metadata'));
  assert.doesNotMatch(text, /hidden-text|aGlkZGVuLXRleHQ=/);
  const configMap = find(`${core}/configmaps`, 'RequestResponse');
  assert.deepEqual(configMap?.['requestObject'], { metadata: { name: 'c' }, data: { k: 'shown-text' } });
  const answered = configMap?.['responseObject'] as { kind: string; metadata: object; data: object };
  assert.deepEqual([answered.kind, answered.data], ['ConfigMap', { k: 'shown-text' }]);
  assert.ok(!('managedFields' in answered.metadata));
  const namespace = find('/api/v1/namespaces', 'Request');
  assert.ok(namespace?.['requestObject'] !== undefined && namespace['responseObject'] === undefined);
  assert.doesNotMatch(text, /silent/);
  const refused = find(`${core}/configmaps/c?pretty=true`, 'RequestResponse');
  const annotations = refused?.['annotations'] as Record<string, string>;
  assert.equal(annotations['authorization.k8s.io/decision'], 'forbid');
  assert.deepEqual(refused?.['responseStatus'], { metadata: {}, code: 403 });
  assert.ok(events.every(({ stage }) => stage !== 'RequestReceived'));
});

async function send(server: RunningServer, user: UserInfo, method: string, path: string, body?: object): Promise<void> {
  const answer = await server.localTransport(user).request({
    method,
    path,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  for await (const _chunk of answer.body);
}
