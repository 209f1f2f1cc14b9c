import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod, Service, ServiceSpec } from '../../api/core/v1/types.generated.ts';
import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import { planSlices } from './slice-plan.ts';

function service(spec: Partial<ServiceSpec> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', uid: 'service', labels: { team: 'a' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
  };
}

function pod(number: number, change: (pod: Pod) => void = () => undefined): Pod {
  const made: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `web-${number}`, namespace: 'default', uid: `pod-${number}` },
    spec: { nodeName: 'n1', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: {
      phase: 'Running',
      podIP: `10.0.${Math.floor(number / 250)}.${number % 250}`,
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
  change(made);
  return made;
}

function plan(of: Service, pods: Pod[], slices: EndpointSlice[] = []) {
  return planSlices({
    service: of,
    pods,
    addressType: 'IPv4',
    slices,
    zoneOf: (node) => (node === 'n1' ? 'z1' : undefined),
  });
}

/** A created slice as the server hands it back. */
function stored(slice: EndpointSlice | undefined, name: string): EndpointSlice {
  assert.ok(slice);
  return { ...slice, metadata: { ...slice.metadata, name } };
}

describe('endpoint slices', () => {
  it('name the ready pods with ports by number', () => {
    const { create } = plan(service(), [pod(1)]);
    assert.deepEqual(create[0]?.ports, [{ name: 'http', protocol: 'TCP', port: 8080 }]);
    assert.deepEqual(create[0]?.endpoints, [
      {
        addresses: ['10.0.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'n1',
        targetRef: { kind: 'Pod', namespace: 'default', name: 'web-1', uid: 'pod-1' },
        zone: 'z1',
      },
    ]);
    assert.deepEqual(create[0]?.metadata.labels, {
      team: 'a',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
  });

  const conditionCases: [
    what: string,
    spec: Partial<ServiceSpec>,
    change: (pod: Pod) => void,
    conditions: object | undefined,
  ][] = [
    [
      'not ready',
      {},
      (p) => Object.assign(p.status ?? {}, { conditions: [] }),
      { ready: false, serving: false, terminating: false },
    ],
    [
      'ready and stopping',
      {},
      (p) => Object.assign(p.metadata, { deletionTimestamp: 'x' }),
      { ready: false, serving: true, terminating: true },
    ],
    [
      'not ready but published',
      { publishNotReadyAddresses: true },
      (p) => Object.assign(p.status ?? {}, { conditions: [] }),
      { ready: true, serving: false, terminating: false },
    ],
    ['finished', {}, (p) => Object.assign(p.status ?? {}, { phase: 'Succeeded' }), undefined],
    ['without an address', {}, (p) => Object.assign(p.status ?? {}, { podIP: '' }), undefined],
  ];
  for (const [what, spec, change, conditions] of conditionCases) {
    it(`say of a pod that is ${what}: ${JSON.stringify(conditions) ?? 'nothing'}`, () => {
      assert.deepEqual(plan(service(spec), [pod(1, change)]).create[0]?.endpoints?.[0]?.conditions, conditions);
    });
  }

  it('hold at most a hundred endpoints each', () => {
    const pods = Array.from({ length: 250 }, (_, number) => pod(number + 1));
    const { create } = plan(service(), pods);
    assert.deepEqual(
      create.map(({ endpoints }) => endpoints?.length),
      [100, 100, 50],
    );
  });

  it('are apart where a named port has different numbers', () => {
    const other = pod(2, ({ spec }) => Object.assign(spec?.containers[0]?.ports?.[0] ?? {}, { containerPort: 9090 }));
    const { create } = plan(service(), [pod(1), other]);
    assert.deepEqual(create.map(({ ports }) => ports?.[0]?.port).sort(), [8080, 9090]);
  });

  it('stay untouched when nothing changed', () => {
    const present = stored(plan(service(), [pod(1)]).create[0], 'web-a');
    assert.deepEqual(plan(service(), [pod(1)], [present]), { create: [], update: [], remove: [] });
  });

  it('keep their endpoints in place when one goes and one comes', () => {
    const present = stored(plan(service(), [pod(1), pod(2)]).create[0], 'web-a');
    const { create, update, remove } = plan(service(), [pod(2), pod(3)], [present]);
    assert.deepEqual([create, remove], [[], []]);
    assert.deepEqual(
      update[0]?.endpoints?.map(({ addresses }) => addresses[0]),
      ['10.0.0.2', '10.0.0.3'],
    );
  });

  it('are one empty slice for a service without pods, made once', () => {
    const { create } = plan(service(), []);
    assert.deepEqual(
      create.map(({ endpoints, ports }) => [endpoints, ports]),
      [[[], []]],
    );
    const present = stored(create[0], 'web-a');
    assert.deepEqual(plan(service(), [], [present]), { create: [], update: [], remove: [] });
  });

  it('carry host names of pods in the service subdomain', () => {
    const named = pod(1, ({ spec }) => Object.assign(spec ?? {}, { hostname: 'db-0', subdomain: 'web' }));
    const slice = plan(service({ clusterIP: 'None' }), [named]).create[0];
    assert.equal(slice?.endpoints?.[0]?.hostname, 'db-0');
    assert.equal(slice?.metadata.labels?.['service.kubernetes.io/headless'], '');
  });
});
