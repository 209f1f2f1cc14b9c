import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlFails, kubectlJson } from './kubectl.ts';
import { deployment, pod, sleepForever } from './manifests.ts';

interface Service {
  spec: { clusterIP: string; ports: { port: number; nodePort?: number }[] };
}

const server =
  "require('node:http').createServer((q, s) => s.end(require('node:os').hostname() + ' ' + q.socket.remoteAddress)).listen(8080); process.on('SIGTERM', () => process.exit())";

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const service = (name: string): Promise<Service> => kubectlJson<Service>(inNamespace('get', 'service', name));
const fetchText = async (url: string): Promise<string> =>
  (await fetch(url, { signal: AbortSignal.timeout(3000), headers: { connection: 'close' } })).text();
const inPod = (...command: string[]): Promise<string> => kubectl(inNamespace('exec', 'client', '--', ...command));
const create = (manifest: object): Promise<string> =>
  kubectl(inNamespace('create', '-f', '-'), { input: JSON.stringify(manifest) });

before(async () => {
  namespace = await createNamespace('services');
  const web = deployment('web', {
    replicas: 2,
    container: {
      command: ['node', '-e', server],
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 },
    },
  });
  await kubectl(inNamespace('create', '-f', '-'), { input: `${web}\n${pod('client', sleepForever)}` });
  await kubectl(inNamespace('rollout', 'status', 'deployment/web', '--timeout=60s'));
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/client', '--timeout=60s'));
  await kubectl(inNamespace('expose', 'deployment', 'web', '--port=80', '--target-port=http', '--type=NodePort'));
});
after(() => namespace.remove());

async function answersFrom(url: string, tries = 30): Promise<Set<string>> {
  const names = new Set<string>();
  for (let index = 0; index < tries; index++) names.add((await fetchText(url)).split(' ')[0] ?? '');
  return names;
}

test('a ClusterIP spreads over the pods, from the host and from a pod', async () => {
  const { clusterIP } = (await service('web')).spec;
  await eventually('the first answer', () => fetchText(`http://${clusterIP}/`));
  assert.equal((await answersFrom(`http://${clusterIP}/`)).size, 2);
  assert.match(await inPod('wget', '-qO-', `http://${clusterIP}/`), /^web-/);
});

test('a NodePort answers on the address of the node and on loopback', async () => {
  const { ports } = (await service('web')).spec;
  const node = await kubectl([
    'get',
    'nodes',
    '-o',
    'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
  ]);
  for (const address of [node, '127.0.0.1']) {
    assert.match(await eventually('an answer', () => fetchText(`http://${address}:${ports[0]?.nodePort}/`)), /^web-/);
  }
});

test('session affinity keeps a client with its pod', async () => {
  await create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'sticky' },
    spec: { selector: { app: 'web' }, sessionAffinity: 'ClientIP', ports: [{ port: 80, targetPort: 'http' }] },
  });
  const { clusterIP } = (await service('sticky')).spec;
  await eventually('the first answer', () => fetchText(`http://${clusterIP}/`));
  assert.equal((await answersFrom(`http://${clusterIP}/`)).size, 1);
});

test('DNS gives services, headless services, pods and reverse names', async () => {
  await create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'headless' },
    spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  });
  const { clusterIP } = (await service('web')).spec;
  assert.match(
    await inPod('nslookup', `web.${namespace.name}.svc.cluster.local`),
    new RegExp(`Address:? ?1?: ?${clusterIP}`),
  );
  assert.match(await inPod('wget', '-qO-', 'http://web/'), /^web-/, 'the short name by the search path');
  const headless = await eventually('two addresses', async () => {
    const answer = await inPod('nslookup', `headless.${namespace.name}.svc.cluster.local`);
    return (answer.match(/10\.244\.\d+\.\d+/g) ?? []).length >= 2 ? answer : undefined;
  });
  assert.match(headless, /10\.244/);
  assert.match(await inPod('nslookup', 'kubernetes.default.svc.cluster.local'), /10\.96\.0\.1/);
});

test('hosts and resolv.conf in a pod are as upstream writes them', async () => {
  assert.match(
    await inPod('cat', '/etc/hosts'),
    /^# Kubernetes-managed hosts file\.[\s\S]*127\.0\.0\.1\s+localhost[\s\S]*10\.244\.\d+\.\d+\s+client/,
  );
  const resolv = await inPod('cat', '/etc/resolv.conf');
  assert.match(resolv, /nameserver 10\.96\.0\.10/);
  assert.match(
    resolv,
    new RegExp(`search ${namespace.name}\\.svc\\.cluster\\.local svc\\.cluster\\.local cluster\\.local`),
  );
  assert.match(resolv, /options ndots:5/);
});

test('a pod that is not ready leaves the Service, endpoints say so', async () => {
  await kubectl(inNamespace('create', '-f', '-'), {
    input: deployment('flaky', {
      shell: 'touch /tmp/ready; trap "exit 0" TERM; while true; do sleep 0.2; done',
      container: {
        readinessProbe: { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 },
      },
    }),
  });
  await kubectl(inNamespace('rollout', 'status', 'deployment/flaky', '--timeout=60s'));
  await kubectl(inNamespace('expose', 'deployment', 'flaky', '--port=80'));
  const ready = (): Promise<string> =>
    kubectl(
      inNamespace(
        'get',
        'endpointslices',
        '-l',
        'kubernetes.io/service-name=flaky',
        '-o',
        'jsonpath={.items[0].endpoints[0].conditions.ready}',
      ),
    );
  await eventually('ready', async () => (await ready()) === 'true');
  await kubectl(inNamespace('exec', 'deploy/flaky', '--', 'rm', '/tmp/ready'));
  await eventually('not ready', async () => (await ready()) === 'false');
});

test('a node port that is taken, and an address outside the range, are refused', async () => {
  const { ports } = (await service('web')).spec;
  const taken = kubectlFails(
    inNamespace('create', 'service', 'nodeport', 'second', '--tcp=80', `--node-port=${ports[0]?.nodePort}`),
  );
  assert.match(await taken, /provided port is already allocated/);
  const outside = kubectlFails(
    inNamespace('create', 'service', 'clusterip', 'third', '--tcp=80', '--clusterip=192.0.2.1'),
  );
  assert.match(
    await outside,
    /failed to allocate IP 192\.0\.2\.1: the provided IP \(192\.0\.2\.1\) is not in the valid range/,
  );
});

test('a Service without endpoints refuses at once', async () => {
  await create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'nobody' },
    spec: { selector: { app: 'nobody' }, ports: [{ port: 80 }] },
  });
  const { clusterIP } = (await service('nobody')).spec;
  await eventually('a refusal', async () => {
    const failure = await fetchText(`http://${clusterIP}/`).catch((error: Error) => error);
    return (
      failure instanceof Error &&
      /ECONNREFUSED/.test(String((failure.cause as Error | undefined)?.message ?? failure.cause))
    );
  });
});
