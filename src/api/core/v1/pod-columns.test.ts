import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { podColumns, summarizePod } from './pod-columns.ts';
import type { ContainerState, ContainerStatus, Pod, PodStatus } from './types.generated.ts';

const status = (state: ContainerState, more: Partial<ContainerStatus> = {}): ContainerStatus => ({
  name: 'web',
  image: '',
  imageID: '',
  ready: false,
  restartCount: 0,
  state,
  ...more,
});

const podOf = (podStatus: PodStatus, more: Partial<Pod> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web' },
  spec: {
    containers: [{ name: 'web' }],
    initContainers: [{ name: 'init' }, { name: 'side', restartPolicy: 'Always' }],
  },
  status: podStatus,
  ...more,
});

const running = status({ running: {} }, { ready: true });
const initDone = status({ terminated: { exitCode: 0 } }, { name: 'init' });
const sideRunning = status({ running: {} }, { name: 'side', ready: true, started: true });
const ready = [{ type: 'Ready', status: 'True' }];

const cases: readonly [string, Pod, string, string][] = [
  ['waiting for a node', podOf({ phase: 'Pending' }), '0/2', 'Pending'],
  [
    'held by a scheduling gate',
    podOf({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }),
    '0/2',
    'SchedulingGated',
  ],
  [
    'in its first init container',
    podOf({ phase: 'Pending', initContainerStatuses: [status({ running: {} }, { name: 'init' })] }),
    '0/2',
    'Init:0/2',
  ],
  [
    'with an init container that fails',
    podOf({ phase: 'Pending', initContainerStatuses: [status({ terminated: { exitCode: 3 } }, { name: 'init' })] }),
    '0/2',
    'Init:ExitCode:3',
  ],
  [
    'with an init container that waits',
    podOf({
      phase: 'Pending',
      initContainerStatuses: [status({ waiting: { reason: 'ImagePullBackOff' } }, { name: 'init' })],
    }),
    '0/2',
    'Init:ImagePullBackOff',
  ],
  [
    'running with its sidecar',
    podOf({
      phase: 'Running',
      conditions: ready,
      initContainerStatuses: [initDone, sideRunning],
      containerStatuses: [running],
    }),
    '2/2',
    'Running',
  ],
  [
    'crashing',
    podOf({
      phase: 'Running',
      initContainerStatuses: [initDone, sideRunning],
      containerStatuses: [status({ waiting: { reason: 'CrashLoopBackOff' } }, { restartCount: 4 })],
    }),
    '1/2',
    'CrashLoopBackOff',
  ],
  [
    'completed with one container still up and ready',
    podOf({
      phase: 'Running',
      conditions: ready,
      containerStatuses: [status({ terminated: { exitCode: 0, reason: 'Completed' } }), running],
    }),
    '1/2',
    'Running',
  ],
  [
    'killed by a signal',
    podOf({ phase: 'Failed', containerStatuses: [status({ terminated: { exitCode: 137, signal: 9 } })] }),
    '0/2',
    'Signal:9',
  ],
  [
    'being deleted',
    podOf(
      { phase: 'Running', containerStatuses: [running] },
      { metadata: { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ),
    '1/2',
    'Terminating',
  ],
  ['evicted', podOf({ phase: 'Failed', reason: 'Evicted' }), '0/2', 'Evicted'],
];

for (const [name, pod, readyCell, reason] of cases) {
  test(`a pod ${name} shows ${reason}`, () => {
    const summary = summarizePod(pod);
    assert.equal(`${summary.ready}/${summary.total}`, readyCell);
    assert.equal(summary.reason, reason);
  });
}

test('restarts say when the last one was', () => {
  const lastState = { terminated: { exitCode: 1, finishedAt: '2026-01-01T00:00:00Z' } };
  const pod = podOf({ phase: 'Running', containerStatuses: [status({ running: {} }, { restartCount: 2, lastState })] });
  const column = podColumns.find((each) => each.name === 'Restarts');
  const cell = column?.value(pod as unknown as UnknownObject, Date.parse('2026-01-01T00:05:00Z'));
  assert.equal(cell, '2 (5m ago)');
});
