import type { ContainerStatus, Pod } from '../../api/core/v1/types.generated.ts';

/** Upstream's getPhase: the pod's phase from the statuses of its containers. */
export function phaseOf(pod: Pod, statuses: readonly ContainerStatus[], init: readonly ContainerStatus[]): string {
  const policy = pod.spec?.restartPolicy ?? 'Always';
  const initCount = countInit(pod, init);
  const apps = countApps(pod, statuses);
  if (initCount.failed > 0 && policy === 'Never') return 'Failed';
  if (initCount.pending > 0 || initCount.failed > 0) return 'Pending';
  if (apps.waiting > 0) return 'Pending';
  if (apps.running > 0) return 'Running';
  if (apps.stopped === 0) return 'Pending';
  // Sidecars are stopped after the containers they serve; until then the pod is not done.
  if (initCount.sidecarsRunning > 0) return 'Running';
  if (policy === 'Always') return 'Running';
  if (apps.restarting > 0) return 'Running';
  if (apps.stopped === apps.succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

function countInit(
  pod: Pod,
  statuses: readonly ContainerStatus[],
): { pending: number; failed: number; sidecarsRunning: number } {
  const count = { pending: 0, failed: 0, sidecarsRunning: 0 };
  for (const container of pod.spec?.initContainers ?? []) {
    const status = statuses.find((one) => one.name === container.name);
    const sidecar = container.restartPolicy === 'Always';
    if (status?.state === undefined) count.pending++;
    else if (sidecar) {
      if (status.state.running !== undefined) {
        if (status.started === true) count.sidecarsRunning++;
        else count.pending++;
      } else if (status.state.waiting !== undefined && status.lastState?.terminated === undefined) count.pending++;
    } else if (status.state.running !== undefined) count.pending++;
    else if (status.state.terminated !== undefined) {
      if (status.state.terminated.exitCode !== 0) count.failed++;
    } else if ((status.lastState?.terminated?.exitCode ?? 0) !== 0) count.failed++;
    else count.pending++;
  }
  return count;
}

function countApps(
  pod: Pod,
  statuses: readonly ContainerStatus[],
): { waiting: number; running: number; stopped: number; succeeded: number; restarting: number } {
  const count = { waiting: 0, running: 0, stopped: 0, succeeded: 0, restarting: 0 };
  for (const { name } of pod.spec?.containers ?? []) {
    const state = statuses.find((one) => one.name === name);
    if (state?.state?.running !== undefined) count.running++;
    else if (state?.state?.terminated !== undefined) {
      count.stopped++;
      if (state.state.terminated.exitCode === 0) count.succeeded++;
    } else if (state?.lastState?.terminated !== undefined) {
      count.stopped++;
      count.restarting++;
    } else count.waiting++;
  }
  return count;
}
