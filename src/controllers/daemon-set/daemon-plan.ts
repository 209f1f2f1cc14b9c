import type { DaemonSet } from '../../api/apps/v1/types.generated.ts';
import { allowsNode } from '../../api/core/v1/node-selector.ts';
import { isTolerated } from '../../api/core/v1/taints.ts';
import type { Node, Pod, PodSpec, Toleration } from '../../api/core/v1/types.generated.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/intstr.ts';
import { isPodAvailable, isPodFinished, isPodReady } from '../pods/pod-state.ts';
import { revisionHashLabel } from '../revisions.ts';

/** What a daemon stands through that other pods do not. */
const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const networkToleration: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

export function tolerationsOf({ tolerations = [], hostNetwork }: PodSpec): Toleration[] {
  const added = hostNetwork === true ? [...daemonTolerations, networkToleration] : daemonTolerations;
  const isPresent = (wanted: Toleration): boolean =>
    tolerations.some(
      ({ key, effect, operator }) => key === wanted.key && effect === wanted.effect && operator === wanted.operator,
    );
  return [...tolerations, ...added.filter((toleration) => !isPresent(toleration))];
}

/** Whether a daemon is to be started on the node, and whether one that is there may stay. */
export function nodeWants(set: DaemonSet, node: Node): { run: boolean; stay: boolean } {
  const spec = set.spec.template.spec ?? { containers: [] };
  if (spec.nodeName !== undefined && spec.nodeName !== '' && spec.nodeName !== node.metadata.name) {
    return { run: false, stay: false };
  }
  if (!allowsNode(spec, node)) return { run: false, stay: false };
  const tolerations = tolerationsOf(spec);
  const untolerated = (node.spec?.taints ?? []).filter((taint) => !isTolerated(taint, tolerations));
  const stay = untolerated.every(({ effect }) => effect !== 'NoExecute');
  return { run: stay && untolerated.every(({ effect }) => effect !== 'NoSchedule'), stay };
}

/** Binds a daemon's pod to its node by way of the scheduler. */
export function bindToNode(pod: Pod, node: string): void {
  const spec = pod.spec ?? { containers: [] };
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  pod.spec = {
    ...spec,
    tolerations: tolerationsOf(spec),
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...spec.affinity?.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
      },
    },
  };
}

/** The node that a daemon's pod is for, bound or not. */
export function nodeOf(pod: Pod): string {
  const bound = pod.spec?.nodeName ?? '';
  if (bound !== '') return bound;
  const terms =
    pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0] ?? '';
}

export interface DaemonPlan {
  /** Nodes that lack a daemon. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
}

/** Which template is the newest, and when it is. */
export interface DaemonMoment {
  readonly hash: string;
  /** ms since the epoch */
  readonly now: number;
}

/** Daemons to start and stop so that every wanted node has exactly one; those of ended pods are started anew. */
export function planDaemons(
  set: DaemonSet,
  nodes: readonly Node[],
  pods: readonly Pod[],
  moment: DaemonMoment,
): DaemonPlan {
  const byNode = Map.groupBy(pods, nodeOf);
  const create: string[] = [];
  const remove: Pod[] = [];
  for (const node of nodes) {
    const { run, stay } = nodeWants(set, node);
    const here = byNode.get(node.metadata.name) ?? [];
    byNode.delete(node.metadata.name);
    const alive = here.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const finished = alive.filter(isPodFinished);
    const running = alive.filter((pod) => !isPodFinished(pod));
    if (!stay) remove.push(...alive);
    else {
      remove.push(...finished, ...surplusOf(set, oldestFirst(running), moment));
      // One that is stopping still has the node's ports: the next starts when it is gone.
      if (run && here.length === 0) create.push(node.metadata.name);
    }
  }
  // Pods for nodes that are gone and were never bound; bound ones are collected with their node.
  for (const orphans of byNode.values()) {
    remove.push(
      ...orphans.filter(
        ({ spec, metadata }) => (spec?.nodeName ?? '') === '' && metadata.deletionTimestamp === undefined,
      ),
    );
  }
  return { create, remove };
}

/** Beside the oldest, none; during a surge an old one and a new one live together until the new one works. */
function surplusOf(set: DaemonSet, oldestFirst: readonly Pod[], { hash, now }: DaemonMoment): Pod[] {
  if (oldestFirst.length <= 1 || maxSurgeOf(set, 1) === 0) return oldestFirst.slice(1);
  const isNew = ({ metadata }: Pod): boolean => metadata.labels?.[revisionHashLabel] === hash;
  const fresh = oldestFirst.find(isNew);
  const old = oldestFirst.find((pod) => !isNew(pod));
  const surplus = oldestFirst.filter((pod) => pod !== fresh && pod !== old);
  if (fresh === undefined || old === undefined) return surplus;
  const mayGo = !isPodReady(old) || isPodAvailable(fresh, set.spec.minReadySeconds ?? 0, now);
  return mayGo ? [...surplus, old] : surplus;
}

/** The step of a rolling update that may be taken now. */
export function planUpdate(
  set: DaemonSet,
  wantedNodes: readonly string[],
  pods: readonly Pod[],
  moment: DaemonMoment,
): DaemonPlan {
  if (set.spec.updateStrategy?.type === 'OnDelete') return { create: [], remove: [] };
  const surge = maxSurgeOf(set, wantedNodes.length);
  if (surge > 0) return { create: planSurge(set, wantedNodes, pods, { ...moment, surge }), remove: [] };
  return { create: [], remove: planReplacement(set, wantedNodes.length, pods, moment) };
}

/** Nodes that get a new daemon beside the old one. */
function planSurge(
  set: DaemonSet,
  wantedNodes: readonly string[],
  pods: readonly Pod[],
  { hash, now, surge }: DaemonMoment & { readonly surge: number },
): string[] {
  const byNode = Map.groupBy(pods, nodeOf);
  const isAvailable = (pod: Pod): boolean => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, now);
  const free: string[] = [];
  const candidates: string[] = [];
  let surging = 0;
  for (const node of wantedNodes) {
    const here = (byNode.get(node) ?? []).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const old = here.filter(({ metadata }) => metadata.labels?.[revisionHashLabel] !== hash);
    const fresh = here.find((pod) => !old.includes(pod));
    if (fresh !== undefined) {
      if (!isAvailable(fresh)) surging++;
    } else if (old.length > 0) {
      // One that does not work anyway costs nothing.
      if (old.some(isAvailable)) candidates.push(node);
      else free.push(node);
    }
  }
  return [...free, ...candidates.slice(0, Math.max(0, surge - surging))];
}

/** Pods of an old template that may go now. */
function planReplacement(
  set: DaemonSet,
  wantedNodes: number,
  pods: readonly Pod[],
  { hash, now }: DaemonMoment,
): Pod[] {
  const limit = set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const allowed = Math.max(1, scaledValueFromIntOrPercent(limit, wantedNodes, true));
  const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const minReadySeconds = set.spec.minReadySeconds ?? 0;
  const isAvailable = (pod: Pod): boolean => isPodAvailable(pod, minReadySeconds, now);
  const old = alive.filter(({ metadata }) => metadata.labels?.[revisionHashLabel] !== hash);
  const unavailable = wantedNodes - alive.filter(isAvailable).length;
  const broken = old.filter((pod) => !isAvailable(pod));
  const room = Math.max(0, allowed - unavailable);
  return [...broken, ...old.filter(isAvailable).slice(0, room)];
}

function maxSurgeOf({ spec }: DaemonSet, wantedNodes: number): number {
  if (spec.updateStrategy?.type === 'OnDelete') return 0;
  return scaledValueFromIntOrPercent(spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0, wantedNodes, true);
}

function oldestFirst(pods: readonly Pod[]): Pod[] {
  const created = ({ metadata }: Pod): string => metadata.creationTimestamp ?? '';
  return [...pods].sort((a, b) => (created(a) < created(b) ? -1 : 1));
}
