import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { fieldErrorMessage } from '../../../machinery/status-error.ts';
import { serviceResource } from './service.ts';
import type { Service, ServiceSpec } from './types.generated.ts';

const { strategy } = serviceResource;
const untyped = (service: Service): UnknownObject => service as unknown as UnknownObject;

function created(spec: ServiceSpec): Service {
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: clone(spec) };
  strategy.applyDefaults(untyped(service));
  strategy.prepareForCreate(untyped(service));
  return service;
}

function updated(old: Service, spec: ServiceSpec): { service: Service; errors: string[] } {
  const service: Service = { ...clone(old), spec: clone(spec) };
  strategy.applyDefaults(untyped(service));
  strategy.prepareForUpdate(untyped(service), untyped(old));
  return { service, errors: texts(strategy.validateUpdate(untyped(service), untyped(old))) };
}

const texts = (errors: ReturnType<typeof strategy.validate>): string[] =>
  errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);
const problemsOf = (spec: ServiceSpec): string[] => texts(strategy.validate(untyped(created(spec))));

test('a service gets what upstream gives it', () => {
  assert.deepEqual(created({ ports: [{ port: 80 }], selector: { app: 'web' } }).spec, {
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    selector: { app: 'web' },
    sessionAffinity: 'None',
    type: 'ClusterIP',
  });
  assert.equal(created({ ports: [{ port: 80 }], type: 'NodePort' }).spec.externalTrafficPolicy, 'Cluster');
  assert.equal(created({ ports: [{ port: 80 }], type: 'LoadBalancer' }).spec.allocateLoadBalancerNodePorts, true);
  const sticky = created({ ports: [{ port: 80 }], sessionAffinity: 'ClientIP' });
  assert.equal(sticky.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds, 10800);
});

const cases: readonly [string, ServiceSpec, readonly string[]][] = [
  ['without ports', {}, ['spec.ports: Required value']],
  ['headless without ports is valid', { clusterIP: 'None' }, []],
  [
    'with two unnamed ports that are the same',
    { ports: [{ port: 80 }, { port: 80 }] },
    [
      'spec.ports[0].name: Required value',
      'spec.ports[1].name: Required value',
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
  ],
  [
    'of an unknown type',
    { type: 'Magic', ports: [{ port: 80 }] },
    [
      'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  ],
  ['by external name without one', { type: 'ExternalName' }, ['spec.externalName: Required value']],
  [
    'with a node port that its type has no use for',
    { ports: [{ port: 80, nodePort: 30080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'with a cluster IP that is none',
    { clusterIP: 'here', ports: [{ port: 80 }] },
    ['spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ],
  [
    'with an affinity that lasts too long',
    {
      ports: [{ port: 80 }],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 90000 } },
    },
    [
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: must be greater than 0 and less than 86400',
    ],
  ],
];

for (const [name, spec, expected] of cases) {
  test(`a service ${name}`, () => {
    assert.deepEqual(problemsOf(spec), expected);
  });
}

test('an update that leaves out what was allocated keeps it', () => {
  const old = created({ ports: [{ port: 80, nodePort: 30080 }], type: 'NodePort', clusterIP: '10.96.0.9' });
  const { service, errors } = updated(old, { ports: [{ port: 80, name: 'http' }], type: 'NodePort' });
  assert.deepEqual(errors, []);
  assert.equal(service.spec.clusterIP, '10.96.0.9');
  assert.deepEqual(service.spec.clusterIPs, ['10.96.0.9']);
  assert.equal(service.spec.ports?.[0]?.nodePort, 30080);
});

test('a cluster IP does not change', () => {
  const old = created({ ports: [{ port: 80 }], clusterIP: '10.96.0.9' });
  const { errors } = updated(old, { ports: [{ port: 80 }], clusterIP: '10.96.0.10' });
  assert.deepEqual(errors, ['spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set']);
});

test('a service that becomes an external name gives its address and node ports back', () => {
  const old = created({ ports: [{ port: 80, nodePort: 30080 }], type: 'NodePort', clusterIP: '10.96.0.9' });
  const { service, errors } = updated(old, { ...old.spec, type: 'ExternalName', externalName: 'example.com' });
  assert.deepEqual(errors, []);
  assert.equal(service.spec.clusterIP, undefined);
  assert.equal(service.spec.ports?.[0]?.nodePort, undefined);
});

test('the cells show addresses and ports as kubectl does', () => {
  const cell = (service: Service, name: string): unknown =>
    serviceResource.columns.find((column) => column.name === name)?.value(untyped(service), 0);
  const balanced = created({ type: 'LoadBalancer', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30080 }] });
  assert.equal(cell(balanced, 'Cluster-IP'), '10.96.0.9');
  assert.equal(cell(balanced, 'External-IP'), '<pending>');
  assert.equal(cell(balanced, 'Port(s)'), '80:30080/TCP');
  assert.equal(cell(created({ clusterIP: 'None' }), 'Port(s)'), '<none>');
});
