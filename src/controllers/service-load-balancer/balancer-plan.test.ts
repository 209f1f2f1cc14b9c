import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node, Service } from '../../api/core/v1/types.generated.ts';
import { balancerAddresses, isBalanced, takenPort } from './balancer-plan.ts';

function service(name: string, port: number, created: string, spec: Partial<Service['spec']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, uid: name, creationTimestamp: created },
    spec: { type: 'LoadBalancer', ports: [{ port }], ...spec },
  };
}

function node(address: string, ready: string, labels: Record<string, string> = {}): Node {
  const status = { addresses: [{ type: 'InternalIP', address }], conditions: [{ type: 'Ready', status: ready }] };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: address, labels }, spec: {}, status };
}

describe('load balancer of the nodes', () => {
  it('answers on nodes that are ready and not excluded', () => {
    const excluded = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    const nodes = [
      node('10.0.0.2', 'True'),
      node('10.0.0.1', 'True'),
      node('10.0.0.3', 'False'),
      node('10.0.0.4', 'True', excluded),
    ];
    assert.deepEqual(balancerAddresses(nodes), ['10.0.0.1', '10.0.0.2']);
  });

  it('leaves services of another class alone', () => {
    assert.equal(isBalanced(service('a', 80, '1')), true);
    assert.equal(isBalanced(service('a', 80, '1', { loadBalancerClass: 'cloud' })), false);
  });

  it('gives a port to the service that came first, and none that the API server needs', () => {
    const [first, second] = [service('a', 80, '1'), service('b', 80, '2')];
    assert.equal(takenPort(first, [first, second], new Set()), undefined);
    assert.equal(takenPort(second, [first, second], new Set()), 'TCP/80');
    assert.equal(takenPort(service('c', 6443, '3'), [], new Set(['TCP/6443'])), 'TCP/6443');
  });
});
