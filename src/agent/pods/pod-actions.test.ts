import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import type { ContainerStatus, PodSandboxStatus } from '../runtime/contract.ts';
import { computePodActions, type PodActions, type ProbeVerdicts } from './pod-actions.ts';
import { containerHash, labelContainerHash, type PodRuntimeState } from './pod-containers.ts';

const identity = { uid: 'u', namespace: 'ns', name: 'p' };
const healthy: ProbeVerdicts = { liveness: () => undefined, startup: () => undefined, started: () => true };

function pod(spec: Partial<PodSpec>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...identity },
    spec: { containers: [{ name: 'a', image: 'i' }], restartPolicy: 'Always', ...spec },
  };
}

function sandbox(state: 'ready' | 'notReady' = 'ready', attempt = 0): PodSandboxStatus {
  return { id: `s${attempt}`, pod: identity, attempt, state, createdAt: 1, labels: {}, annotations: {} };
}

function run(name: string, change: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    id: `${name}-${change.attempt ?? 0}`,
    sandboxId: 's0',
    pod: identity,
    name,
    attempt: 0,
    image: 'i',
    imageId: 'sha256:i',
    state: 'running',
    createdAt: 1,
    startedAt: 1,
    finishedAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    labels: { [labelContainerHash]: containerHash({ name, image: 'i' }) },
    annotations: {},
    ...change,
  };
}

const exited = (name: string, exitCode: number, change: Partial<ContainerStatus> = {}): ContainerStatus =>
  run(name, { state: 'exited', exitCode, ...change });

function brief(actions: PodActions): object {
  return {
    ...(actions.killPod ? { killPod: true } : {}),
    ...(actions.createSandbox ? { sandbox: actions.sandboxAttempt } : {}),
    start: actions.start.map(({ spec }) => spec.name),
    kill: actions.kill.map(({ status }) => status.name),
  };
}

const init = [
  { name: 'i1', image: 'i' },
  { name: 'i2', image: 'i' },
];
const sidecarFirst = [
  { name: 'side', image: 'i', restartPolicy: 'Always' },
  { name: 'i1', image: 'i' },
];
const two = [
  { name: 'a', image: 'i' },
  { name: 'b', image: 'i' },
];

const cases: [string, Partial<PodSpec>, PodRuntimeState, object, Partial<ProbeVerdicts>?][] = [
  [
    'a new pod gets a sandbox and all its containers',
    { containers: two },
    { sandboxes: [], containers: [] },
    { killPod: true, sandbox: 0, start: ['a', 'b'], kill: [] },
  ],
  [
    'a new pod with init containers starts the first of them only',
    { initContainers: init },
    { sandboxes: [], containers: [] },
    { killPod: true, sandbox: 0, start: ['i1'], kill: [] },
  ],
  [
    'a dead sandbox is made anew with the next attempt',
    {},
    { sandboxes: [sandbox('notReady', 3)], containers: [exited('a', 137)] },
    { killPod: true, sandbox: 4, start: ['a'], kill: [] },
  ],
  [
    'a dead sandbox of a Never pod that ran is not made anew',
    { restartPolicy: 'Never' },
    { sandboxes: [sandbox('notReady')], containers: [exited('a', 1)] },
    { killPod: true, start: [], kill: [] },
  ],
  [
    'what runs is left alone',
    { containers: two },
    { sandboxes: [sandbox()], containers: [run('a'), run('b')] },
    { start: [], kill: [] },
  ],
  [
    'Always restarts a success',
    {},
    { sandboxes: [sandbox()], containers: [exited('a', 0)] },
    { start: ['a'], kill: [] },
  ],
  [
    'OnFailure restarts a failure only',
    { restartPolicy: 'OnFailure', containers: two },
    { sandboxes: [sandbox()], containers: [exited('a', 0), exited('b', 2)] },
    { start: ['b'], kill: [] },
  ],
  [
    'a pod whose containers are all done is stopped',
    { restartPolicy: 'OnFailure' },
    { sandboxes: [sandbox()], containers: [exited('a', 0)] },
    { killPod: true, start: [], kill: [] },
  ],
  [
    'the second init container follows the first',
    { initContainers: init },
    { sandboxes: [sandbox()], containers: [exited('i1', 0)] },
    { start: ['i2'], kill: [] },
  ],
  [
    'a running init container holds back the rest',
    { initContainers: init },
    { sandboxes: [sandbox()], containers: [run('i1')] },
    { start: [], kill: [] },
  ],
  [
    'a failed init container is tried again',
    { initContainers: init },
    { sandboxes: [sandbox()], containers: [exited('i1', 1)] },
    { start: ['i1'], kill: [] },
  ],
  [
    'a failed init container ends a Never pod',
    { initContainers: init, restartPolicy: 'Never' },
    { sandboxes: [sandbox()], containers: [exited('i1', 1)] },
    { killPod: true, start: [], kill: [] },
  ],
  [
    'init containers through, the ordinary ones start',
    { initContainers: init },
    { sandboxes: [sandbox()], containers: [exited('i1', 0), exited('i2', 0)] },
    { start: ['a'], kill: [] },
  ],
  [
    'init containers run again in a new sandbox',
    { initContainers: init },
    { sandboxes: [sandbox('ready', 1)], containers: [exited('i1', 0), exited('i2', 0)] },
    { start: ['i1'], kill: [] },
  ],
  [
    'a sidecar that has not started yet holds back what follows',
    { initContainers: sidecarFirst },
    { sandboxes: [sandbox()], containers: [run('side')] },
    { start: [], kill: [] },
    { started: () => false },
  ],
  [
    'a started sidecar lets the next init container start',
    { initContainers: sidecarFirst },
    { sandboxes: [sandbox()], containers: [run('side')] },
    { start: ['i1'], kill: [] },
  ],
  [
    'a sidecar is restarted beside running containers whatever the policy',
    { initContainers: sidecarFirst, restartPolicy: 'Never' },
    { sandboxes: [sandbox()], containers: [exited('side', 0), exited('i1', 0), run('a')] },
    { start: ['side'], kill: [] },
  ],
  [
    'a changed image kills and restarts, also under Never',
    { containers: [{ name: 'a', image: 'other' }], restartPolicy: 'Never' },
    { sandboxes: [sandbox()], containers: [run('a')] },
    { start: ['a'], kill: ['a'] },
  ],
  [
    'a failed liveness probe kills and restarts',
    {},
    { sandboxes: [sandbox()], containers: [run('a')] },
    { start: ['a'], kill: ['a'] },
    { liveness: () => false },
  ],
  [
    'a new ephemeral container starts beside the others',
    { ephemeralContainers: [{ name: 'dbg', image: 'i' }] },
    { sandboxes: [sandbox()], containers: [run('a')] },
    { start: ['dbg'], kill: [] },
  ],
  [
    'an ended ephemeral container is not restarted',
    { ephemeralContainers: [{ name: 'dbg', image: 'i' }] },
    { sandboxes: [sandbox()], containers: [run('a'), exited('dbg', 1)] },
    { start: [], kill: [] },
  ],
  [
    'a restart rule of the container goes before the policy',
    {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'a',
          image: 'i',
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        },
      ],
    },
    { sandboxes: [sandbox()], containers: [exited('a', 42)] },
    { start: ['a'], kill: [] },
  ],
];

for (const [name, spec, state, expected, verdicts] of cases) {
  test(`computePodActions: ${name}`, () => {
    assert.deepEqual(brief(computePodActions(pod(spec), state, { ...healthy, ...verdicts })), expected);
  });
}
