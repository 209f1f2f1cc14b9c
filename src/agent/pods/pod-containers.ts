import { createHash } from 'node:crypto';
import type { Container, EphemeralContainer, Pod } from '../../api/core/v1/types.generated.ts';
import type { ContainerStatus, PodIdentity, PodSandboxStatus } from '../runtime/contract.ts';

/** A container of the pod with the part it plays. A sidecar is an init container that is kept running. */
export interface PodContainer {
  readonly spec: Container;
  readonly role: 'init' | 'sidecar' | 'app' | 'ephemeral';
}

/** What the runtime has of one pod. */
export interface PodRuntimeState {
  /** Newest attempt first. */
  readonly sandboxes: readonly PodSandboxStatus[];
  /** Newest attempt first. */
  readonly containers: readonly ContainerStatus[];
}

export const noRuntimeState: PodRuntimeState = { sandboxes: [], containers: [] };

export function identityOf(pod: Pod): PodIdentity {
  return { uid: pod.metadata.uid ?? '', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '' };
}

/** `name_namespace(uid)`: how upstream's messages name a pod. */
export function formatPod(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}

export function initContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec?.initContainers ?? []).map((spec) => ({
    spec,
    role: spec.restartPolicy === 'Always' ? 'sidecar' : 'init',
  }));
}

export function appContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec?.containers ?? []).map((spec) => ({ spec, role: 'app' }));
}

export function ephemeralContainersOf(pod: Pod): PodContainer[] {
  return (pod.spec?.ephemeralContainers ?? []).map((spec: EphemeralContainer) => ({ spec, role: 'ephemeral' }));
}

export function containersOf(pod: Pod): PodContainer[] {
  return [...initContainersOf(pod), ...appContainersOf(pod), ...ephemeralContainersOf(pod)];
}

export function newestFirst(state: PodRuntimeState): PodRuntimeState {
  return {
    sandboxes: [...state.sandboxes].sort((a, b) => b.attempt - a.attempt),
    containers: [...state.containers].sort((a, b) => b.attempt - a.attempt),
  };
}

export function latestOf(state: PodRuntimeState, name: string): ContainerStatus | undefined {
  return state.containers.find((one) => one.name === name);
}

/** Changes when the container must be made anew: upstream counts name and image only, the rest is immutable. */
export function containerHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image ?? '']))
    .digest('hex')
    .slice(0, 16);
}

export const labelContainerHash = 'io.kubernetes.container.hash';
/** The resources a container was made with, see `resourceMark`. */
export const labelResources = 'io.roadstead.resources';
export const labelRestartCount = 'io.kubernetes.container.restartCount';

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Whether a container that ended with `exitCode` is to run again, by its own rules and then the pod's policy. */
export function restartsAfter(pod: Pod, { spec, role }: PodContainer, exitCode: number): boolean {
  if (role === 'ephemeral') return false;
  if (role === 'sidecar') return true;
  for (const rule of spec.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? { operator: '' };
    const matches = operator === 'In' ? values.includes(exitCode) : operator === 'NotIn' && !values.includes(exitCode);
    if (matches && rule.action === 'Restart') return true;
  }
  const policy = spec.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (role === 'init') return policy !== 'Never' && exitCode !== 0;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}
