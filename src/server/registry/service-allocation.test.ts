import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UnknownObject } from '../../machinery/meta.ts';
import { ServiceAllocation } from './service-allocation.ts';

const nodePort = 30_023;

function service(name: string): UnknownObject {
  const spec = { type: 'NodePort', ports: [{ port: 80, protocol: 'TCP', nodePort }] };
  return { kind: 'Service', apiVersion: 'v1', metadata: { name, namespace: 'default' }, spec } as UnknownObject;
}

function allocation(): ServiceAllocation {
  return new ServiceAllocation({ serviceCidr: '10.96.0.0/24', nodePortRange: { from: 30_000, to: 30_100 } });
}

test('a dry run takes nothing', () => {
  const services = allocation();
  services.beforeCreate(service('a'), true);
  services.beforeCreate(service('b'), false);
});

test('a dry run that fails late does not give away what a write of the same service took since', () => {
  const services = allocation();
  const dry = services.beforeCreate(service('a'), true);
  services.beforeCreate(service('a'), false);
  dry.release();
  assert.throws(() => services.beforeCreate(service('b'), false), /provided port is already allocated/);
});

test('a write that fails gives back what it took', () => {
  const services = allocation();
  services.beforeCreate(service('a'), false).release();
  services.beforeCreate(service('b'), false);
});
