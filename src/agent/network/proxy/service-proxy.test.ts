import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endpointSlices, services } from '../../../api/resource-types.ts';
import { silentLogger } from '../../../machinery/logger.ts';
import { MemoryInformer, makeEndpoint, makeService, makeSlice } from '../testing.ts';
import { ServiceProxy } from './service-proxy.ts';

function makeProxy() {
  const scripts: string[] = [];
  const failures: Error[] = [];
  const informers = { services: new MemoryInformer(services), slices: new MemoryInformer(endpointSlices) };
  const proxy = new ServiceProxy({
    ...informers,
    nodeName: 'here',
    podCidr: '10.244.0.0/24',
    serviceCidr: '10.96.0.0/12',
    clusterDnsIp: '10.96.0.10',
    logger: silentLogger,
    apply: async (script) => {
      const failure = failures.pop();
      if (failure !== undefined) throw failure;
      scripts.push(script);
    },
  });
  return { ...informers, proxy, scripts, failures };
}

describe('ServiceProxy', () => {
  test('tells the kernel only what changed', async () => {
    const { proxy, scripts, services: serviceInformer, slices } = makeProxy();
    serviceInformer.set(makeService('a', '10.96.0.20'), makeService('b', '10.96.0.21'));
    slices.set(makeSlice('a', [makeEndpoint('10.244.0.5')]), makeSlice('b', [makeEndpoint('10.244.0.6')]));
    await proxy.start();
    assert.equal(scripts.length, 1);
    slices.set(makeSlice('b', [makeEndpoint('10.244.0.7')]));
    await proxy.settled();
    const delta = scripts[1] ?? '';
    assert.match(delta, /^flush chain ip roadstead_services svc_\w+\nadd rule .*10\.244\.0\.7 \. 8080 \}\n$/);
    proxy.close();
  });

  test('removes a service with everything it had', async () => {
    const { proxy, scripts, services: serviceInformer, slices } = makeProxy();
    serviceInformer.set(makeService('a', '10.96.0.20', { sessionAffinity: 'ClientIP' }));
    slices.set(makeSlice('a', [makeEndpoint('10.244.0.5')]));
    await proxy.start();
    serviceInformer.delete('default/a');
    await proxy.settled();
    const verbs = (scripts[1] ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 2).join(' '));
    assert.deepEqual(verbs, [
      'delete element',
      'flush chain',
      'flush chain',
      'delete chain',
      'delete chain',
      'delete set',
    ]);
    proxy.close();
  });

  test('an address two services claim stays with the first and passes on', async () => {
    const { proxy, scripts, services: serviceInformer, slices } = makeProxy();
    serviceInformer.set(
      makeService('a', '10.96.0.20', { externalIPs: ['192.0.2.7'] }),
      makeService('b', '10.96.0.21', { externalIPs: ['192.0.2.7'] }),
    );
    slices.set(makeSlice('a', [makeEndpoint('10.244.0.5')]), makeSlice('b', [makeEndpoint('10.244.0.6')]));
    await proxy.start();
    assert.equal((scripts[0] ?? '').split('{ 192.0.2.7 . tcp . 80 :').length - 1, 1);
    serviceInformer.delete('default/a');
    await proxy.settled();
    assert.match(scripts.slice(1).join(''), /delete element .*192\.0\.2\.7[\s\S]*add element .*192\.0\.2\.7/);
    proxy.close();
  });

  test('builds the whole table again after a failure', async () => {
    const { proxy, scripts, failures, services: serviceInformer } = makeProxy();
    await proxy.start();
    failures.push(new Error('refused'));
    serviceInformer.set(makeService('a', '10.96.0.20'));
    await proxy.settled();
    assert.match(scripts[1] ?? '', /^add table ip roadstead_services\ndelete table[\s\S]*10\.96\.0\.20/);
    proxy.close();
  });

  test('leaves the address of cluster DNS alone', async () => {
    const { proxy, scripts, services: serviceInformer } = makeProxy();
    serviceInformer.set(makeService('kube-dns', '10.96.0.10'));
    await proxy.start();
    assert.doesNotMatch(scripts.join(''), /element/);
    proxy.close();
  });
});
