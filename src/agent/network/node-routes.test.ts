import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/core/v1/types.generated.ts';
import { planRoutes, wantedRoutes } from './node-routes.ts';

const makeNode = (name: string, podCIDR: string, address?: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { podCIDR },
  status: address === undefined ? {} : { addresses: [{ type: 'InternalIP', address }] },
});

test('every other node with an address and a pod CIDR is routed to', () => {
  const nodes = [
    makeNode('here', '10.244.0.0/24', '192.0.2.1'),
    makeNode('there', '10.244.1.0/24', '192.0.2.2'),
    makeNode('new', '10.244.2.0/24'),
  ];
  assert.deepEqual([...wantedRoutes(nodes, 'here')], [['10.244.1.0/24', '192.0.2.2']]);
});

test('routes of nodes that went are removed, moved ones replaced, others left', () => {
  const wanted = new Map([
    ['10.244.1.0/24', '192.0.2.2'],
    ['10.244.2.0/24', '192.0.2.3'],
  ]);
  const current = new Map([
    ['10.244.1.0/24', '192.0.2.2'],
    ['10.244.2.0/24', '192.0.2.9'],
    ['10.244.3.0/24', '192.0.2.4'],
  ]);
  assert.deepEqual(planRoutes(wanted, current), [
    'route del 10.244.3.0/24 proto 82',
    'route replace 10.244.2.0/24 via 192.0.2.3 proto 82',
  ]);
});
