import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Service } from '../../../api/core/v1/types.generated.ts';
import type { Endpoint } from '../../../api/discovery/v1/types.generated.ts';
import { makeEndpoint, makeService, makeSlice } from '../testing.ts';
import { type ServiceRules, serviceRules } from './rules.ts';
import { servicePortsOf } from './service-port.ts';

function rulesOf(service: Service, endpoints: readonly Endpoint[]): ServiceRules {
  const slices = [makeSlice(service.metadata.name ?? '', endpoints)];
  return serviceRules(servicePortsOf({ service, slices, nodeName: 'here' }), { podCidr: '10.244.0.0/24' });
}

/** Elements with the hash taken out of chain names. */
function elementsOf(rules: ServiceRules): Record<string, string> {
  return Object.fromEntries([...rules.elements].map(([key, verdict]) => [key, verdict.replace(/_[0-9a-f]{12}/, '')]));
}

function chain(rules: ServiceRules, prefix: string): string {
  const found = [...rules.chains].find(([name]) => name.startsWith(prefix));
  return (found?.[1] ?? ['no such chain']).join('; ').replaceAll(/_[0-9a-f]{12}/g, '');
}

const here = makeEndpoint('10.244.0.5');
const there = makeEndpoint('10.244.1.5', { nodeName: 'there' });

describe('service rules', () => {
  test('a cluster IP leads to every ready endpoint', () => {
    const rules = rulesOf(makeService('web', '10.96.0.20'), [
      here,
      there,
      makeEndpoint('10.244.0.9', { conditions: { ready: false } }),
    ]);
    assert.deepEqual(elementsOf(rules), { 'service_ips 10.96.0.20 . tcp . 80': 'goto svc' });
    assert.equal(
      chain(rules, 'svc'),
      'meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.0.5 . 8080, 1 : 10.244.1.5 . 8080 }',
    );
  });

  test('endpoints that serve while they end are used when no other is left', () => {
    const leaving = makeEndpoint('10.244.0.6', { conditions: { ready: false, serving: true, terminating: true } });
    assert.match(chain(rulesOf(makeService('web', '10.96.0.20'), [leaving]), 'svc'), /10\.244\.0\.6/);
    assert.doesNotMatch(chain(rulesOf(makeService('web', '10.96.0.20'), [leaving, here]), 'svc'), /10\.244\.0\.6/);
  });

  test('without endpoints every way in is refused', () => {
    const rules = rulesOf(makeService('web', '10.96.0.20', { type: 'NodePort', externalIPs: ['192.0.2.7'] }), []);
    assert.deepEqual(elementsOf(rules), {
      'refused_ips 10.96.0.20 . tcp . 80': 'goto refuse',
      'refused_ips 192.0.2.7 . tcp . 80': 'goto refuse',
      'refused_node_ports tcp . 30080': 'goto refuse',
    });
    assert.equal(rules.chains.size, 0);
  });

  test('a node port hides the caller, so that the answer comes back this way', () => {
    const rules = rulesOf(makeService('web', '10.96.0.20', { type: 'NodePort' }), [here]);
    assert.equal(elementsOf(rules)['service_node_ports tcp . 30080'], 'goto ext');
    assert.equal(chain(rules, 'ext'), 'jump mark_masquerade; goto svc');
  });

  test('externalTrafficPolicy Local keeps the caller and uses endpoints here', () => {
    const rules = rulesOf(makeService('web', '10.96.0.20', { type: 'NodePort', externalTrafficPolicy: 'Local' }), [
      here,
      there,
    ]);
    assert.match(chain(rules, 'ext'), /goto loc$/);
    assert.match(chain(rules, 'loc'), /map \{ 0 : 10\.244\.0\.5 \. 8080 \}$/);
  });

  test('externalTrafficPolicy Local without endpoints here drops strangers only', () => {
    const rules = rulesOf(makeService('web', '10.96.0.20', { type: 'NodePort', externalTrafficPolicy: 'Local' }), [
      there,
    ]);
    assert.equal(elementsOf(rules)['refused_node_ports tcp . 30080'], 'drop');
    assert.equal(elementsOf(rules)['service_node_ports tcp . 30080'], 'goto ext');
    assert.doesNotMatch(chain(rules, 'ext'), /goto loc/);
  });

  test('internalTrafficPolicy Local never leaves the node', () => {
    const service = makeService('web', '10.96.0.20', { internalTrafficPolicy: 'Local' });
    assert.deepEqual(elementsOf(rulesOf(service, [here, there])), { 'service_ips 10.96.0.20 . tcp . 80': 'goto loc' });
    assert.deepEqual(elementsOf(rulesOf(service, [there])), { 'refused_ips 10.96.0.20 . tcp . 80': 'drop' });
  });

  test('session affinity remembers callers by endpoint', () => {
    const service = makeService('web', '10.96.0.20', {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    });
    const rules = rulesOf(service, [here]);
    assert.match([...rules.sets.values()].join(), /timeout 60s/);
    assert.match(chain(rules, 'svc'), /^ip saddr @aff_60_10_244_0_5_8080 goto ep_60_10_244_0_5_8080; numgen/);
  });

  test('source ranges guard the load balancer only', () => {
    const service = makeService('web', '10.96.0.20', {
      type: 'LoadBalancer',
      loadBalancerSourceRanges: ['192.0.2.0/24'],
    });
    const rules = rulesOf({ ...service, status: { loadBalancer: { ingress: [{ ip: '192.0.2.8' }] } } }, [here]);
    assert.equal(elementsOf(rules)['service_ips 192.0.2.8 . tcp . 80'], 'goto lb');
    assert.equal(chain(rules, 'lb'), 'ip saddr != { 192.0.2.0/24 } drop; goto ext');
  });

  test('headless services have no rules', () => {
    assert.deepEqual(servicePortsOf({ service: makeService('db', 'None'), slices: [], nodeName: 'here' }), []);
  });
});
