import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { byAverage, byUtilization, type PodMeasurement, requestsOf } from './replica-calculator.ts';

const now = Date.parse('2026-01-01T01:00:00Z');

function pod(name: string, phase = 'Running', ready = 'True'): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] },
    status: {
      phase,
      startTime: '2026-01-01T00:00:00Z',
      conditions: [{ type: 'Ready', status: ready, lastTransitionTime: '2026-01-01T00:00:01Z' }],
    },
  };
}

/** `use` is in thousandths of a core a pod; undefined for a pod that was not measured. */
function wish(use: readonly (number | undefined)[], pods: readonly Pod[], target = 50): number {
  const measurements = new Map<string, PodMeasurement>();
  for (const [index, milli] of use.entries()) {
    if (milli !== undefined) measurements.set(`p${index}`, { milli, at: now, windowMs: 15_000 });
  }
  const tolerance = { up: 0.1, down: 0.1 };
  const input = { current: pods.length, pods, measurements, tolerance, isCpu: true, now };
  return byUtilization(input, requestsOf(pods, 'cpu'), target).replicas;
}

describe('replicas by utilization', () => {
  const three = [pod('p0'), pod('p1'), pod('p2')];
  const cases: [what: string, use: (number | undefined)[], pods: Pod[], replicas: number][] = [
    ['grow with the use', [1000, 1000, 1000], three, 6],
    ['shrink with it, rounded up', [200, 200, 200], three, 2],
    ['stay within the tolerance', [540, 540, 540], three, 3],
    ['take a missing pod for idle on the way up', [900, 900, undefined], three, 4],
    ['take a missing pod for busy on the way down', [100, 100, undefined], three, 3],
    ['take a pod that starts for idle on the way up', [900, 900], [pod('p0'), pod('p1'), pod('p2', 'Pending')], 4],
    ['leave failed pods out', [1000, 1000], [pod('p0'), pod('p1'), pod('p2', 'Failed')], 4],
  ];
  for (const [what, use, pods, replicas] of cases) it(what, () => assert.equal(wish(use, pods), replicas));

  it('cannot be told without requests or without metrics', () => {
    const bare: Pod = { ...pod('p0'), spec: { containers: [{ name: 'c' }] } };
    assert.throws(() => wish([1], [bare]), /missing request for cpu in container c of Pod p0/);
    assert.throws(() => wish([], three), /did not receive metrics for targeted pods \(pods might be unready\)/);
  });
});

it('replicas by an amount a pod', () => {
  const pods = [pod('p0'), pod('p1')];
  const measurements = new Map(pods.map(({ metadata }) => [metadata.name, { milli: 3000, at: now, windowMs: 15_000 }]));
  const input = { current: 2, pods, measurements, tolerance: { up: 0.1, down: 0.1 }, isCpu: false, now };
  assert.deepEqual(byAverage(input, 2000), { replicas: 3, average: 3000 });
});
