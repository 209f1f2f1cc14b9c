import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';
import { pod, sleepForever } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let address = '';
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (object: object): Promise<string> =>
  kubectl(inNamespace('apply', '-f', '-'), { input: JSON.stringify(object) });

const server = `node -e "require('http').createServer((q, s) => s.end('hello')).listen(8080)" & ${sleepForever}`;

async function ask(url: string): Promise<string> {
  const script = `fetch('${url}', { signal: AbortSignal.timeout(1000) }).then((r) => r.text()).then((t) => console.log(t), () => process.exit(7))`;
  return kubectl(inNamespace('exec', 'server', '--', 'node', '-e', script));
}

before(async () => {
  namespace = await createNamespace('backends');
  await kubectl(inNamespace('create', '-f', '-'), { input: pod('server', server) });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/server', '--timeout=60s'));
  address = (await kubectl(inNamespace('get', 'pod', 'server', '-o', 'jsonpath={.status.podIP}'))).trim();
});
after(() => namespace.remove());

test('a load balancer answers at its own port on the node', async () => {
  await kubectl(
    inNamespace(
      'expose',
      'pod',
      'server',
      '--name=balanced',
      '--port=8099',
      '--target-port=8080',
      '--type=LoadBalancer',
    ),
  );
  const ip = await eventually('an address', async () => {
    const { status } = await kubectlJson<{ status: { loadBalancer: { ingress?: { ip: string }[] } } }>(
      inNamespace('get', 'service', 'balanced'),
    );
    return status.loadBalancer.ingress?.[0]?.ip;
  });
  assert.match(
    await kubectl(inNamespace('get', 'service', 'balanced')),
    new RegExp(`balanced +LoadBalancer +\\S+ +${ip} +8099:\\d+/TCP`),
  );
  await eventually('an answer', async () => (await (await fetch(`http://${ip}:8099/`)).text()) === 'hello');

  // A second one cannot have the same port, and says so.
  await kubectl(
    inNamespace('expose', 'pod', 'server', '--name=second', '--port=8099', '--target-port=8080', '--type=LoadBalancer'),
  );
  await eventually('the Event', async () =>
    /port TCP\/8099 of the nodes is taken/.test(await kubectl(inNamespace('describe', 'service', 'second'))),
  );
  await kubectl(inNamespace('delete', 'service', 'balanced'));
  await eventually('the port to pass on', async () => {
    const { status } = await kubectlJson<{ status: { loadBalancer: { ingress?: object[] } } }>(
      inNamespace('get', 'service', 'second'),
    );
    return status.loadBalancer.ingress !== undefined;
  });
});

test('endpoints written by hand are served through slices that follow them', async () => {
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'manual' },
    spec: { ports: [{ port: 80, targetPort: 8080 }] },
  });
  const endpoints = (ip: string): object => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'manual' },
    subsets: [{ addresses: [{ ip }], ports: [{ port: 8080 }] }],
  });
  await apply(endpoints(address));
  const slices = async (): Promise<{ endpoints: { addresses: string[] }[] }[]> =>
    (
      await kubectlJson<{ items: { endpoints: { addresses: string[] }[] }[] }>(
        inNamespace(
          'get',
          'endpointslices',
          '-l',
          'endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io',
        ),
      )
    ).items;
  await eventually('the slice', async () => (await slices())[0]?.endpoints[0]?.addresses[0] === address);
  await eventually('an answer', async () => (await ask('http://manual/')) === 'hello\n');
  await apply(endpoints('192.0.2.77'));
  await eventually('the change', async () => (await slices())[0]?.endpoints[0]?.addresses[0] === '192.0.2.77');
  await kubectl(inNamespace('delete', 'endpoints', 'manual'));
  await eventually('no slice', async () => (await slices()).length === 0);
});

test('every cluster address is an object that names its service', async () => {
  const { spec } = await kubectlJson<{ spec: { clusterIP: string } }>(inNamespace('get', 'service', 'manual'));
  await eventually('the address', async () =>
    new RegExp(`${spec.clusterIP} +services/${namespace.name}/manual`).test(await kubectl(['get', 'ipaddresses'])),
  );
  await kubectl(inNamespace('delete', 'service', 'manual'));
  await eventually('its end', async () => !(await kubectl(['get', 'ipaddresses'])).includes(`${spec.clusterIP} `));
});
