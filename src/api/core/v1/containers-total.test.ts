import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containersTotal } from './containers-total.ts';
import type { Container, PodSpec } from './types.generated.ts';

const numbers = { zero: () => 0, add: (sum: number, more: number) => sum + more, larger: Math.max };
const container = (cpu: number, rest: Partial<Container> = {}): Container => ({
  name: 'c',
  resources: { requests: { cpu } },
  ...rest,
});
const sidecar = (cpu: number): Container => container(cpu, { restartPolicy: 'Always' });
const totalOf = (spec: PodSpec): number =>
  containersTotal(spec, ({ resources }) => Number(resources?.requests?.['cpu'] ?? 0), numbers);

const cases: [string, PodSpec, number][] = [
  ['containers run side by side', { containers: [container(1), container(2)] }, 3],
  ['init containers run one after the other', { initContainers: [container(4), container(5)], containers: [] }, 5],
  ['a small init container costs nothing more', { initContainers: [container(2)], containers: [container(3)] }, 3],
  ['sidecars run on', { initContainers: [sidecar(2)], containers: [container(3)] }, 5],
  [
    'an init container runs beside the sidecars before it alone',
    { initContainers: [sidecar(1), container(6), sidecar(8)], containers: [container(0)] },
    9,
  ],
  [
    'the largest moment is in the midst of the start',
    { initContainers: [sidecar(1), container(6), sidecar(1)], containers: [container(2)] },
    7,
  ],
];
for (const [name, spec, expected] of cases) test(name, () => assert.equal(totalOf(spec), expected));
