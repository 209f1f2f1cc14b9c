import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';
import { pod } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let reader = '';
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];

before(async () => {
  namespace = await createNamespace('auth');
  reader = `system:serviceaccount:${namespace.name}:reader`;
  await kubectl(inNamespace('create', 'serviceaccount', 'reader'));
  await kubectl(inNamespace('create', 'role', 'reads', '--verb=get,list', '--resource=pods,pods/log'));
  await kubectl(
    inNamespace('create', 'rolebinding', 'reads', '--role=reads', `--serviceaccount=${namespace.name}:reader`),
  );
});
after(() => namespace.remove());

test('auth can-i answers for oneself and for others', async () => {
  assert.equal(await kubectl(['auth', 'can-i', '*', '*']), 'yes\n');
  assert.equal(await kubectl(inNamespace('auth', 'can-i', 'list', 'pods', '--as', reader)), 'yes\n');
  const no = await tryKubectl(inNamespace('auth', 'can-i', 'delete', 'pods', '--as', reader));
  assert.equal(no.code, 1);
  assert.match(no.stdout, /^no/);
  assert.match(
    await kubectl(inNamespace('auth', 'can-i', '--list', '--as', reader)),
    /pods\/log +\[\] +\[\] +\[get list\]/,
  );
});

test('auth whoami says who asks', async () => {
  assert.match(await kubectl(['auth', 'whoami']), /Groups +\[system:masters system:authenticated\]/);
});

test('a created token is its service account and no more', async () => {
  const token = (await kubectl(inNamespace('create', 'token', 'reader', '--duration=15m'))).trim();
  const [, payload = ''] = token.split('.');
  assert.equal(JSON.parse(Buffer.from(payload, 'base64url').toString()).sub, reader);
  const env = { KUBECONFIG: '/dev/null' };
  const config = await kubectlJson<{ clusters: { cluster: { server: string } }[] }>(['config', 'view']);
  const server = config.clusters[0]?.cluster.server ?? '';
  const args = ['--server', server, '--insecure-skip-tls-verify', '--token', token];
  await kubectl([...args, ...inNamespace('get', 'pods')], { env });
  const said = await kubectlFails([...args, ...inNamespace('get', 'secrets')], { env });
  assert.match(
    said,
    new RegExp(
      `secrets is forbidden: User "${reader}" cannot list resource "secrets" in API group "" in the namespace "${namespace.name}"`,
    ),
  );
  assert.match(
    await kubectlFails([...args.slice(0, 3), '--token', `${token}x`, 'get', 'pods'], { env }),
    /Unauthorized|must be logged in/,
  );
});

test('a pod speaks to the server with its mounted token', async () => {
  const script = `
    const fs = require('node:fs'), https = require('node:https');
    const dir = '/var/run/secrets/kubernetes.io/serviceaccount/';
    const read = (name) => fs.readFileSync(dir + name, 'utf8');
    const url = 'https://kubernetes.default.svc/api/v1/namespaces/' + read('namespace') + '/pods';
    https.get(url, { ca: read('ca.crt'), headers: { authorization: 'Bearer ' + read('token') } }, (r) => {
      let s = ''; r.on('data', (c) => (s += c)); r.on('end', () => console.log(r.statusCode, JSON.parse(s).kind));
    }).on('error', (e) => { console.log(e.message); process.exit(1); });`;
  await kubectl(inNamespace('create', '-f', '-'), {
    input: pod('asks', '', {
      spec: { serviceAccountName: 'reader', restartPolicy: 'OnFailure' },
      container: { command: ['node', '-e', script] },
    }),
  });
  await eventually('the answer', async () => /200 PodList/.test(await kubectl(inNamespace('logs', 'asks'))));
});

test('nobody gives more rights than they have', async () => {
  const said = await kubectlFails(
    inNamespace('create', 'clusterrolebinding', 'grab', '--clusterrole=cluster-admin', '--user=x', '--as', reader),
  );
  assert.match(said, /forbidden/);
  await kubectl(inNamespace('create', 'role', 'roles', '--verb=create', '--resource=roles.rbac.authorization.k8s.io'));
  await kubectl(
    inNamespace('create', 'rolebinding', 'roles', '--role=roles', `--serviceaccount=${namespace.name}:reader`),
  );
  const escalation = await eventually('the new right', async () => {
    const said = await kubectlFails(
      inNamespace('create', 'role', 'more', '--verb=delete', '--resource=secrets', '--as', reader),
    );
    return /attempting to grant RBAC permissions not currently held/.test(said) ? said : undefined;
  });
  assert.match(escalation, /forbidden: user "system:serviceaccount:/);
});

test('the stock roles are there and edit does not read roles', async () => {
  const roles = await kubectl(['get', 'clusterroles', '-o', 'name']);
  for (const role of ['cluster-admin', 'admin', 'edit', 'view', 'system:node', 'system:kube-scheduler']) {
    assert.match(roles, new RegExp(`clusterrole.rbac.authorization.k8s.io/${role}\n`));
  }
  await kubectl(inNamespace('create', 'rolebinding', 'views', '--clusterrole=view', '--user=viewer'));
  await eventually(
    'the binding',
    async () => (await kubectl(inNamespace('auth', 'can-i', 'list', 'deployments', '--as', 'viewer'))) === 'yes\n',
  );
  assert.equal((await tryKubectl(inNamespace('auth', 'can-i', 'get', 'secrets', '--as', 'viewer'))).code, 1);
});
