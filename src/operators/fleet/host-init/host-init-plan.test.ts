import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostInit, HostInitStatus } from '../../../api/fleet/v1/host-init.ts';
import type { HostTaskStatus } from '../../../api/fleet/v1/host-task.ts';
import { planHostInit } from './host-init-plan.ts';

function init(
  sources: Readonly<Record<string, string>>,
  more: { retry?: number; status?: HostInitStatus } = {},
): HostInit {
  const { retry, status } = more;
  return {
    apiVersion: 'fleet.roadstead.dev/v1',
    kind: 'HostInit',
    metadata: { name: 'i' },
    spec: {
      hosts: { all: true },
      scripts: Object.entries(sources).map(([name, source]) => ({ name, source })),
      ...(retry === undefined ? {} : { retry }),
    },
    ...(status === undefined ? {} : { status }),
  };
}

/** Plans, and then plans again once the tasks begun have this status. */
function after(of: HostInit, status: HostTaskStatus): HostInitStatus {
  const first = planHostInit(of, ['a'], () => undefined);
  const task = { apiVersion: '', kind: 'HostTask', metadata: { name: '' }, spec: { host: 'a', steps: [] }, status };
  return planHostInit({ ...of, status: first.status }, ['a'], () => task).status;
}

const scripts = { '02-two': 'two', '01-one': 'one', '03-three': 'three' };
const stepsOf = (of: HostInit): string[][] =>
  planHostInit(of, ['a'], () => undefined).begin.map(({ steps }) => steps.map(({ name }) => name));

describe('the plan of init scripts', () => {
  it('runs them in the order of their names, once', () => {
    assert.deepEqual(stepsOf(init(scripts)), [['01-one', '02-two', '03-three']]);
    const status = after(init(scripts), { phase: 'Succeeded' });
    assert.deepEqual(stepsOf(init(scripts, { status })), []);
  });

  it('runs them again when they change', () => {
    const status = after(init(scripts), { phase: 'Succeeded' });
    assert.equal(stepsOf(init({ ...scripts, '02-two': 'changed' }, { status })).length, 1);
  });

  it('goes on with the script that failed, when asked', () => {
    const steps = [
      { name: '01-one', phase: 'Succeeded' as const },
      { name: '02-two', phase: 'Failed' as const },
    ];
    const status = after(init(scripts), { phase: 'Failed', steps });
    assert.deepEqual(stepsOf(init(scripts, { status })), []);
    assert.deepEqual(stepsOf(init(scripts, { status, retry: 1 })), [['02-two', '03-three']]);
  });
});
