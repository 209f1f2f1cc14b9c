/** Services as clients see them: their types, session affinity, protocols, and the pods behind them. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { eventually } from '../../e2e/kubectl.ts';
import { deployment, pod, sleepForever } from '../../e2e/manifests.ts';
import { at } from '../api.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('services', prepare);

/** Tells its host name by HTTP and by UDP. */
const serverScript =
  "const name = require('node:os').hostname(); require('node:http').createServer((q, s) => s.end(name)).listen(8080); " +
  "const udp = require('node:dgram').createSocket('udp4'); udp.on('message', (m, from) => udp.send(name, from.port, " +
  "from.address)); udp.bind(8080); process.on('SIGTERM', () => process.exit());";
const serving = {
  command: ['node', '-e', serverScript],
  readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
};

let node = '';
async function prepare(): Promise<void> {
  await suite.create(deployment('web', { replicas: 3, container: serving }), pod('client', sleepForever));
  await suite.ready('client');
  await suite.kubectl('rollout', 'status', 'deployment/web', '--timeout=90s');
  node = await suite.kubectl('get', 'pod', 'client', '-o', 'jsonpath={.status.hostIP}');
}

interface ServiceSpec {
  readonly [field: string]: unknown;
}
const port80 = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];
const toWeb: ServiceSpec = { selector: { app: 'web' }, ports: port80 };
const service = (name: string, spec: ServiceSpec): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});
const pathOf = (name: string): string => `${suite.core}/services/${name}`;
const specOf = async (name: string): Promise<Record<string, unknown>> =>
  (await suite.api.get(pathOf(name)))['spec'] as Record<string, unknown>;
const change = (name: string, spec: ServiceSpec): Promise<unknown> => suite.api.patch(pathOf(name), { spec });
const clusterIPOf = async (name: string): Promise<string> => String((await specOf(name))['clusterIP']);
const nodePortOf = async (name: string): Promise<number> => Number(at(await specOf(name), 'ports.0.nodePort'));
const inClient = (shell: string): Promise<string> => suite.kubectl('exec', 'client', '--', 'sh', '-c', shell);

/** From the pod `client`: who answered each of some requests. */
async function answerers(host: string, count = 1): Promise<string[]> {
  const printed = await inClient(`for i in $(seq ${count}); do wget -qO- http://${host}/ || exit 1; echo; done`);
  return printed.trim().split('\n');
}

async function reaches(host: string): Promise<void> {
  await eventually(`an answer of ${host}`, async () => (await answerers(host))[0]?.startsWith('web-'));
}

async function reachesNodePort(name: string): Promise<void> {
  const port = await nodePortOf(name);
  assert.ok(port >= 30_000 && port <= 32_767, `node port ${port}`);
  await reaches(`${node}:${port}`);
}

/** One datagram from this node; who answered, or nothing within a second. */
async function askByUdp(address: string, port: number): Promise<string | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect');
    socket.send('who');
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(1000) })) as [Buffer];
    return answer.toString();
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

const addressesOfWeb = async (): Promise<string[]> =>
  (await suite.api.items(`${suite.core}/pods?labelSelector=app%3Dweb`)).map((one) => String(at(one, 'status.podIP')));

async function affinity(name: string, type: 'ClusterIP' | 'NodePort', steps: readonly string[]): Promise<void> {
  await suite.create(service(name, { ...toWeb, type, sessionAffinity: steps[0] }));
  const host = type === 'ClusterIP' ? await clusterIPOf(name) : `${node}:${await nodePortOf(name)}`;
  await reaches(host);
  for (const step of steps) {
    await change(name, { sessionAffinity: step });
    await eventually(`${step} in effect`, async () => {
      const seen = new Set(await answerers(host, 20)).size;
      return step === 'ClientIP' ? seen === 1 : seen > 1;
    });
  }
  await reaches(name);
}

const external = (): ServiceSpec => ({
  type: 'ExternalName',
  externalName: `target.${suite.namespace}.svc.cluster.local`,
});

async function toExternalName(name: string, type: 'ClusterIP' | 'NodePort'): Promise<void> {
  await suite.create(service(name, { ...toWeb, type }), service(`${name}-target`, toWeb));
  await reaches(name);
  await change(name, {
    type: 'ExternalName',
    externalName: `${name}-target.${suite.namespace}.svc.cluster.local`,
    clusterIP: null,
    clusterIPs: null,
    ...(type === 'NodePort' ? { ports: null } : {}),
  });
  assert.equal((await specOf(name))['clusterIP'], undefined);
  assert.equal(at(await specOf(name), 'ports.0.nodePort'), undefined);
  const target = await clusterIPOf(`${name}-target`);
  await eventually('the other name', async () =>
    (await inClient(`nslookup ${name}.${suite.namespace}.svc.cluster.local`)).includes(target),
  );
}

async function fromExternalName(name: string, type: 'ClusterIP' | 'NodePort'): Promise<void> {
  await suite.create(service(name, external()));
  assert.equal((await specOf(name))['clusterIP'], undefined);
  await change(name, { ...toWeb, type, externalName: null });
  assert.match(await clusterIPOf(name), /^\d+\.\d+\.\d+\.\d+$/);
  await reaches(name);
  await reaches(await clusterIPOf(name));
  if (type === 'NodePort') await reachesNodePort(name);
}

sideBySide(() => {
  behaviour('Service, NodePort Service', async () => {
    await suite.create(service('node-port', { ...toWeb, type: 'NodePort' }));
    await reaches('node-port');
    await reaches(await clusterIPOf('node-port'));
    await reachesNodePort('node-port');
  });

  behaviour('Service, change type, ExternalName to ClusterIP', () => fromExternalName('external-cluster', 'ClusterIP'));
  behaviour('Service, change type, ExternalName to NodePort', () => fromExternalName('external-node', 'NodePort'));
  behaviour('Service, change type, ClusterIP to ExternalName', () => toExternalName('cluster-external', 'ClusterIP'));
  behaviour('Service, change type, NodePort to ExternalName', () => toExternalName('node-external', 'NodePort'));

  behaviour('Service, ClusterIP type, session affinity to ClientIP', () =>
    affinity('sticky', 'ClusterIP', ['ClientIP']),
  );
  behaviour('Service, NodePort type, session affinity to ClientIP', () =>
    affinity('sticky-node', 'NodePort', ['ClientIP']),
  );
  behaviour('Service, ClusterIP type, session affinity to None', () =>
    affinity('switched', 'ClusterIP', ['ClientIP', 'None', 'ClientIP', 'None']),
  );
  behaviour('Service, NodePort type, session affinity to None', () =>
    affinity('switched-node', 'NodePort', ['ClientIP', 'None', 'ClientIP', 'None']),
  );

  behaviour('Service, should serve endpoints on same port and different protocols.', async () => {
    const tcp = { name: 'tcp', port: 80, targetPort: 8080, protocol: 'TCP' };
    const udp = { name: 'udp', port: 80, targetPort: 8080, protocol: 'UDP' };
    await suite.create(service('both', { ...toWeb, ports: [tcp, udp] }));
    const address = await clusterIPOf('both');
    const answers = async (): Promise<readonly [boolean, boolean]> => [
      await fetch(`http://${address}/`, { signal: AbortSignal.timeout(1000), headers: { connection: 'close' } }).then(
        (answer) => answer.ok,
        () => false,
      ),
      (await askByUdp(address, 80)) !== undefined,
    ];
    const eventuallyAnswers = (what: string, expected: readonly boolean[]): Promise<unknown> =>
      eventually(what, async () => {
        const [byTcp, byUdp] = await answers();
        return byTcp === expected[0] && byUdp === expected[1];
      });
    await eventuallyAnswers('both protocols', [true, true]);
    await change('both', { ports: [tcp] });
    await eventuallyAnswers('TCP alone', [true, false]);
    await change('both', { ports: [udp] });
    await eventuallyAnswers('UDP alone', [false, true]);
  });

  /** Pods come to the ports of a Service and go again; its Endpoints follow and it answers. */
  async function endpointsFollow(
    name: string,
    ports: readonly { port: number; containerPort: number }[],
  ): Promise<void> {
    const listed = async (): Promise<string[]> => {
      const { status, text } = await suite.api.send('GET', `${suite.core}/endpoints/${name}`);
      if (status !== 200) return [];
      const subsets = ((JSON.parse(text) as Record<string, unknown>)['subsets'] ?? []) as {
        addresses?: { targetRef: { name: string } }[];
        ports: { port: number }[];
      }[];
      return subsets
        .flatMap((subset) =>
          (subset.addresses ?? []).flatMap(({ targetRef }) =>
            subset.ports.map((one) => `${targetRef.name}:${one.port}`),
          ),
        )
        .sort();
    };
    const eventuallyLists = (...expected: string[]): Promise<unknown> =>
      eventually(`the endpoints ${expected.join()}`, async () => (await listed()).join() === expected.join());
    await suite.create(
      service(name, {
        selector: { app: name },
        ports: ports.map(({ port }, index) => ({ name: `port-${index}`, port, targetPort: `target-${index}` })),
      }),
    );
    await eventuallyLists();
    const member = (index: number, port: number): string =>
      pod(`${name}-${index}`, '', {
        labels: { app: name },
        container: {
          command: ['node', '-e', serverScript.replaceAll('8080', String(ports[port]?.containerPort))],
          ports: [{ name: `target-${port}`, containerPort: ports[port]?.containerPort }],
        },
      });
    const second = ports.length - 1;
    await suite.create(member(1, 0));
    await eventuallyLists(`${name}-1:${ports[0]?.containerPort}`);
    await suite.create(member(2, second));
    await eventuallyLists(`${name}-1:${ports[0]?.containerPort}`, `${name}-2:${ports[second]?.containerPort}`);
    for (const { port } of ports) {
      await eventually(`an answer at ${port}`, async () => (await answerers(`${name}:${port}`))[0]?.startsWith(name));
    }
    await suite.kubectl('delete', 'pod', `${name}-1`);
    await eventuallyLists(`${name}-2:${ports[second]?.containerPort}`);
    await suite.kubectl('delete', 'pod', `${name}-2`);
    await eventuallyLists();
  }

  behaviour('Service, endpoints', () => endpointsFollow('one-port', [{ port: 80, containerPort: 8080 }]));
  behaviour('Service, endpoints with multiple ports', () =>
    endpointsFollow('two-ports', [
      { port: 80, containerPort: 8080 },
      { port: 81, containerPort: 8081 },
    ]),
  );

  behaviour('Networking, intra pod http', async () => {
    for (const address of await addressesOfWeb()) await reaches(`${address}:8080`);
  });
  behaviour('Networking, intra pod udp', async () => {
    for (const address of await addressesOfWeb()) {
      const script = `const s = require('node:dgram').createSocket('udp4'); s.on('message', (m) => { console.log(String(m)); process.exit(); }); s.send('who', 8080, '${address}'); setTimeout(() => process.exit(7), 2000);`;
      await eventually(`an answer of ${address}`, async () =>
        (await suite.kubectl('exec', 'client', '--', 'node', '-e', script)).startsWith('web-'),
      );
    }
  });
  behaviour('Networking, intra pod http, from node', async () => {
    for (const address of await addressesOfWeb()) {
      const answer = await fetch(`http://${address}:8080/`, { signal: AbortSignal.timeout(5000) });
      assert.match(await answer.text(), /^web-/);
    }
  });
  behaviour('Networking, intra pod http, from node (2)', async () => {
    for (const address of await addressesOfWeb()) {
      await eventually(`an answer of ${address}`, async () => (await askByUdp(address, 8080))?.startsWith('web-'));
    }
  });
});

behaviour('Service endpoint latency, thresholds', async () => {
  const waits: number[] = [];
  const path = `${suite.core}/endpoints`;
  const one = async (index: number): Promise<void> => {
    const name = `latency-${index}`;
    const began = performance.now();
    await suite.api.create(`${suite.core}/services`, service(name, toWeb));
    await eventually('the endpoints', async () => {
      const { status, text } = await suite.api.send('GET', `${path}/${name}`);
      return status === 200 && text.includes('"addresses"');
    });
    waits.push(performance.now() - began);
    await suite.api.delete(pathOf(name));
  };
  for (let batch = 0; batch < 100; batch += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, index) => one(batch + index)));
  }
  waits.sort((a, b) => a - b);
  assert.ok((waits[50] ?? 0) < 20_000 && (waits[90] ?? 0) < 50_000, `${waits[50]} ms, ${waits[90]} ms`);
});
