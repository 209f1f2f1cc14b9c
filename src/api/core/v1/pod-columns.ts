import { ageCell, ageColumn, column, nameColumn } from '../../columns.ts';
import type { Column } from '../../resource.ts';
import type { Container, ContainerState, ContainerStatus, Pod } from './types.generated.ts';

/** What kubectl shows of a pod's containers taken together. */
export interface PodSummary {
  readonly ready: number;
  readonly total: number;
  /** `Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`... */
  readonly reason: string;
  readonly restarts: number;
  /** When a container last ended, `''` when none did. */
  readonly lastRestart: string;
}

export const podColumns: readonly Column[] = [
  nameColumn,
  column<Pod>('Ready', (pod) => readyCell(pod), { description: 'Containers that are ready, of all that stay' }),
  column<Pod>('Status', (pod) => summaryOf(pod).reason, {
    description: 'Phase, or what keeps the containers from it',
  }),
  column<Pod>('Restarts', restartsCell, { description: 'How often containers were started again, and when last' }),
  ageColumn,
  column<Pod>('IP', (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || '<none>', {
    wide: true,
    description: 'Address of the pod',
  }),
  column<Pod>('Node', (pod) => pod.spec?.nodeName || '<none>', { wide: true, description: 'Node it is bound to' }),
  column<Pod>('Nominated Node', (pod) => pod.status?.nominatedNodeName || '<none>', {
    wide: true,
    description: 'Node where room is being made for it',
  }),
  column<Pod>('Readiness Gates', readinessGatesCell, {
    wide: true,
    description: 'Further conditions that are true, of all that readiness waits for',
  }),
];

function readyCell(pod: Pod): string {
  const { ready, total } = summaryOf(pod);
  return `${ready}/${total}`;
}

function restartsCell(pod: Pod, now: number): string {
  const { restarts, lastRestart } = summaryOf(pod);
  return restarts === 0 || lastRestart === '' ? String(restarts) : `${restarts} (${ageCell(lastRestart, now)} ago)`;
}

function readinessGatesCell(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const isTrue = (type: string): boolean => conditionIsTrue(pod, type);
  return `${gates.filter((gate) => isTrue(gate.conditionType)).length}/${gates.length}`;
}

/** Four cells need the same summary of the same object; entries go with their pods. */
const summaries = new WeakMap<Pod, PodSummary>();

function summaryOf(pod: Pod): PodSummary {
  const known = summaries.get(pod);
  if (known !== undefined) return known;
  const made = summarizePod(pod);
  summaries.set(pod, made);
  return made;
}

/** Mirrors printPod of pkg/printers/internalversion. */
export function summarizePod(pod: Pod): PodSummary {
  const initial = summarizeInit(pod);
  let { reason, ready } = initial;
  let { restarts, lastRestart } = initial;
  const { status } = pod;
  if (!initial.isInitializing || conditionIsTrue(pod, 'Initialized')) {
    restarts = initial.sidecarRestarts;
    lastRestart = initial.sidecarLastRestart;
    let hasRunning = false;
    const statuses = status?.containerStatuses ?? [];
    for (let index = statuses.length - 1; index >= 0; index--) {
      const container = statuses[index];
      if (container === undefined) continue;
      restarts += container.restartCount ?? 0;
      lastRestart = later(lastRestart, container);
      const stopped = stoppedReason(container.state);
      if (stopped !== undefined) reason = stopped;
      else if (container.ready && container.state?.running) {
        hasRunning = true;
        ready++;
      }
    }
    if (reason === 'Completed' && hasRunning) reason = conditionIsTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp) {
    if (status?.reason === 'NodeLost') reason = 'Unknown';
    else if (status?.phase !== 'Failed' && status?.phase !== 'Succeeded') reason = 'Terminating';
  }
  return { ready, total: initial.total, reason, restarts, lastRestart };
}

interface InitSummary extends PodSummary {
  readonly isInitializing: boolean;
  readonly sidecarRestarts: number;
  readonly sidecarLastRestart: string;
}

function summarizeInit(pod: Pod): InitSummary {
  const { spec, status } = pod;
  const sidecars = new Set((spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name));
  const total = (spec?.containers ?? []).length + sidecars.size;
  let reason = status?.reason || status?.phase || '';
  if (status?.conditions?.some((each) => each.type === 'PodScheduled' && each.reason === 'SchedulingGated')) {
    reason = 'SchedulingGated';
  }
  const count = spec?.initContainers?.length ?? 0;
  const statuses = status?.initContainerStatuses ?? [];
  let ready = 0;
  let restarts = 0;
  let lastRestart = '';
  let sidecarRestarts = 0;
  let sidecarLastRestart = '';
  for (const [index, container] of statuses.entries()) {
    restarts += container.restartCount ?? 0;
    lastRestart = later(lastRestart, container);
    if (sidecars.has(container.name)) {
      sidecarRestarts += container.restartCount ?? 0;
      sidecarLastRestart = later(sidecarLastRestart, container);
    }
    if (container.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started === true) {
      if (container.ready) ready++;
      continue;
    }
    reason = initReason(container.state) ?? `Init:${index}/${count}`;
    return {
      ready,
      total,
      reason,
      restarts,
      lastRestart,
      isInitializing: true,
      sidecarRestarts,
      sidecarLastRestart,
    };
  }
  return { ready, total, reason, restarts, lastRestart, isInitializing: false, sidecarRestarts, sidecarLastRestart };
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function initReason(state: ContainerState | undefined): string | undefined {
  if (state?.terminated) return `Init:${endOf(state.terminated)}`;
  const waiting = state?.waiting?.reason;
  return waiting && waiting !== 'PodInitializing' ? `Init:${waiting}` : undefined;
}

function stoppedReason(state: ContainerState | undefined): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  return state?.terminated ? endOf(state.terminated) : undefined;
}

function endOf({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function later(before: string, container: ContainerStatus): string {
  const ended = container.lastState?.terminated?.finishedAt;
  if (!ended) return before;
  return before === '' || Date.parse(ended) > Date.parse(before) ? ended : before;
}

function conditionIsTrue(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((each) => each.type === type && each.status === 'True') ?? false;
}
