import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type RunningAgent, startAgent } from '../../src/agent/agent.ts';
import { SimRuntime, simExitAfterMs, simExitCode, simIgnoreStop } from '../../src/agent/runtime/sim/sim-runtime.ts';
import type { Container, Node, Pod, PodSpec } from '../../src/api/core/v1/types.generated.ts';
import { configMaps, namespaces, nodes, pods, serviceAccounts } from '../../src/api/resource-types.ts';
import type { Client } from '../../src/client/contract.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { silentLogger } from '../../src/machinery/logger.ts';
import { isAlreadyExists, isNotFound } from '../../src/machinery/status-error.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import type { Store } from '../../src/store/contract.ts';
import { openLmdbStore } from '../../src/store/lmdb/open.ts';

const nodeName = 'sim-1';
const namespace = 'agent-test';

/** The agent against the real API server, with the simulated runtime. */
describe('agent', () => {
  let directory: string;
  let store: Store;
  let server: RunningServer;
  let admin: Client;
  let agent: RunningAgent;
  let stop = new AbortController();
  let lastAddress = 1;
  const runtime = new SimRuntime();

  async function start(): Promise<void> {
    stop = new AbortController();
    const node = { name: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] };
    agent = await startAgent({
      client: createClient(server.localTransport(node), { userAgent: 'agent-test' }),
      nodeName,
      dataDirectory: join(directory, 'agent'),
      runtime,
      network: async () => ({
        hostIps: ['192.0.2.1'],
        attach: async () => ({ ips: [`10.9.0.${++lastAddress}`] }),
        detach: async () => undefined,
        collect: async () => undefined,
      }),
      tunnel: false,
      logger: silentLogger,
      signal: stop.signal,
    });
  }

  async function halt(): Promise<void> {
    stop.abort();
    await agent.close();
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'roadstead-agent-'));
    store = await openLmdbStore(join(directory, 'store'));
    server = await startServer({
      dataDirectory: join(directory, 'server'),
      store,
      logger: silentLogger,
      address: '127.0.0.1',
      port: 0,
      loadProse: async () => ({}),
    });
    const transport = server.localTransport({ name: 'admin', groups: ['system:masters', 'system:authenticated'] });
    admin = createClient(transport, { userAgent: 'agent-test' });
    await admin
      .resource(namespaces)
      .create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace }, spec: {} });
    await admin
      .resource(serviceAccounts)
      .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } })
      .catch((error: unknown) => assert.ok(isAlreadyExists(error)));
    await start();
    await eventually(async () => (await node()) !== undefined);
    await admin
      .resource(nodes)
      .patch(
        { name: nodeName },
        { type: 'merge', body: { spec: { podCIDR: '10.9.0.0/24', podCIDRs: ['10.9.0.0/24'] } } },
      );
  });

  after(async () => {
    await halt();
    await runtime.close();
    await admin.close();
    await server.close();
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function node(): Promise<Node | undefined> {
    return orAbsent(admin.resource(nodes).get({ name: nodeName }));
  }

  async function create(name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<void> {
    await admin.resource(pods).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: {
        nodeName,
        automountServiceAccountToken: false,
        containers: [{ name: 'c', image: 'sim:1', ...container }],
        ...spec,
      },
    });
  }

  const get = (name: string): Promise<Pod | undefined> => orAbsent(admin.resource(pods).get({ namespace, name }));

  async function reaches(name: string, wanted: (pod: Pod) => boolean): Promise<Pod> {
    let found: Pod | undefined;
    await eventually(async () => {
      found = await get(name);
      return found !== undefined && wanted(found);
    });
    assert.ok(found);
    return found;
  }

  const isReady = (pod: Pod): boolean =>
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

  test('registers its node, which is Ready once it has a pod CIDR', async () => {
    await eventually(async () => condition(await node(), 'Ready') === 'True');
    assert.equal((await node())?.metadata.labels?.['kubernetes.io/os'], 'linux');
  });

  test('runs a pod until it is deleted', async () => {
    await create('web', {}, { terminationGracePeriodSeconds: 1 });
    const pod = await reaches('web', isReady);
    assert.equal(pod.status?.phase, 'Running');
    assert.match(pod.status?.podIP ?? '', /^10\.9\.0\./);
    await admin.resource(pods).delete({ namespace, name: 'web' });
    await eventually(async () => (await get('web')) === undefined);
    await eventually(async () => (await runtime.listPods(pod.metadata.uid)).sandboxes.length === 0);
  });

  test('a pod of restartPolicy Never ends with the exit code of its container', async () => {
    await create('job', { env: exits(3) }, { restartPolicy: 'Never' });
    const pod = await reaches('job', ({ status }) => status?.phase === 'Failed');
    assert.equal(pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode, 3);
  });

  test('a crashing container is restarted once at once and then waits in CrashLoopBackOff', async () => {
    await create('crash', { env: exits(1) });
    const waiting = (pod: Pod): string | undefined => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
    const pod = await reaches('crash', (one) => waiting(one) === 'CrashLoopBackOff');
    assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 1);
    assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 1);
  });

  test('a pod waits for its ConfigMap and starts when it comes', async () => {
    await create('wants', { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'k' } } }] });
    await reaches(
      'wants',
      (pod) => pod.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError',
    );
    await admin
      .resource(configMaps)
      .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late', namespace }, data: { k: 'v' } });
    await reaches('wants', isReady);
  });

  test('a second deletion shortens the grace period of the first', async () => {
    await create('slow', { env: [{ name: simIgnoreStop, value: '1' }] }, { terminationGracePeriodSeconds: 600 });
    await reaches('slow', isReady);
    await admin.resource(pods).delete({ namespace, name: 'slow' });
    await admin.resource(pods).delete({ namespace, name: 'slow' }, { gracePeriodSeconds: 1 });
    await eventually(async () => (await get('slow')) === undefined);
  });

  test('a pod that asks for more than the node has is turned away', async () => {
    await create('huge', { resources: { requests: { cpu: '10000' } } });
    const pod = await reaches('huge', ({ status }) => status?.phase === 'Failed');
    assert.equal(pod.status?.reason, 'OutOfcpu');
  });

  test('a restarted agent adopts what runs and restarts what ended meanwhile', async () => {
    await create('kept', {});
    await create('ended', {});
    const before = await reaches('kept', isReady);
    const other = await reaches('ended', isReady);
    await halt();
    const [container] = await runtime.listContainers(other.metadata.uid);
    runtime.exit(container?.id ?? '', 9);
    await start();
    const restarted = await reaches('ended', (pod) => pod.status?.containerStatuses?.[0]?.restartCount === 1);
    assert.equal(restarted.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 9);
    const kept = await get('kept');
    assert.equal(kept?.status?.containerStatuses?.[0]?.containerID, before.status?.containerStatuses?.[0]?.containerID);
    assert.equal(kept?.status?.containerStatuses?.[0]?.restartCount, 0);
  });

  test('the node says so when its runtime goes away', async () => {
    runtime.setAvailable(false);
    await eventually(async () => condition(await node(), 'Ready') === 'False');
    runtime.setAvailable(true);
    await eventually(async () => condition(await node(), 'Ready') === 'True');
  });
});

const exits = (code: number): { name: string; value: string }[] => [
  { name: simExitCode, value: String(code) },
  { name: simExitAfterMs, value: '20' },
];

function condition(node: Node | undefined, type: string): string | undefined {
  return node?.status?.conditions?.find((one) => one.type === type)?.status;
}

async function orAbsent<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('what was waited for did not come true');
}
