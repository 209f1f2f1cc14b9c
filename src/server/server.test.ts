import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Status } from '../machinery/meta-types.generated.ts';
import type { UserInfo } from './request.ts';
import { admin as master, type ServerAnswer, TestServer } from './test-server.ts';

let server: TestServer;

const bob: UserInfo = { name: 'bob', groups: ['devs'] };
const node1: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };

before(async () => {
  server = await TestServer.start((directory) => ({ audit: { logPath: join(directory, 'audit.log') } }));
  await as(master, 'POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
});

after(() => server.close());

// What an answer holds is what a test is about; it is read as JSON of any shape.
const as = (user: UserInfo, method: string, path: string, body?: object, headers = {}) =>
  server.send<Status>(method, path, body, { user, headers });

const pods = '/api/v1/namespaces/default/pods';
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const podNamed = (name: string, spec = {}): object => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

test('a user without rights is refused in upstream words', async () => {
  const cases: [string, string, string][] = [
    [
      'GET',
      pods,
      'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      `${pods}/x/log`,
      'pods "x" is forbidden: User "bob" cannot get resource "pods/log" in API group "" in the namespace "default"',
    ],
    [
      'GET',
      '/api/v1/nodes',
      'nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope',
    ],
    ['GET', '/metrics', 'forbidden: User "bob" cannot get path "/metrics"'],
  ];
  for (const [method, path, message] of cases) {
    const { status, body } = await as(bob, method, path);
    assert.deepEqual([status, body.message, body.reason], [403, message, 'Forbidden']);
  }
});

test('a role binding gives rights at once and its deletion takes them', async () => {
  const view = { kind: 'ClusterRole', name: 'view', apiGroup: 'rbac.authorization.k8s.io' };
  const subjects = [{ kind: 'Group', name: 'devs', apiGroup: 'rbac.authorization.k8s.io' }];
  const path = `${rbac}/namespaces/default/rolebindings`;
  assert.equal((await as(master, 'POST', path, { metadata: { name: 'devs' }, subjects, roleRef: view })).status, 201);
  assert.equal((await as(bob, 'GET', pods)).status, 200);
  assert.equal((await as(bob, 'GET', '/api/v1/namespaces/kube-system/pods')).status, 403);
  assert.equal((await as(bob, 'GET', '/api/v1/namespaces/default/secrets')).status, 403);
  assert.equal((await as(master, 'DELETE', `${path}/devs`)).status, 200);
  assert.equal((await as(bob, 'GET', pods)).status, 403);
});

test('a refusal names the roles that a binding wants in vain', async () => {
  await as(master, 'POST', `${rbac}/namespaces/default/rolebindings`, {
    metadata: { name: 'dangling' },
    subjects: [{ kind: 'User', name: 'carol', apiGroup: 'rbac.authorization.k8s.io' }],
    roleRef: { kind: 'Role', name: 'ghost', apiGroup: 'rbac.authorization.k8s.io' },
  });
  const { body } = await as({ name: 'carol', groups: [] }, 'GET', pods);
  assert.equal(
    body.message,
    'pods is forbidden: User "carol" cannot list resource "pods" in API group "" in the namespace "default": RBAC: role.rbac.authorization.k8s.io "ghost" not found',
  );
});

test('nobody grants more than they hold', async () => {
  const writer: UserInfo = { name: 'writer', groups: [] };
  const role = {
    metadata: { name: 'role-writer' },
    rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['*'] }],
  };
  await as(master, 'POST', `${rbac}/clusterroles`, {
    ...role,
    rules: [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['create'] }],
  });
  await as(master, 'POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'role-writer' },
    subjects: [{ kind: 'User', name: 'writer', apiGroup: 'rbac.authorization.k8s.io' }],
    roleRef: { kind: 'ClusterRole', name: 'role-writer', apiGroup: 'rbac.authorization.k8s.io' },
  });
  const { status, body } = await as(writer, 'POST', `${rbac}/namespaces/default/roles`, {
    metadata: { name: 'too-much' },
    rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
  });
  assert.equal(status, 403);
  assert.equal(
    body.message,
    'roles.rbac.authorization.k8s.io "too-much" is forbidden: user "writer" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
  );
});

test('a namespace that is missing or going away takes nothing in', async () => {
  const map = { metadata: { name: 'm' } };
  const missing = await as(master, 'POST', '/api/v1/namespaces/nope/configmaps', map);
  assert.deepEqual([missing.status, missing.body.message], [404, 'namespaces "nope" not found']);
  await as(master, 'POST', '/api/v1/namespaces', { metadata: { name: 'leaving' } });
  await as(master, 'DELETE', '/api/v1/namespaces/leaving');
  const leaving = await as(master, 'POST', '/api/v1/namespaces/leaving/configmaps', map);
  assert.equal(leaving.status, 403);
  assert.equal(leaving.body.details?.causes?.[0]?.reason, 'NamespaceTerminating');
  const immortal = await as(master, 'DELETE', '/api/v1/namespaces/kube-system');
  assert.equal(immortal.body.message, 'namespaces "kube-system" is forbidden: this namespace may not be deleted');
});

test('a pod gets account, token volume, priority and tolerations', async () => {
  const { status, body } = await as(
    master,
    'POST',
    pods,
    podNamed('defaulted', { priorityClassName: 'system-node-critical' }),
  );
  assert.equal(status, 201, body.message ?? '');
  const { spec } = body as unknown as {
    spec: Record<string, unknown> & { volumes: { name: string }[]; tolerations: unknown[] };
  };
  assert.equal(spec['serviceAccountName'], 'default');
  assert.equal(spec['serviceAccount'], 'default');
  assert.match(spec.volumes[0]?.name ?? '', /^kube-api-access-[a-z0-9]{5}$/);
  assert.equal(spec['priority'], 2000001000);
  assert.equal(spec['preemptionPolicy'], 'PreemptLowerPriority');
  assert.equal(spec.tolerations.length, 2);
});

test('a pod that names what is not there is refused', async () => {
  const account = await as(master, 'POST', pods, podNamed('p', { serviceAccountName: 'ghost' }));
  assert.equal(
    account.body.message,
    'pods "p" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
  );
  const priority = await as(master, 'POST', pods, podNamed('p', { priorityClassName: 'ghost' }));
  assert.equal(priority.body.message, 'pods "p" is forbidden: no PriorityClass with name ghost was found');
});

test('a LimitRange gives defaults and refuses what is outside', async () => {
  await as(master, 'POST', '/api/v1/namespaces', { metadata: { name: 'limited' } });
  await as(master, 'POST', '/api/v1/namespaces/limited/serviceaccounts', { metadata: { name: 'default' } });
  const limits = [{ type: 'Container', default: { cpu: '200m' }, defaultRequest: { cpu: '100m' }, max: { cpu: '1' } }];
  await as(master, 'POST', '/api/v1/namespaces/limited/limitranges', { metadata: { name: 'l' }, spec: { limits } });
  const path = '/api/v1/namespaces/limited/pods';
  const given = await as(master, 'POST', path, podNamed('given'));
  const pod = given.body as unknown as {
    spec: { containers: { resources: object }[] };
    status: { qosClass: string };
    metadata: { annotations: Record<string, string> };
  };
  assert.deepEqual(pod.spec.containers[0]?.resources, { limits: { cpu: '200m' }, requests: { cpu: '100m' } });
  assert.equal(pod.status.qosClass, 'Burstable');
  assert.equal(
    pod.metadata.annotations['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
  );
  const containers = [{ name: 'c', image: 'i', resources: { limits: { cpu: '2' } } }];
  const { status, body } = await as(master, 'POST', path, podNamed('greedy', { containers }));
  assert.deepEqual(
    [status, body.message],
    [403, 'pods "greedy" is forbidden: maximum cpu usage per Container is 1, but limit is 2'],
  );
});

async function tokenFor(spec: object): Promise<ServerAnswer<Status>> {
  return as(master, 'POST', '/api/v1/namespaces/default/serviceaccounts/default/token', { spec });
}

test('a requested token authenticates until the pod it is bound to is gone', async () => {
  await as(master, 'POST', pods, podNamed('holder'));
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'holder' };
  const issued = await tokenFor({ boundObjectRef, expirationSeconds: 3600 });
  assert.equal(issued.status, 201, issued.body.message ?? '');
  const { token } = (issued.body as unknown as { status: { token: string } }).status;
  const review = async (): Promise<Record<string, unknown>> => {
    const { body } = await as(master, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } });
    return (body as unknown as { status: Record<string, unknown> }).status;
  };
  const good = await review();
  assert.equal(good['authenticated'], true);
  assert.equal((good['user'] as { username: string }).username, 'system:serviceaccount:default:default');
  await as(master, 'DELETE', `${pods}/holder?gracePeriodSeconds=0`);
  assert.equal((await review())['authenticated'] ?? false, false);
});

test('a token request that asks for the impossible is refused', async () => {
  const short = await tokenFor({ expirationSeconds: 10 });
  assert.equal(short.status, 422);
  assert.match(
    short.body.message ?? '',
    /spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes/,
  );
  const unbound = await tokenFor({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'ghost' } });
  assert.deepEqual([unbound.status, unbound.body.message], [404, 'pods "ghost" not found']);
});

test('a node reads what its own pods refer to and nothing else', async () => {
  const secrets = '/api/v1/namespaces/default/secrets';
  for (const name of ['mine', 'other']) await as(master, 'POST', secrets, { metadata: { name } });
  const volumes = [{ name: 'v', secret: { secretName: 'mine' } }];
  await as(master, 'POST', pods, podNamed('on-n1', { nodeName: 'n1', volumes }));
  assert.equal((await as(node1, 'GET', `${secrets}/mine`)).status, 200);
  const other = await as(node1, 'GET', `${secrets}/other`);
  assert.equal(other.status, 403);
  assert.match(other.body.message ?? '', /no relationship found between node 'n1' and this object/);
  assert.equal((await as(node1, 'GET', secrets)).status, 403);
  for (const path of [
    '/api/v1/services',
    '/apis/discovery.k8s.io/v1/endpointslices',
    '/api/v1/nodes',
    '/api/v1/pods',
  ]) {
    assert.equal((await as(node1, 'GET', path)).status, 200, path);
  }
  const node2: UserInfo = { ...node1, name: 'system:node:n2' };
  assert.equal((await as(node2, 'GET', `${secrets}/mine`)).status, 403);
});

test('a node writes its own Node and Lease only', async () => {
  const lease = { metadata: { name: 'n1' }, spec: { holderIdentity: 'n1' } };
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  assert.equal((await as(node1, 'POST', leases, lease)).status, 201);
  assert.equal((await as(node1, 'POST', leases, { ...lease, metadata: { name: 'n2' } })).status, 403);
  assert.equal((await as(node1, 'POST', '/api/v1/nodes', { metadata: { name: 'n1' } })).status, 201);
  const foreign = await as(node1, 'POST', '/api/v1/nodes', { metadata: { name: 'n2' } });
  assert.equal(foreign.body.message, 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"');
});

test('impersonation needs the right to it and then acts as the other', async () => {
  const headers = { 'impersonate-user': 'bob', 'impersonate-group': 'devs' };
  const allowed = await as(master, 'GET', pods, undefined, headers);
  assert.match(allowed.body.message ?? '', /User "bob" cannot list/);
  const refused = await as(bob, 'GET', pods, undefined, { 'impersonate-user': 'admin' });
  assert.equal(
    refused.body.message,
    'users "admin" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope',
  );
});

test('access reviews answer for oneself and for others', async () => {
  const path = '/apis/authorization.k8s.io/v1';
  const resourceAttributes = { verb: 'list', resource: 'pods', namespace: 'default' };
  const ask = async (user: UserInfo, kind: string, spec: object): Promise<unknown> => {
    const { body } = await as(user, 'POST', `${path}/${kind}`, { spec });
    return (body as unknown as { status?: { allowed: boolean } }).status?.allowed;
  };
  assert.equal(await ask(bob, 'selfsubjectaccessreviews', { resourceAttributes }), false);
  assert.equal(await ask(master, 'selfsubjectaccessreviews', { resourceAttributes }), true);
  assert.equal(await ask(master, 'subjectaccessreviews', { user: 'bob', resourceAttributes }), false);
  assert.equal(await ask(bob, 'subjectaccessreviews', { user: 'bob', resourceAttributes }), undefined);
});

test('health names its checks', async () => {
  const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
  assert.equal((await as(anonymous, 'GET', '/readyz')).body.message, 'ok');
  const verbose = await as(anonymous, 'GET', '/livez?verbose&exclude=etcd');
  assert.match(verbose.body.message ?? '', /^\[\+\]ping ok\n.*\[\+\]etcd excluded: ok\n.*livez check passed\n$/s);
  assert.equal((await as(master, 'GET', '/livez/nothing')).status, 404);
});

test('a body that claims to be protobuf and is not is refused', async () => {
  const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' };
  const { status, body } = await as(master, 'POST', pods, { kind: 'Pod' }, headers);
  assert.deepEqual(
    [status, body.message],
    [400, 'the body could not be decoded: the body does not begin with the protobuf magic'],
  );
});

test('the audit log says who asked as whom and what the answer was', async () => {
  await as(master, 'GET', `${pods}/audited`, undefined, { 'impersonate-user': 'bob' });
  const log = join(server.directory, 'audit.log');
  let line = '';
  while (line === '') {
    line = (await readFile(log, 'utf8')).split('\n').find((one) => one.includes('"audited"')) ?? '';
  }
  const event = JSON.parse(line);
  assert.equal(event.user.username, 'admin');
  assert.equal(event.impersonatedUser.username, 'bob');
  assert.equal(event.responseStatus.code, 403);
  assert.deepEqual(event.objectRef, { resource: 'pods', namespace: 'default', name: 'audited', apiVersion: 'v1' });
});

test('a restart brings back what was lost and leaves what was added', async () => {
  const path = `${rbac}/clusterroles/system:basic-user`;
  const added = { apiGroups: ['x.io'], resources: ['things'], verbs: ['get'] };
  await as(master, 'PATCH', path, { rules: [added] }, { 'content-type': 'application/merge-patch+json' });
  await server.restart();
  const { body } = await as(master, 'GET', path);
  const { rules } = body as unknown as { rules: { resources: string[] }[] };
  const resources = rules.flatMap((rule) => rule.resources);
  assert.ok(resources.includes('things') && resources.includes('selfsubjectreviews'));
});
