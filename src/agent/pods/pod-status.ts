import { qosClassOf } from '../../api/core/v1/pod-qos.ts';
import type {
  ContainerStatus as ApiContainerStatus,
  ContainerState,
  ContainerStateTerminated,
  Pod,
  PodStatus,
} from '../../api/core/v1/types.generated.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { ContainerStatus } from '../runtime/contract.ts';
import { podConditions } from './pod-conditions.ts';
import {
  appContainersOf,
  ephemeralContainersOf,
  initContainersOf,
  isTerminalPhase,
  type PodContainer,
  type PodRuntimeState,
  restartsAfter,
} from './pod-containers.ts';
import { phaseOf } from './pod-phase.ts';

export interface WaitingReason {
  readonly reason: string;
  readonly message: string;
}

/** Everything a pod's status is made of. */
export interface StatusInputs {
  readonly pod: Pod;
  readonly state: PodRuntimeState;
  /** The status last written or, after a restart, what the API has. */
  readonly previous: PodStatus | undefined;
  readonly runtimeName: string;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** Why a container does not run, by its name: what the last sync ran into. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  readonly started: (containerId: string) => boolean;
  readonly ready: (containerId: string) => boolean;
  readonly terminationMessage: (containerId: string) => string;
  /** Set when the pod as a whole has ended by decision of this agent (evicted, deadline, not admitted). */
  readonly verdict?: { readonly reason: string; readonly message: string } | undefined;
  /** The pod's containers are being or have been stopped for good. */
  readonly terminating: boolean;
  readonly now: number;
}

/** The pod's status as the API shows it; pure. */
export function buildPodStatus(inputs: StatusInputs): PodStatus {
  const { pod, previous } = inputs;
  const initDone = isInitialized(inputs);
  const init = initContainersOf(pod).map((one) => statusOf(inputs, one, 'PodInitializing'));
  const hasInit = init.length > 0;
  const defaultReason = hasInit && !initDone ? 'PodInitializing' : 'ContainerCreating';
  const containers = appContainersOf(pod).map((one) => statusOf(inputs, one, defaultReason));
  const ephemeral = ephemeralContainersOf(pod).map((one) => statusOf(inputs, one, 'ContainerCreating'));
  const phase = finalPhase(inputs, containers, init);
  const now = rfc3339(inputs.now);
  const sandboxReady = inputs.state.sandboxes[0]?.state === 'ready' && (inputs.podIps.length > 0 || hostNetwork(pod));
  const verdict = inputs.verdict ?? keptVerdict(previous);
  const ran = inputs.state.containers.length > 0;
  const evicted = verdict?.reason === 'Evicted' && ran ? verdict.message : undefined;
  const observed = { pod, phase, containers, initContainers: init, sandboxReady, evicted };
  const generation = pod.metadata.generation;
  // Turned away by the node: nothing of it was ever made, and upstream shows no containers either.
  const neverRan = verdict !== undefined && !ran && previous?.containerStatuses === undefined;
  const podIps = hostNetwork(pod) && sandboxReady ? inputs.hostIps : inputs.podIps;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: podConditions(observed, previous?.conditions ?? [], now),
    ...(verdict ?? {}),
    ...hostAddresses(inputs.hostIps),
    ...(podIps[0] === undefined ? {} : { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
    startTime: previous?.startTime ?? now,
    ...(hasInit && !neverRan ? { initContainerStatuses: init } : {}),
    ...(neverRan ? {} : { containerStatuses: containers }),
    qosClass: pod.status?.qosClass ?? qosClassOf(pod.spec ?? { containers: [] }),
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

function finalPhase(
  { pod, previous, verdict, terminating }: StatusInputs,
  containers: readonly ApiContainerStatus[],
  init: readonly ApiContainerStatus[],
): string {
  if (verdict !== undefined) return 'Failed';
  // A phase once final stays so, whatever becomes of the containers.
  if (previous?.phase !== undefined && isTerminalPhase(previous.phase)) return previous.phase;
  const phase = phaseOf(pod, containers, init);
  if (!terminating || isTerminalPhase(phase)) return phase;
  const all = [...containers, ...init];
  if (all.some((one) => one.state?.running !== undefined)) return phase;
  // Stopped for good: whatever the restart policy says, nothing will run again.
  const codes = containers.map((one) => (one.state?.terminated ?? one.lastState?.terminated)?.exitCode);
  if (codes.every((code) => code === undefined)) return phase;
  return codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
}

/** A reason given with the final phase outlives the agent that gave it. */
function keptVerdict(previous: PodStatus | undefined): { reason: string; message?: string } | undefined {
  if (previous?.reason === undefined || !isTerminalPhase(previous.phase)) return undefined;
  const { reason, message } = previous;
  return { reason, ...(message === undefined ? {} : { message }) };
}

function hostAddresses(hostIps: readonly string[]): Partial<PodStatus> {
  return hostIps[0] === undefined ? {} : { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) };
}

function hostNetwork(pod: Pod): boolean {
  return pod.spec?.hostNetwork === true;
}

function isInitialized({ pod, state, started }: StatusInputs): boolean {
  if (appContainersOf(pod).some(({ spec }) => state.containers.some((one) => one.name === spec.name))) return true;
  return initContainersOf(pod).every(({ spec, role }) => {
    const status = state.containers.find((one) => one.name === spec.name);
    if (role === 'sidecar') return status?.state === 'running' && started(status.id);
    return status?.state === 'exited' && status.exitCode === 0;
  });
}

function statusOf(inputs: StatusInputs, container: PodContainer, defaultReason: string): ApiContainerStatus {
  const { spec, role } = container;
  const runs = inputs.state.containers.filter((one) => one.name === spec.name);
  const before = previousStatus(inputs, container);
  const [latest, earlier] = runs;
  const waiting = inputs.waiting.get(spec.name);
  if (latest === undefined) return statusWithoutRun(inputs, container, before, waiting ?? { reason: defaultReason });
  const running = latest.state === 'running';
  const started = running && inputs.started(latest.id);
  const ended = latest.state === 'exited';
  const lastTerminated = earlier === undefined ? undefined : terminatedState(inputs, earlier);
  const status: ApiContainerStatus = {
    name: spec.name,
    state: stateOf(inputs, latest, defaultReason),
    lastState: lastTerminated === undefined ? (before?.lastState ?? {}) : { terminated: lastTerminated },
    ready: role === 'init' ? ended && latest.exitCode === 0 : started && inputs.ready(latest.id),
    restartCount: latest.attempt,
    image: spec.image ?? latest.image,
    imageID: latest.imageId,
    containerID: `${inputs.runtimeName}://${latest.id}`,
    started,
  };
  if (running && role !== 'ephemeral' && spec.resources !== undefined) {
    const { limits, requests } = spec.resources;
    status.resources = { ...(limits === undefined ? {} : { limits }), ...(requests === undefined ? {} : { requests }) };
    if (requests !== undefined) status.allocatedResources = requests;
  }
  const again = ended && !inputs.terminating && restartsAfter(inputs.pod, container, latest.exitCode);
  if (again && waiting !== undefined && status.state?.terminated !== undefined) {
    status.lastState = { terminated: status.state.terminated };
    status.state = { waiting: { ...waiting } };
  }
  if (role === 'init' && ended) status.started = false;
  return status;
}

function statusWithoutRun(
  inputs: StatusInputs,
  { spec }: PodContainer,
  before: ApiContainerStatus | undefined,
  waiting: { reason: string; message?: string },
): ApiContainerStatus {
  const terminated = before?.state?.terminated;
  const base = {
    name: spec.name,
    ready: false,
    restartCount: before?.restartCount ?? 0,
    image: spec.image ?? '',
    imageID: '',
    started: false,
  };
  // It ran and its container is gone: an end that was seen is kept, one that was not is reported as upstream does.
  if (terminated !== undefined && inputs.terminating) {
    const { containerID, imageID } = before ?? {};
    return {
      ...base,
      state: { terminated },
      lastState: before?.lastState ?? {},
      imageID: imageID ?? '',
      ...(containerID === undefined ? {} : { containerID }),
    };
  }
  if (before?.state?.running !== undefined) {
    const lost: ContainerStateTerminated = {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
    };
    if (inputs.terminating) return { ...base, state: { terminated: lost }, lastState: {} };
    return { ...base, state: { waiting }, lastState: { terminated: lost } };
  }
  const message = waiting.message === '' ? undefined : waiting.message;
  const state: ContainerState = {
    waiting: { reason: waiting.reason, ...(message === undefined ? {} : { message }) },
  };
  return { ...base, state, lastState: terminated === undefined ? (before?.lastState ?? {}) : { terminated } };
}

function previousStatus({ previous }: StatusInputs, { spec, role }: PodContainer): ApiContainerStatus | undefined {
  const list =
    role === 'app'
      ? previous?.containerStatuses
      : role === 'ephemeral'
        ? previous?.ephemeralContainerStatuses
        : previous?.initContainerStatuses;
  return list?.find((one) => one.name === spec.name);
}

function stateOf(inputs: StatusInputs, run: ContainerStatus, defaultReason: string): ContainerState {
  if (run.state === 'running') return { running: { startedAt: rfc3339(run.startedAt) } };
  if (run.state === 'exited') return { terminated: terminatedState(inputs, run) };
  const waiting = inputs.waiting.get(run.name);
  return {
    waiting: { reason: waiting?.reason ?? defaultReason, ...(waiting?.message ? { message: waiting.message } : {}) },
  };
}

function terminatedState(inputs: StatusInputs, run: ContainerStatus): ContainerStateTerminated {
  const message = inputs.terminationMessage(run.id) || run.message;
  return {
    exitCode: run.exitCode,
    reason: run.reason,
    ...(message === '' ? {} : { message }),
    // Never started: upstream shows the epoch, which reads as "unknown" everywhere.
    startedAt: rfc3339(run.startedAt),
    finishedAt: rfc3339(run.finishedAt),
    containerID: `${inputs.runtimeName}://${run.id}`,
  };
}
