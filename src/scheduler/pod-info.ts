import type { ContainerPort, Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../api/core/v1/types.generated.ts';
import { type Selector, selectorOf } from '../machinery/labels.ts';
import { objectKey } from '../machinery/meta.ts';
import type { LabelSelector } from '../machinery/meta-types.generated.ts';
import { type Amounts, podRequest, podScoringRequest } from './amounts.ts';

/** A pod with what the plugins ask of it again and again, computed once a version. */
export interface PodInfo {
  readonly pod: Pod;
  /** `namespace/name` */
  readonly key: string;
  readonly uid: string;
  readonly priority: number;
  readonly request: Amounts;
  readonly scoringRequest: Amounts;
  readonly hostPorts: readonly UsedPort[];
  /** Undefined without a controller, and once the pod is being deleted: siblings do not count it any more. */
  readonly controllerUid: string | undefined;
  /** Undefined when the pod has no pod affinity at all. */
  readonly affinity: PodAffinityTerms | undefined;
}

export interface UsedPort {
  readonly protocol: string;
  readonly port: number;
  /** `0.0.0.0` for all addresses. */
  readonly ip: string;
}

export interface PodAffinityTerms {
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedTerm[];
  readonly preferredAntiAffinity: readonly WeightedTerm[];
}

/** Which pods a term speaks of, and the node label that says what "together" means. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly selector: Selector;
  readonly namespaces: ReadonlySet<string>;
  /** Undefined when only `namespaces` count. */
  readonly namespaceSelector: Selector | undefined;
}

export interface WeightedTerm {
  readonly term: AffinityTerm;
  readonly weight: number;
}

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

export function podInfoOf(pod: Pod): PodInfo {
  return {
    pod,
    key: objectKey(pod),
    uid: pod.metadata.uid ?? '',
    priority: pod.spec?.priority ?? 0,
    request: podRequest(pod),
    scoringRequest: podScoringRequest(pod),
    hostPorts: hostPortsOf(pod),
    controllerUid: pod.metadata.deletionTimestamp === undefined ? controllerOf(pod) : undefined,
    affinity: affinityOf(pod),
  };
}

export function termMatches(term: AffinityTerm, pod: Pod, namespaceLabels: NamespaceLabels): boolean {
  const namespace = pod.metadata.namespace ?? '';
  const selected =
    term.namespaces.has(namespace) || term.namespaceSelector?.matches(namespaceLabels(namespace)) === true;
  return selected && term.selector.matches(pod.metadata.labels);
}

export function controllerOf({ metadata }: Pod): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

function hostPortsOf(pod: Pod): readonly UsedPort[] {
  const ports: UsedPort[] = [];
  for (const container of pod.spec?.containers ?? []) collectPorts(container.ports, ports);
  for (const container of pod.spec?.initContainers ?? []) {
    if (container.restartPolicy === 'Always') collectPorts(container.ports, ports);
  }
  return ports.length === 0 ? noPorts : ports;
}

const noPorts: readonly UsedPort[] = [];

function collectPorts(ports: readonly ContainerPort[] | undefined, into: UsedPort[]): void {
  for (const { hostPort, protocol, hostIP } of ports ?? []) {
    if (hostPort === undefined || hostPort <= 0) continue;
    into.push({
      port: hostPort,
      protocol: protocol ?? 'TCP',
      ip: hostIP === undefined || hostIP === '' ? '0.0.0.0' : hostIP,
    });
  }
}

function affinityOf(pod: Pod): PodAffinityTerms | undefined {
  const affinity = pod.spec?.affinity;
  if (affinity?.podAffinity === undefined && affinity?.podAntiAffinity === undefined) return undefined;
  const { podAffinity, podAntiAffinity } = affinity;
  const compile = (terms: readonly PodAffinityTerm[] | undefined): AffinityTerm[] =>
    (terms ?? []).map((term) => compileTerm(term, pod));
  const compileWeighted = (terms: readonly WeightedPodAffinityTerm[] | undefined): WeightedTerm[] =>
    (terms ?? []).map(({ podAffinityTerm, weight }) => ({ term: compileTerm(podAffinityTerm, pod), weight }));
  return {
    requiredAffinity: compile(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAntiAffinity: compile(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: compileWeighted(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: compileWeighted(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

/** A term that names no namespaces and no selector speaks of the pod's own namespace. */
function compileTerm(term: PodAffinityTerm, pod: Pod): AffinityTerm {
  const own = (term.namespaces ?? []).length === 0 && term.namespaceSelector === undefined;
  return {
    topologyKey: term.topologyKey,
    selector: selectorOf(withLabelKeys(term, pod)),
    namespaces: new Set(own ? [pod.metadata.namespace ?? ''] : (term.namespaces ?? [])),
    namespaceSelector: term.namespaceSelector === undefined ? undefined : selectorOf(term.namespaceSelector),
  };
}

/** `matchLabelKeys` and `mismatchLabelKeys` narrow the selector to this pod's own values. */
export function withLabelKeys(
  term: { labelSelector?: LabelSelector; matchLabelKeys?: string[]; mismatchLabelKeys?: string[] },
  pod: Pod,
): LabelSelector | undefined {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  if (labelSelector === undefined || matchLabelKeys.length + mismatchLabelKeys.length === 0) return labelSelector;
  const added: NonNullable<LabelSelector['matchExpressions']> = [];
  const narrow = (keys: readonly string[], operator: 'In' | 'NotIn'): void => {
    for (const key of keys) {
      const value = pod.metadata.labels?.[key];
      if (value !== undefined) added.push({ key, operator, values: [value] });
    }
  };
  narrow(matchLabelKeys, 'In');
  narrow(mismatchLabelKeys, 'NotIn');
  return { ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...added] };
}
