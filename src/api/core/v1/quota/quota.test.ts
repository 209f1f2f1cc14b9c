import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UnknownObject } from '../../../../machinery/meta.ts';
import type { Pod, PodSpec } from '../types.generated.ts';
import { formatAmounts } from './amounts.ts';
import { unsaidResources } from './pod-usage.ts';
import { isInScope } from './scopes.ts';
import { quotaUsage, resourceOfQuotaName } from './usage.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

function pod(spec: Partial<PodSpec>, status = {}): Pod & UnknownObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [], ...spec }, status };
}

function usage(resource: string, object: object, group = ''): string {
  return formatAmounts(quotaUsage({ group, resource }, object as UnknownObject, now));
}

const asking = (cpu: string, more = {}) => ({ name: 'c', resources: { requests: { cpu }, limits: { cpu } }, ...more });

test('a pod counts its containers and sidecars, or the largest step before them', () => {
  assert.equal(
    usage('pods', pod({ containers: [asking('1'), asking('500m')] })),
    'count/pods=1,cpu=1500m,limits.cpu=1500m,pods=1,requests.cpu=1500m',
  );
  const sidecar = asking('1', { restartPolicy: 'Always' });
  const withInit = pod({
    containers: [asking('1')],
    initContainers: [sidecar, asking('4')],
    overhead: { cpu: '100m' },
  });
  assert.equal(usage('pods', withInit), 'count/pods=1,cpu=5100m,limits.cpu=5100m,pods=1,requests.cpu=5100m');
  const devices = {
    name: 'c',
    resources: { requests: { 'example.com/gpu': '2' }, limits: { 'example.com/gpu': '2' } },
  };
  assert.equal(usage('pods', pod({ containers: [devices] })), 'count/pods=1,pods=1,requests.example.com/gpu=2');
});

test('a pod that has ended only counts as an object', () => {
  assert.equal(usage('pods', pod({ containers: [asking('1')] }, { phase: 'Succeeded' })), 'count/pods=1');
});

test('services count their ports, claims their sizes and classes', () => {
  const service = (spec: object) => usage('services', { metadata: { name: 's' }, spec });
  const ports = [{ port: 1 }, { port: 2 }];
  assert.equal(
    service({ type: 'ClusterIP', ports }),
    'count/services=1,services=1,services.loadbalancers=0,services.nodeports=0',
  );
  assert.equal(
    service({ type: 'NodePort', ports }),
    'count/services=1,services=1,services.loadbalancers=0,services.nodeports=2',
  );
  assert.equal(
    service({ type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports }),
    'count/services=1,services=1,services.loadbalancers=1,services.nodeports=0',
  );
  const spec = { storageClassName: 'gold', resources: { requests: { storage: '1Gi' } } };
  assert.equal(
    usage('persistentvolumeclaims', { metadata: { name: 'v' }, spec }),
    'count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,' +
      'gold.storageclass.storage.k8s.io/requests.storage=1Gi,persistentvolumeclaims=1,requests.storage=1Gi',
  );
  assert.equal(usage('deployments', { metadata: { name: 'd' } }, 'apps'), 'count/deployments.apps=1');
  assert.equal(usage('secrets', { metadata: { name: 'd' } }), 'count/secrets=1,secrets=1');
});

test('a name in hard says which resource it is about', () => {
  const cases: [string, string][] = [
    ['count/deployments.apps', 'apps/deployments'],
    ['count/roles.rbac.authorization.k8s.io', 'rbac.authorization.k8s.io/roles'],
    ['services.nodeports', '/services'],
    ['requests.storage', '/persistentvolumeclaims'],
    ['gold.storageclass.storage.k8s.io/requests.storage', '/persistentvolumeclaims'],
    ['configmaps', '/configmaps'],
    ['limits.memory', '/pods'],
    ['requests.example.com/gpu', '/pods'],
  ];
  for (const [name, expected] of cases) {
    const { group, resource } = resourceOfQuotaName(name);
    assert.equal(`${group}/${resource}`, expected, name);
  }
});

test('scopes choose pods, and nothing but pods', () => {
  const pods = { group: '', resource: 'pods' };
  const bestEffort = pod({ containers: [{ name: 'c' }], activeDeadlineSeconds: 5, priorityClassName: 'high' });
  const isIn = (...scopes: string[]) => isInScope({ scopes }, pods, bestEffort);
  assert.deepEqual([isIn('BestEffort'), isIn('NotBestEffort')], [true, false]);
  assert.deepEqual(
    [isIn('Terminating'), isIn('NotTerminating'), isIn('BestEffort', 'NotTerminating')],
    [true, false, false],
  );
  const priority = (operator: string, values: string[]) =>
    isInScope(
      { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] } },
      pods,
      bestEffort,
    );
  assert.deepEqual(
    [priority('In', ['high']), priority('NotIn', ['high']), priority('DoesNotExist', [])],
    [true, false, false],
  );
  assert.equal(isInScope({ scopes: ['BestEffort'] }, { group: '', resource: 'services' }, bestEffort), false);
});

test('a pod must say what a quota counts', () => {
  const some = pod({ containers: [asking('1'), { name: 'd' }, { name: 'e' }] });
  assert.equal(
    unsaidResources(some, ['pods', 'limits.cpu', 'requests.memory']),
    'limits.cpu for: d,e; requests.memory for: c,d,e',
  );
  assert.equal(unsaidResources(some, ['pods', 'requests.example.com/gpu']), '');
});
