/**
 * Run by kernel.test.ts inside a network namespace of its own: brings up the node's network with pods that are bare
 * network namespaces, tries who reaches whom, and prints what it saw as one line of JSON.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { endpointSlices, networkPolicies, nodes, services } from '../../api/resource-types.ts';
import type { Client, InformerFactory } from '../../client/contract.ts';
import { silentLogger } from '../../machinery/logger.ts';
import { runCommand, runIp } from './commands.ts';
import type { HostPort } from './contract.ts';
import { startNetwork } from './start.ts';
import { MemoryInformer, makeEndpoint, makeService, makeSlice } from './testing.ts';

const nodeAddress = '192.0.2.50';
const timeoutMs = 20_000;
const runFile = promisify(execFile);

interface TestPod {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
  readonly server: ChildProcess;
}

await runIp([
  'link set lo up',
  'link add up0 type veth peer name up1',
  'link set up1 up',
  `addr add ${nodeAddress}/24 dev up0`,
  'link set up0 up',
]);
const serviceInformer = new MemoryInformer(services);
const sliceInformer = new MemoryInformer(endpointSlices);
const nodeInformer = new MemoryInformer(nodes);
const known = {
  services: serviceInformer,
  endpointslices: sliceInformer,
  nodes: nodeInformer,
  networkpolicies: new MemoryInformer(networkPolicies),
};
const informers = {
  informer: ({ resource }: { resource: keyof typeof known }) => known[resource],
  start: () => undefined,
  synced: async () => undefined,
} as unknown as InformerFactory;
const controller = new AbortController();
// As left by an agent whose node had another pod CIDR.
await runIp(['link add rs0 type bridge', 'addr add 10.244.9.1/24 dev rs0']);
const network = await startNetwork({
  client: {} as Client,
  informers,
  nodeName: 'here',
  podCidr: '10.244.0.0/24',
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/12',
  clusterDnsIp: '10.96.0.10',
  clusterDomain: 'cluster.local',
  stateDirectory: process.argv[2] ?? '',
  logger: silentLogger,
  signal: controller.signal,
});

const a = await startPod('a', []);
const b = await startPod('b', [{ protocol: 'TCP', hostPort: 8088, containerPort: 8080, hostIp: '' }]);
serviceInformer.set(
  makeService('web', '10.96.0.20', { type: 'NodePort' }),
  makeService('empty', '10.96.0.21'),
  makeService('own', '10.96.0.22'),
);
sliceInformer.set(makeSlice('web', [makeEndpoint(b.address)]), makeSlice('own', [makeEndpoint(a.address)]));
nodeInformer.set({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'there' },
  spec: { podCIDR: '10.244.7.0/24' },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.51' }] },
});
// Lets the proxy see the change and write it.
await eventually(async () => (await fetchFrom(a, 'http://10.96.0.20/')).startsWith('b'));

const seen = {
  podToPod: await fetchFrom(a, `http://${b.address}:8080/`),
  podToService: await fetchFrom(a, 'http://10.96.0.20/'),
  podToItself: await fetchFrom(a, 'http://10.96.0.22/'),
  hostToService: await fetchFrom(undefined, 'http://10.96.0.20/'),
  nodePort: await fetchFrom(undefined, `http://${nodeAddress}:30080/`),
  nodePortOnLoopback: await fetchFrom(undefined, 'http://127.0.0.1:30080/'),
  hostPort: await fetchFrom(a, `http://${nodeAddress}:8088/`),
  hostPortOnLoopback: await fetchFrom(undefined, 'http://127.0.0.1:8088/'),
  withoutEndpoints: await fetchFrom(a, 'http://10.96.0.21/'),
  name: await resolveFrom(a, 'web.default.svc.cluster.local'),
  bridge: await runCommand('ip', ['-br', '-4', 'addr', 'show', 'dev', 'rs0']),
  routes: await runCommand('ip', ['route', 'show', 'proto', '82']),
  addressAgain: (await attach('a', a.namespace, [])).ips,
  portTaken: await attach('c', a.namespace, [{ protocol: 'TCP', hostPort: 8088, containerPort: 1, hostIp: '' }]).catch(
    (err: Error) => err.message,
  ),
};
await network.podNetwork.detach('b');
const afterDetach = await fetchFrom(undefined, 'http://127.0.0.1:8088/');
await network.podNetwork.collect([]);
for (const { server } of [a, b]) server.kill('SIGKILL');
await network.close({ removeAll: true });
const tables = await runCommand('nft', ['list', 'tables']);
const links = await runCommand('ip', ['-br', 'link']);
process.stdout.write(`${JSON.stringify({ ...seen, addresses: [a.address, b.address], afterDetach, tables, links })}\n`);
process.exit(0);

/** A network namespace with an HTTP server that answers with its name and the address it saw. */
async function startPod(name: string, hostPorts: readonly HostPort[]): Promise<TestPod> {
  const script = `require('node:http').createServer((q, r) => r.end('${name} ' + q.socket.remoteAddress)).listen(8080, '0.0.0.0', () => console.log('up'))`;
  const server = spawn('unshare', ['--net', process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  const namespace = `/proc/${server.pid}/ns/net`;
  const { ips } = await attach(name, namespace, hostPorts);
  return { name, address: ips[0] ?? '', namespace, server };
}

function attach(name: string, networkNamespace: string, hostPorts: readonly HostPort[]) {
  const pod = { uid: name, namespace: 'default', name };
  return network.podNetwork.attach({ sandboxId: name, pod, networkNamespace, hostPorts });
}

/** The answer's text, or the code of the error; from the host without a pod. */
function fetchFrom(pod: TestPod | undefined, url: string): Promise<string> {
  const script = `fetch('${url}', { signal: AbortSignal.timeout(2000) }).then((r) => r.text(), (e) => e.cause?.code ?? e.name).then((t) => process.stdout.write(t))`;
  return runScript(pod, script);
}

function resolveFrom(pod: TestPod, name: string): Promise<string> {
  const script = `const r = new (require('node:dns').promises.Resolver)(); r.setServers(['10.96.0.10']); r.resolve4('${name}').then((a) => process.stdout.write(a.join()), (e) => process.stdout.write(e.code))`;
  return runScript(pod, script);
}

async function runScript(pod: TestPod | undefined, script: string): Promise<string> {
  const node = [process.execPath, '-e', script];
  const [command = '', ...args] = pod === undefined ? node : ['nsenter', `--net=${pod.namespace}`, ...node];
  const { stdout } = await runFile(command, args, { timeout: timeoutMs });
  return stdout;
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) if (Date.now() > deadline) throw new Error('the service never answered');
}
