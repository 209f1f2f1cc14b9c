import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, tryKubectl } from './kubectl.ts';
import { pod, sleepForever } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let other: Awaited<ReturnType<typeof createNamespace>>;
let address = '';
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];

const server = `httpd -f -p 8080 -h /tmp & httpd -f -p 9090 -h /tmp & ${sleepForever}`;

/** Whether a pod reaches a port of the server. */
async function reaches(from: string, port: number, of = namespace.name, host = address): Promise<boolean> {
  const script = `fetch('http://${host}:${port}/', { signal: AbortSignal.timeout(1000) }).then(() => 0, () => 7).then((code) => process.exit(code))`;
  const { code } = await tryKubectl(['-n', of, 'exec', from, '--', 'node', '-e', script]);
  return code === 0;
}

async function policy(name: string, spec: object): Promise<void> {
  const object = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name }, spec };
  await kubectl(inNamespace('apply', '-f', '-'), { input: JSON.stringify(object) });
}

const becomes = (what: string, wanted: boolean, check: () => Promise<boolean>): Promise<true | undefined> =>
  eventually(what, async () => ((await check()) === wanted ? true : undefined), 20_000);

before(async () => {
  [namespace, other] = await Promise.all([createNamespace('policies'), createNamespace('policies-other')]);
  const ports = { ports: [{ name: 'web', containerPort: 8080 }] };
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  const input = [
    pod('server', server, { container: { ...ports, readinessProbe } }),
    pod('friend', sleepForever),
    pod('stranger', sleepForever),
  ].join('\n');
  await kubectl(inNamespace('create', '-f', '-'), { input });
  await kubectl(['-n', other.name, 'create', '-f', '-'], { input: pod('visitor', sleepForever) });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s'));
  await kubectl(['-n', other.name, 'wait', '--for=condition=Ready', 'pod/visitor', '--timeout=60s']);
  await kubectl(inNamespace('expose', 'pod', 'server', '--port=80', '--target-port=8080'));
  address = (await kubectl(inNamespace('get', 'pod', 'server', '-o', 'jsonpath={.status.podIP}'))).trim();
});
after(async () => {
  await Promise.all([namespace.remove(), other.remove()]);
});

test('without policies everybody reaches everybody', async () => {
  assert.ok(await reaches('stranger', 8080));
  assert.ok(await reaches('visitor', 9090, other.name));
});

test('a policy that allows nothing shuts a pod off, but for the probes of its node', async () => {
  await policy('deny', { podSelector: { matchLabels: { app: 'server' } }, policyTypes: ['Ingress'] });
  await becomes('the door to close', false, () => reaches('stranger', 8080));
  assert.ok(!(await reaches('visitor', 9090, other.name)));
  assert.ok(!(await reaches('stranger', 80, namespace.name, `server.${namespace.name}`)));
  assert.match(await kubectl(inNamespace('get', 'pod', 'server')), /server +1\/1 +Running/);
});

test('others add pods, ports and namespaces to it', async () => {
  const podSelector = { matchLabels: { app: 'server' } };
  await policy('friends', {
    podSelector,
    ingress: [{ from: [{ podSelector: { matchLabels: { app: 'friend' } } }], ports: [{ port: 'web' }] }],
  });
  await becomes('the friend to get in', true, () => reaches('friend', 8080));
  assert.ok(await reaches('friend', 80, namespace.name, `server.${namespace.name}`));
  assert.ok(!(await reaches('friend', 9090)));
  assert.ok(!(await reaches('stranger', 8080)));
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': other.name } };
  await policy('visitors', {
    podSelector,
    ingress: [{ from: [{ namespaceSelector }], ports: [{ port: 9000, endPort: 9100 }] }],
  });
  await becomes('the visitor to get in', true, () => reaches('visitor', 9090, other.name));
  assert.ok(!(await reaches('visitor', 8080, other.name)));
});

test('egress is shut off as well, and names are still found', async () => {
  await policy('inside', {
    podSelector: { matchLabels: { app: 'stranger' } },
    policyTypes: ['Egress'],
    egress: [{ to: [{ podSelector: { matchLabels: { app: 'friend' } } }] }],
  });
  await kubectl(inNamespace('delete', 'networkpolicy', 'deny', 'friends', 'visitors'));
  await becomes('the server to open', true, () => reaches('friend', 8080));
  assert.ok(!(await reaches('stranger', 8080)));
  const looked = await tryKubectl(
    inNamespace('exec', 'stranger', '--', 'nslookup', `server.${namespace.name}.svc.cluster.local`),
  );
  assert.match(looked.stdout, /Address.*10\.96\./);
  await kubectl(inNamespace('delete', 'networkpolicy', 'inside'));
  await becomes('the stranger to get out', true, () => reaches('stranger', 8080));
});
