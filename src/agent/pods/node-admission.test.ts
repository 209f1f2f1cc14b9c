import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node, Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import { admitPod } from './node-admission.ts';

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', labels: { disk: 'ssd' } },
  spec: {},
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3' } },
};

const pod = (spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns' },
  spec: { containers: [{ name: 'c' }], ...spec },
});
const asking = (cpu: string): Partial<PodSpec> => ({ containers: [{ name: 'c', resources: { requests: { cpu } } }] });
const port = (hostPort: number, hostIP = ''): Partial<PodSpec> => ({
  containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, hostIP }] }],
});
const sysctl = (name: string): Partial<PodSpec> => ({ securityContext: { sysctls: [{ name, value: '1' }] } });
const affinity = (operator: string, values: string[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator, values }] }],
      },
    },
  },
});

const cases: [string, Partial<PodSpec>, Partial<PodSpec>[], string | undefined][] = [
  ['what fits', asking('1'), [asking('1')], undefined],
  ['more than is left', asking('1500m'), [asking('600m')], 'OutOfcpu'],
  ['one pod too many', {}, [{}, {}, {}], 'OutOfpods'],
  ['a sysctl of the pod alone', sysctl('net.ipv4.ip_local_port_range'), [], undefined],
  ['a sysctl of the whole machine', sysctl('vm.swappiness'), [], 'SysctlForbidden'],
  ['a sysctl of the host network', { ...sysctl('net/ipv4/tcp_rmem'), hostNetwork: true }, [], 'SysctlForbidden'],
  ['a selector that matches', { nodeSelector: { disk: 'ssd' } }, [], undefined],
  ['a selector that does not', { nodeSelector: { disk: 'hdd' } }, [], 'NodeAffinity'],
  ['an affinity that matches', affinity('In', ['ssd', 'nvme']), [], undefined],
  ['an affinity that does not', affinity('NotIn', ['ssd']), [], 'NodeAffinity'],
  ['a host port in use', port(80), [port(80, '10.0.0.1')], 'NodePorts'],
  ['a host port in use on another address', port(80, '10.0.0.2'), [port(80, '10.0.0.1')], undefined],
  [
    'an init container larger than the sum of the others',
    { initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }] },
    [],
    'OutOfcpu',
  ],
];

for (const [name, spec, others, reason] of cases) {
  test(`admitPod: ${name} gives ${reason ?? 'admission'}`, () => {
    assert.equal(admitPod(pod(spec), node, others.map(pod))?.reason, reason);
  });
}

test('admitPod words a lack of CPU in thousandths as upstream', () => {
  assert.equal(
    admitPod(pod(asking('3')), node, [pod(asking('500m'))])?.message,
    "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 500, capacity: 2000",
  );
});

const short = (...types: string[]): Node => ({
  ...node,
  status: { ...node.status, conditions: types.map((type) => ({ type, status: 'True' })) },
});
const pressureCases: [string, Node, Partial<PodSpec>, string | undefined][] = [
  ['best effort where memory is short', short('MemoryPressure'), {}, 'Evicted'],
  ['a request where memory is short', short('MemoryPressure'), asking('1'), undefined],
  ['a request where the disk is full', short('DiskPressure'), asking('1'), 'Evicted'],
  ['a critical pod where the disk is full', short('DiskPressure'), { priority: 2_000_000_000 }, undefined],
];
for (const [name, where, spec, reason] of pressureCases) {
  test(`admission under pressure: ${name}`, () => {
    assert.equal(admitPod(pod(spec), where, [])?.reason, reason);
  });
}
