import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import type { ContainerStatus, PodSandboxStatus } from '../runtime/contract.ts';
import { buildPodStatus, type StatusInputs } from './pod-status.ts';
import { statusPatch } from './status-writer.ts';

const identity = { uid: 'u', namespace: 'ns', name: 'p' };
const ready: PodSandboxStatus = {
  id: 's',
  pod: identity,
  attempt: 0,
  state: 'ready',
  createdAt: 1,
  labels: {},
  annotations: {},
};

function run(name: string, change: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    id: `${name}${change.attempt ?? 0}`,
    sandboxId: 's',
    pod: identity,
    name,
    attempt: 0,
    image: 'sha256:i',
    imageId: 'sha256:i',
    state: 'running',
    createdAt: 1000,
    startedAt: 1000,
    finishedAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    labels: {},
    annotations: {},
    ...change,
  };
}

const exited = (name: string, exitCode: number, attempt = 0): ContainerStatus =>
  run(name, {
    state: 'exited',
    exitCode,
    attempt,
    finishedAt: 2000,
    reason: exitCode === 0 ? 'Completed' : 'Error',
  });

function inputs(
  spec: Partial<PodSpec>,
  containers: ContainerStatus[],
  change: Partial<StatusInputs> = {},
): StatusInputs {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...identity },
    spec: { containers: [{ name: 'a', image: 'i' }], restartPolicy: 'Always', ...spec },
  };
  return {
    pod,
    state: { sandboxes: [ready], containers },
    previous: undefined,
    runtimeName: 'sim',
    podIps: ['10.0.0.5'],
    hostIps: ['192.0.2.1'],
    waiting: new Map(),
    started: () => true,
    ready: () => true,
    terminationMessage: () => '',
    terminating: false,
    now: 5000,
    ...change,
  };
}

const phases: [string, Partial<PodSpec>, ContainerStatus[], string, Partial<StatusInputs>?][] = [
  ['nothing runs yet', {}, [], 'Pending'],
  ['all run', {}, [run('a')], 'Running'],
  ['an init container runs', { initContainers: [{ name: 'i' }] }, [run('i')], 'Pending'],
  ['a Never pod succeeded', { restartPolicy: 'Never' }, [exited('a', 0)], 'Succeeded'],
  ['a Never pod failed', { restartPolicy: 'Never' }, [exited('a', 1)], 'Failed'],
  ['an OnFailure pod will retry', { restartPolicy: 'OnFailure' }, [exited('a', 1)], 'Running'],
  ['an Always pod ended for now', {}, [exited('a', 0)], 'Running'],
  [
    'an init container failed for good',
    { restartPolicy: 'Never', initContainers: [{ name: 'i' }] },
    [exited('i', 1)],
    'Failed',
  ],
  ['an Always pod was stopped', {}, [exited('a', 137)], 'Failed', { terminating: true }],
  ['a final phase stays', {}, [run('a')], 'Succeeded', { previous: { phase: 'Succeeded' } }],
];

for (const [name, spec, containers, expected, change] of phases) {
  test(`pod phase when ${name} is ${expected}`, () => {
    assert.equal(buildPodStatus(inputs(spec, containers, change)).phase, expected);
  });
}

test('a running pod shows addresses, readiness and its container ids', () => {
  const status = buildPodStatus(inputs({}, [run('a')]));
  assert.equal(status.podIP, '10.0.0.5');
  assert.equal(status.hostIP, '192.0.2.1');
  assert.equal(status.containerStatuses?.[0]?.containerID, 'sim://a0');
  assert.equal(status.containerStatuses?.[0]?.ready, true);
  const conditions = Object.fromEntries((status.conditions ?? []).map(({ type, status: value }) => [type, value]));
  assert.deepEqual(conditions, {
    PodReadyToStartContainers: 'True',
    Initialized: 'True',
    Ready: 'True',
    ContainersReady: 'True',
    PodScheduled: 'True',
  });
});

test('a container in back-off waits with its last end in lastState', () => {
  const waiting = new Map([['a', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]]);
  const [container] =
    buildPodStatus(inputs({}, [exited('a', 3, 1), exited('a', 2)], { waiting })).containerStatuses ?? [];
  assert.deepEqual(container?.state, { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } });
  assert.equal(container?.lastState?.terminated?.exitCode, 3);
  assert.equal(container?.restartCount, 1);
});

test('a readiness gate without its condition keeps the pod from being ready', () => {
  const status = buildPodStatus(inputs({ readinessGates: [{ conditionType: 'example.com/gate' }] }, [run('a')]));
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  assert.equal(ready?.reason, 'ReadinessGatesNotReady');
  assert.equal(ready?.message, 'corresponding condition of pod readiness gate "example.com/gate" does not exist.');
});

test('a transition time stays while the condition does', () => {
  const before = buildPodStatus(inputs({}, [run('a')]));
  const after = buildPodStatus(inputs({}, [run('a')], { previous: before, now: 99_000 }));
  assert.deepEqual(after.conditions, before.conditions);
});

test('a pod turned away keeps its reason after a restart of the agent and shows no containers', () => {
  const verdict = { reason: 'OutOfcpu', message: 'Pod was rejected: no' };
  const rejected = buildPodStatus(inputs({}, [], { verdict }));
  assert.equal(rejected.phase, 'Failed');
  const later = buildPodStatus(inputs({}, [], { previous: rejected }));
  assert.equal(later.reason, 'OutOfcpu');
  assert.equal(later.containerStatuses, undefined);
});

test('a container that was lost while running is reported as unknown', () => {
  const previous = buildPodStatus(inputs({}, [run('a')]));
  const [container] = buildPodStatus(inputs({}, [], { previous, terminating: true })).containerStatuses ?? [];
  assert.equal(container?.state?.terminated?.reason, 'ContainerStatusUnknown');
});

test('the status patch nulls what vanished and replaces addresses that changed', () => {
  const before = { reason: 'X', podIPs: [{ ip: '1' }], conditions: [{ type: 'Ready', status: 'False', reason: 'Y' }] };
  const patch = statusPatch(before, { podIPs: [{ ip: '2' }], conditions: [{ type: 'Ready', status: 'True' }] });
  assert.deepEqual(patch, {
    reason: null,
    podIPs: [{ ip: '2' }, { $patch: 'replace' }],
    conditions: [{ type: 'Ready', status: 'True', reason: null }],
  });
});
