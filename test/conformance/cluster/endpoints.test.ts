import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { eventually } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('endpoints');
const slicesPath = (): string => `/apis/discovery.k8s.io/v1/namespaces/${suite.namespace}/endpointslices`;

const service = (name: string, ports: readonly object[], selector?: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports, ...(selector === undefined ? {} : { selector }) },
});

const slicesOf = (name: string): Promise<UnknownObject[]> =>
  suite.api.items(`${slicesPath()}?labelSelector=kubernetes.io%2Fservice-name%3D${name}`);

async function endpointsOf(name: string): Promise<UnknownObject | undefined> {
  const { status, text } = await suite.api.send('GET', `${suite.core}/endpoints/${name}`);
  return status === 200 ? (JSON.parse(text) as UnknownObject) : undefined;
}

/** Both kinds come with a Service that selects nothing, and go with it. */
async function comesAndGoes(name: string): Promise<void> {
  await suite.create(service(name, [{ port: 80 }], { app: 'does-not-match-anything' }));
  await eventually('an empty slice', async () => {
    const [slice] = await slicesOf(name);
    return slice !== undefined && ((slice['endpoints'] ?? []) as unknown[]).length === 0;
  });
  const found = await eventually('empty Endpoints', () => endpointsOf(name));
  assert.equal(found['subsets'], undefined);
  await suite.kubectl('delete', 'service', name);
  await eventually('both are gone', async () => {
    return (await slicesOf(name)).length === 0 && (await endpointsOf(name)) === undefined;
  });
}

behaviour('EndpointSlice, "empty" Service', () => comesAndGoes('empty-slices'));
behaviour('Endpoints, "empty" Service', () => comesAndGoes('empty-endpoints'));

/** A service with two pods that have different ports under one name. */
async function matched(name: string): Promise<Map<string, string>> {
  const container = (port: number): Record<string, unknown> => ({
    ports: [{ name: 'example-name', containerPort: port }],
  });
  await suite.create(
    pod(`${name}-1`, sleepForever, { labels: { app: name }, container: container(3000) }),
    pod(`${name}-2`, sleepForever, { labels: { app: name }, container: container(3001) }),
    service(name, [{ name: 'example', port: 80, targetPort: 'example-name' }], { app: name }),
  );
  await suite.ready(`${name}-1`, `${name}-2`);
  const pods = await suite.api.items(`${suite.core}/pods?labelSelector=app%3D${name}`);
  return new Map(pods.map((one) => [one.metadata.name ?? '', String(at(one, 'status.podIP'))]));
}

behaviour('EndpointSlice, creation/deletion', async () => {
  const addresses = await matched('slices');
  await eventually('a ready endpoint for each pod, by its port', async () => {
    const found = (await slicesOf('slices')).flatMap((slice) =>
      ((slice['endpoints'] ?? []) as object[]).map((endpoint) => [
        at(endpoint, 'targetRef.name'),
        at(endpoint, 'addresses.0'),
        at(endpoint, 'conditions.ready'),
        at(slice, 'ports.0.port'),
      ]),
    );
    assert.deepEqual(found.sort(), [
      ['slices-1', addresses.get('slices-1'), true, 3000],
      ['slices-2', addresses.get('slices-2'), true, 3001],
    ]);
    return true;
  });
  await suite.kubectl('delete', 'service', 'slices');
  await eventually('the slices are gone', async () => (await slicesOf('slices')).length === 0);
});

behaviour('Endpoints, creation/deletion', async () => {
  const addresses = await matched('subsets');
  await eventually('an address for each pod, by its port', async () => {
    const subsets = ((await endpointsOf('subsets'))?.['subsets'] ?? []) as object[];
    const found = subsets.map((subset) => [at(subset, 'addresses.0.ip'), at(subset, 'ports.0.port')]);
    assert.deepEqual(
      new Map(found as [string, number][]),
      new Map([
        [addresses.get('subsets-1') ?? '', 3000],
        [addresses.get('subsets-2') ?? '', 3001],
      ]),
    );
    return true;
  });
  await suite.kubectl('delete', 'service', 'subsets');
  await eventually('the Endpoints are gone', async () => (await endpointsOf('subsets')) === undefined);
});

const answering = (ports: readonly number[]): string =>
  `for (const port of ${JSON.stringify(ports)}) require('node:http').createServer((q, s) => s.end(process.env.HOSTNAME + ' ' + port)).listen(port); process.on('SIGTERM', () => process.exit());`;

const slice = (name: string, of: string, address: string, ports: readonly object[]): object => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name,
    labels: { 'kubernetes.io/service-name': of, 'endpointslice.kubernetes.io/managed-by': 'conformance-test' },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: [address], conditions: { ready: true } }],
  ports,
});

async function serverPods(names: readonly string[]): Promise<string[]> {
  const command = ['node', '-e', answering([9090, 9091])];
  await suite.create(...names.map((name) => pod(name, '', { container: { command } })));
  await suite.ready(...names);
  return Promise.all(names.map((name) => suite.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.podIP}')));
}

async function answers(name: string, port: number): Promise<string> {
  const address = await suite.kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');
  return eventually(`an answer of ${name}:${port}`, async () => {
    const answer = await fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(2000) });
    return answer.text();
  });
}

const portsOfService = [
  { name: 'portone', port: 8080, protocol: 'TCP' },
  { name: 'porttwo', port: 8081, protocol: 'TCP' },
];

behaviour('EndpointSlice, single IP, multiple ports', async () => {
  const [address = ''] = await serverPods(['single']);
  await suite.create(
    service('single', portsOfService),
    slice('single-1', 'single', address, [{ name: 'portone', port: 9090, protocol: 'TCP' }]),
    slice('single-2', 'single', address, [{ name: 'porttwo', port: 9091, protocol: 'TCP' }]),
  );
  assert.equal(await answers('single', 8080), 'single 9090');
  assert.equal(await answers('single', 8081), 'single 9091');
});

behaviour('EndpointSlice, multiple IPs, multiple ports', async () => {
  const [one = '', two = ''] = await serverPods(['multiple-1', 'multiple-2']);
  await suite.create(
    service('multiple', portsOfService),
    slice('multiple-1', 'multiple', one, [{ name: 'portone', port: 9090, protocol: 'TCP' }]),
    slice('multiple-2', 'multiple', two, [{ name: 'porttwo', port: 9091, protocol: 'TCP' }]),
  );
  assert.equal(await answers('multiple', 8080), 'multiple-1 9090');
  assert.equal(await answers('multiple', 8081), 'multiple-2 9091');
});
