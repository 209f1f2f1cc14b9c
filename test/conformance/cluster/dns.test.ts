/** The names of Services and pods, as a resolver in a pod finds them. */
import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('dns', prepare);

async function prepare(): Promise<void> {
  const port = { container: { ports: [{ name: 'http', containerPort: 80 }] }, labels: { app: 'named' } };
  const hosted = pod('hosted', sleepForever, {
    ...port,
    spec: { hostname: 'querier', subdomain: 'headless' },
  });
  await suite.create(
    hosted,
    pod('client', sleepForever),
    service('headless', { clusterIP: 'None', selector: { app: 'named' }, ports: [httpPort] }),
    service('normal', { selector: { app: 'named' }, ports: [httpPort] }),
  );
  await suite.ready('hosted', 'client');
}

const httpPort = { name: 'http', port: 80, protocol: 'TCP' };
const service = (name: string, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});

/** Runs in the pod `client`: what a resolver gave, or why it gave nothing. */
async function resolves(record: 'A' | 'CNAME' | 'SRV' | 'PTR', name: string): Promise<unknown> {
  const script = `require('node:dns').promises.resolve('${name}', '${record}').then((found) => console.log(JSON.stringify(found)), (error) => console.log(JSON.stringify(error.code)))`;
  return JSON.parse(await suite.kubectl('exec', 'client', '--', 'node', '-e', script));
}

/** By the libraries of the system: hosts file and search path included. */
const looksUp = async (name: string): Promise<string> => {
  const script = `require('node:dns').lookup('${name}', 4, (error, address) => console.log(error?.code ?? address))`;
  return (await suite.kubectl('exec', 'client', '--', 'node', '-e', script)).trim();
};

const eventuallyResolves = (record: 'A' | 'CNAME', name: string, expected: readonly string[]): Promise<unknown> =>
  eventually(`${record} of ${name} to be ${expected.join()}`, async () => {
    assert.deepEqual(await resolves(record, name), expected);
    return true;
  });

const full = (name: string): string => `${name}.${suite.namespace}.svc.cluster.local`;
const podIP = (name: string): Promise<string> => suite.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.podIP}');
const clusterIP = (name: string): Promise<string> =>
  suite.kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}');

async function resolvesServices(names: (name: string) => readonly string[]): Promise<void> {
  const [address, normal] = [await podIP('hosted'), await clusterIP('normal')];
  await eventuallyResolves('A', full('headless'), [address]);
  for (const name of names('headless')) assert.equal(await looksUp(name), address, name);
  for (const name of names('normal')) assert.equal(await looksUp(name), normal, name);
  assert.deepEqual(await resolves('A', full('normal')), [normal]);
  const [srv] = (await resolves('SRV', `_http._tcp.${full('normal')}`)) as { name: string; port: number }[];
  assert.deepEqual([srv?.name, srv?.port], [full('normal'), 80]);
  const [member] = (await resolves('SRV', `_http._tcp.${full('headless')}`)) as { name: string; port: number }[];
  assert.deepEqual([member?.name, member?.port], [full('querier.headless'), 80]);
}

sideBySide(() => {
  behaviour('DNS, cluster', async () => {
    const own = await podIP('client');
    const hosts = await suite.kubectl('exec', 'client', '--', 'cat', '/etc/hosts');
    assert.match(hosts, new RegExp(`^${own.replaceAll('.', '\\.')}\\s+client$`, 'm'));
    assert.equal(await looksUp('client'), own);
    assert.equal(await looksUp('kubernetes.default'), await clusterIPOfKubernetes());
  });
  behaviour('DNS, cluster (2)', async () => {
    const address = await clusterIPOfKubernetes();
    assert.deepEqual(await resolves('A', 'kubernetes.default.svc.cluster.local'), [address]);
    for (const name of ['kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']) {
      assert.equal(await looksUp(name), address, name);
    }
  });
  behaviour('DNS, services', async () => {
    await resolvesServices((name) => [`${name}.${suite.namespace}.svc`, full(name)]);
    const address = await clusterIP('normal');
    const reverse = `${address.split('.').reverse().join('.')}.in-addr.arpa`;
    assert.deepEqual(await resolves('PTR', reverse), [full('normal')]);
  });
  behaviour('DNS, PQDN for services', () =>
    resolvesServices((name) => [name, `${name}.${suite.namespace}`, `${name}.${suite.namespace}.svc`]),
  );
  behaviour('DNS, resolve the hostname', async () => {
    const name = full('querier.headless');
    await eventuallyResolves('A', name, [await podIP('hosted')]);
    const said = await suite.kubectl('exec', 'hosted', '--', 'sh', '-c', 'hostname; hostname -f');
    assert.equal(said, `querier\n${name}\n`);
    assert.equal(await looksUp('querier.headless'), await podIP('hosted'));
  });
  behaviour('DNS, resolve the subdomain', async () => {
    const address = await podIP('hosted');
    await eventuallyResolves('A', full('headless'), [address]);
    const hosts = await suite.kubectl('exec', 'hosted', '--', 'cat', '/etc/hosts');
    assert.match(hosts, new RegExp(`^${address}\\s+${full('querier.headless')}\\s+querier$`, 'm'));
  });
  behaviour('DNS, for ExternalName Services', async () => {
    await suite.create(service('elsewhere', { type: 'ExternalName', externalName: 'foo.example.com' }));
    await eventuallyResolves('CNAME', full('elsewhere'), ['foo.example.com']);
    const path = `${suite.core}/services/elsewhere`;
    await suite.api.patch(path, { spec: { externalName: 'bar.example.com' } });
    await eventuallyResolves('CNAME', full('elsewhere'), ['bar.example.com']);
    await suite.api.patch(path, { spec: { type: 'ClusterIP', externalName: null, ports: [httpPort] } });
    await eventuallyResolves('A', full('elsewhere'), [await clusterIP('elsewhere')]);
  });
  behaviour('DNS, custom dnsConfig', async () => {
    const printed = await suite.outputOf('custom', 'cat /etc/resolv.conf', {
      spec: { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['resolv.conf.local'] } },
    });
    assert.match(printed, /^nameserver 1\.1\.1\.1$/m);
    assert.match(printed, /^search resolv\.conf\.local$/m);
    assert.doesNotMatch(printed, /10\.96\.0\.10|cluster\.local/);
  });
});

function clusterIPOfKubernetes(): Promise<string> {
  return suite.kubectl('get', 'service', 'kubernetes', '--namespace=default', '-o', 'jsonpath={.spec.clusterIP}');
}
