import type { PodIdentity } from '../contract.ts';
import type { EngineContainerSummary } from './engine-types.ts';

export const labelPodName = 'io.kubernetes.pod.name';
export const labelPodNamespace = 'io.kubernetes.pod.namespace';
export const labelPodUid = 'io.kubernetes.pod.uid';
export const labelContainerName = 'io.kubernetes.container.name';
export const labelAttempt = 'io.roadstead.attempt';
/** Which agent owns the container: several may share one engine. */
export const labelOwner = 'io.roadstead.owner';
export const labelSandbox = 'io.roadstead.sandbox';
/** JSON of the namespaces the sandbox takes from the host or shares, for the containers that join it. */
export const labelSharing = 'io.roadstead.sharing';
/** Name under which sandboxes appear among containers, as every Docker-based kubelet named them. */
export const sandboxContainerName = 'POD';
const annotationPrefix = 'annotation.';

export interface Sharing {
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly shareProcessNamespace: boolean;
}

export function identityLabels(pod: PodIdentity, attempt: number, owner: string): Record<string, string> {
  return {
    [labelPodName]: pod.name,
    [labelPodNamespace]: pod.namespace,
    [labelPodUid]: pod.uid,
    [labelAttempt]: String(attempt),
    [labelOwner]: owner,
  };
}

export function annotationLabels(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(annotations)) labels[annotationPrefix + key] = value;
  return labels;
}

export function splitLabels(all: Readonly<Record<string, string>>): {
  labels: Record<string, string>;
  annotations: Record<string, string>;
} {
  const labels: Record<string, string> = {};
  const annotations: Record<string, string> = {};
  for (const [key, value] of Object.entries(all)) {
    if (key.startsWith(annotationPrefix)) annotations[key.slice(annotationPrefix.length)] = value;
    else labels[key] = value;
  }
  return { labels, annotations };
}

export function identityOf(labels: Readonly<Record<string, string>>): PodIdentity {
  return {
    uid: labels[labelPodUid] ?? '',
    namespace: labels[labelPodNamespace] ?? '',
    name: labels[labelPodName] ?? '',
  };
}

export function attemptOf(labels: Readonly<Record<string, string>>): number {
  return Number(labels[labelAttempt] ?? 0);
}

export function isSandbox(summary: EngineContainerSummary): boolean {
  return summary.Labels[labelContainerName] === sandboxContainerName;
}

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`; unique on the engine as long as uids are. */
export function dockerName(container: string, pod: PodIdentity, attempt: number): string {
  return `k8s_${container}_${pod.name}_${pod.namespace}_${pod.uid}_${attempt}`;
}

export function sharingOf(labels: Readonly<Record<string, string>>): Sharing {
  const text = labels[labelSharing];
  const parsed = (text === undefined ? {} : JSON.parse(text)) as Partial<Sharing>;
  return {
    hostNetwork: parsed.hostNetwork === true,
    hostPid: parsed.hostPid === true,
    hostIpc: parsed.hostIpc === true,
    shareProcessNamespace: parsed.shareProcessNamespace === true,
  };
}
