import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FleetCommand, FleetCommandSpec, HostResult } from '../../../api/fleet/v1/command.ts';
import type { HostTask, TaskPhase } from '../../../api/fleet/v1/host-task.ts';
import { planCommand } from './command-plan.ts';

const hosts = ['a', 'b', 'c', 'd'];

function command(spec: Partial<FleetCommandSpec>, results: readonly HostResult[] = hosts.map(pending)): FleetCommand {
  return {
    apiVersion: 'fleet.roadstead.dev/v1',
    kind: 'Command',
    metadata: { name: 'c' },
    spec: { hosts: { all: true }, script: { source: 'true' }, ...spec },
    status: { results },
  };
}

function pending(host: string): HostResult {
  return { host, phase: 'Pending', attempt: 1 };
}

function ended(host: string, phase: TaskPhase): HostResult {
  return { host, phase, attempt: 1, task: `c.${host}` };
}

function running(...names: string[]): (name: string) => HostTask | undefined {
  return (name) =>
    names.includes(name)
      ? {
          apiVersion: 'fleet.roadstead.dev/v1',
          kind: 'HostTask',
          metadata: { name },
          spec: { host: '', steps: [] },
          status: { phase: 'Running' },
        }
      : undefined;
}

const begun = (of: FleetCommand, taskOf = running()): (string | undefined)[] =>
  planCommand(of, taskOf, 0).begin.map(({ task }) => task);

describe('the plan of a command', () => {
  it('begins no more hosts than may be at work', () => {
    assert.deepEqual(begun(command({ parallelism: 2 })), ['c.a', 'c.b']);
    assert.deepEqual(begun(command({ parallelism: '26%' }), running('c.a')), ['c.b']);
    assert.deepEqual(begun(command({})), ['c.a', 'c.b', 'c.c', 'c.d']);
  });

  it('stops after too many failures, and says of the rest why they were not begun', () => {
    const results = [ended('a', 'Failed'), ended('b', 'Succeeded'), pending('c')];
    const plan = planCommand(command({ failurePolicy: 'Stop' }, results), running(), 0);
    assert.deepEqual(plan.begin, []);
    assert.equal(plan.status.phase, 'Failed');
    assert.equal(plan.status.results?.[2]?.message, 'Not begun: it failed on 1 hosts');
    assert.deepEqual(begun(command({ failurePolicy: 'Stop', maxFailures: 1 }, results)), ['c.c']);
  });

  it('cancels what runs and begins nothing more', () => {
    const plan = planCommand(command({ cancel: true }), running('c.b'), 0);
    assert.deepEqual(plan.cancel, ['c.b']);
    assert.deepEqual(plan.begin, []);
    assert.equal(plan.status.phase, 'Running');
  });

  it('runs again where it failed, once for each time it is asked', () => {
    const results = [ended('a', 'Failed'), ended('b', 'Succeeded')];
    assert.deepEqual(begun(command({ retry: 1 }, results)), ['c.a.r2']);
    const again = [{ ...ended('a', 'Failed'), attempt: 2 }, ended('b', 'Succeeded')];
    assert.deepEqual(begun(command({ retry: 1 }, again)), []);
  });
});
