import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { ContainerStatus, PodSandboxStatus } from '../runtime/contract.ts';
import {
  appContainersOf,
  containerHash,
  ephemeralContainersOf,
  initContainersOf,
  labelContainerHash,
  latestOf,
  type PodContainer,
  type PodRuntimeState,
  restartsAfter,
} from './pod-containers.ts';

export interface ContainerKill {
  readonly status: ContainerStatus;
  readonly container: PodContainer;
  /** For the Event. */
  readonly message: string;
  /** A probe may set its own grace period. */
  readonly probe?: 'liveness' | 'startup';
}

/** What stands between what is and what should be. */
export interface PodActions {
  /** Everything of the pod is to be stopped first: its sandbox is gone, or all its containers have ended. */
  readonly killPod: boolean;
  readonly createSandbox: boolean;
  readonly sandboxAttempt: number;
  readonly sandbox: PodSandboxStatus | undefined;
  readonly start: readonly PodContainer[];
  readonly kill: readonly ContainerKill[];
}

/** What the probes say of a running container. */
export interface ProbeVerdicts {
  /** Undefined while unknown or without such a probe. */
  liveness(containerId: string): boolean | undefined;
  startup(containerId: string): boolean | undefined;
  /** Started: runs, its postStart hook is through and its startup probe, if any, has succeeded. */
  started(containerId: string): boolean;
}

/** The decision of upstream's kuberuntime computePodActions, pure. */
export function computePodActions(pod: Pod, state: PodRuntimeState, verdicts: ProbeVerdicts): PodActions {
  const sandbox = state.sandboxes[0];
  if (sandbox === undefined || sandbox.state !== 'ready') return actionsWithoutSandbox(pod, state, sandbox);

  const start: PodContainer[] = [];
  const kill: ContainerKill[] = [];
  const actions = { killPod: false, createSandbox: false, sandboxAttempt: sandbox.attempt, sandbox, start, kill };
  for (const container of ephemeralContainersOf(pod)) {
    if (latestOf(state, container.spec.name) === undefined) start.push(container);
  }
  const init = planInitContainers(pod, state, sandbox, verdicts);
  start.push(...init.start);
  kill.push(...init.kill);
  if (init.failed) return { ...actions, start: [], killPod: true };
  if (!init.done) return actions;

  let kept = 0;
  const appStart: PodContainer[] = [];
  for (const container of appContainersOf(pod)) {
    const status = latestOf(state, container.spec.name);
    if (status === undefined || status.state !== 'running') {
      if (shouldStart(pod, container, status)) appStart.push(container);
      continue;
    }
    const reason = killReason(container, status, verdicts);
    if (reason === undefined) {
      kept++;
      continue;
    }
    const restart = reason.definitionChanged || restartsAfter(pod, container, 137);
    kill.push({ ...reason, message: reason.message + (restart ? ', will be restarted' : '') });
    if (restart) appStart.push(container);
  }
  if (kept === 0 && appStart.length === 0) return { ...actions, start: [], killPod: true };
  start.push(...appStart);
  return actions;
}

function actionsWithoutSandbox(pod: Pod, state: PodRuntimeState, sandbox: PodSandboxStatus | undefined): PodActions {
  const attempt = sandbox === undefined ? 0 : sandbox.attempt + 1;
  const none = { killPod: true, createSandbox: false, sandboxAttempt: attempt, sandbox, start: [], kill: [] };
  const apps = appContainersOf(pod);
  const startable = apps.filter((container) => shouldStart(pod, container, latestOf(state, container.spec.name)));
  // Never: what ran once must not run again in a second sandbox.
  if (pod.spec?.restartPolicy === 'Never' && attempt > 0 && state.containers.length > 0) return none;
  if (startable.length === 0) return none;
  const init = initContainersOf(pod);
  const first = init[0];
  return { ...none, createSandbox: true, start: first === undefined ? startable : [first] };
}

interface InitPlan {
  readonly done: boolean;
  readonly failed: boolean;
  readonly start: PodContainer[];
  readonly kill: ContainerKill[];
}

function planInitContainers(
  pod: Pod,
  state: PodRuntimeState,
  sandbox: PodSandboxStatus,
  verdicts: ProbeVerdicts,
): InitPlan {
  const start: PodContainer[] = [];
  const kill: ContainerKill[] = [];
  const here = (name: string): ContainerStatus | undefined =>
    state.containers.find((one) => one.name === name && one.sandboxId === sandbox.id);
  const init = initContainersOf(pod);
  const initialized = appContainersOf(pod).some(({ spec }) => here(spec.name) !== undefined);
  // The first container that is not through holds back those after it which were never started.
  let held = false;
  for (const container of init) {
    const status = here(container.spec.name);
    if (held && status === undefined && !initialized) break;
    if (container.role === 'sidecar') {
      if (status === undefined || status.state !== 'running') {
        start.push(container);
        held = true;
        continue;
      }
      const reason = killReason(container, status, verdicts);
      if (reason !== undefined) {
        kill.push({ ...reason, message: `${reason.message}, will be restarted` });
        start.push(container);
        held = true;
      } else if (!verdicts.started(status.id)) held = true;
      continue;
    }
    if (initialized) continue;
    if (status === undefined || status.state === 'created' || status.state === 'unknown') {
      start.push(container);
      held = true;
    } else if (status.state === 'running') held = true;
    else if (status.exitCode !== 0) {
      if (!restartsAfter(pod, container, status.exitCode)) return { done: false, failed: true, start: [], kill };
      start.push(container);
      held = true;
    }
  }
  return { done: initialized || !held, failed: false, start, kill };
}

function shouldStart(pod: Pod, container: PodContainer, status: ContainerStatus | undefined): boolean {
  if (status === undefined || status.state === 'created' || status.state === 'unknown') return true;
  if (status.state === 'running') return false;
  return restartsAfter(pod, container, status.exitCode);
}

function killReason(
  container: PodContainer,
  status: ContainerStatus,
  verdicts: ProbeVerdicts,
): (ContainerKill & { definitionChanged: boolean }) | undefined {
  const { name } = container.spec;
  const hash = status.labels[labelContainerHash];
  if (hash !== undefined && hash !== containerHash(container.spec)) {
    return { status, container, message: `Container ${name} definition changed`, definitionChanged: true };
  }
  if (verdicts.liveness(status.id) === false) {
    const message = `Container ${name} failed liveness probe`;
    return { status, container, message, probe: 'liveness', definitionChanged: false };
  }
  if (verdicts.startup(status.id) === false) {
    const message = `Container ${name} failed startup probe`;
    return { status, container, message, probe: 'startup', definitionChanged: false };
  }
  return undefined;
}
