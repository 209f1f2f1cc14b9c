import type { NodeInfo } from '../node-info.ts';
import { type AffinityTerm, type PodInfo, termMatches } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Plugin, type Rejection, scoreMax } from './plugin.ts';

const noAffinity: Rejection = { reasons: ["node(s) didn't match pod affinity rules"], resolvable: false };
const antiAffinity: Rejection = { reasons: ["node(s) didn't match pod anti-affinity rules"], resolvable: true };
const othersAntiAffinity: Rejection = {
  reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"],
  resolvable: true,
};

/** What a pod already there counts for, when its required affinity matches the new one. */
const hardAffinityWeight = 1;

/** Numbers by topology key and value. */
class TopologyCounts {
  readonly #counts = new Map<string, Map<string, number>>();

  get size(): number {
    return this.#counts.size;
  }

  add(info: NodeInfo, key: string, change: number): void {
    const value = info.node?.metadata.labels?.[key];
    if (value === undefined) return;
    const values = this.#counts.get(key) ?? new Map<string, number>();
    values.set(value, (values.get(value) ?? 0) + change);
    this.#counts.set(key, values);
  }

  at(info: NodeInfo, key: string): number {
    const value = info.node?.metadata.labels?.[key];
    return value === undefined ? 0 : (this.#counts.get(key)?.get(value) ?? 0);
  }

  /** Sum over all keys the node has. */
  sumAt(info: NodeInfo): number {
    let sum = 0;
    for (const key of this.#counts.keys()) sum += this.at(info, key);
    return sum;
  }

  keys(): IterableIterator<string> {
    return this.#counts.keys();
  }
}

export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  weight: 2,
  retryOn: new Set([
    'nodeAdded',
    'nodeLabelsChanged',
    'podAssigned',
    'assignedPodLabelsChanged',
    'assignedPodGone',
    'namespaceLabelsChanged',
  ]),
  prepareFilter(pod, snapshot) {
    const required = pod.affinity?.requiredAffinity ?? [];
    const anti = pod.affinity?.requiredAntiAffinity ?? [];
    const existing = countExistingAntiAffinity(pod, snapshot);
    if (required.length === 0 && anti.length === 0 && existing.size === 0) return undefined;
    const { affinityCounts, antiCounts } = countIncoming(required, anti, snapshot);
    // The first pod of a group that wants to be together matches itself and may go anywhere.
    const first = affinityCounts.size === 0 && required.every((term) => matches(term, pod, snapshot));
    return {
      filter(node) {
        for (const { topologyKey } of required) {
          if (node.node?.metadata.labels?.[topologyKey] === undefined) return noAffinity;
          if (!first && affinityCounts.at(node, topologyKey) <= 0) return noAffinity;
        }
        for (const { topologyKey } of anti) if (antiCounts.at(node, topologyKey) > 0) return antiAffinity;
        for (const key of existing.keys()) if (existing.at(node, key) > 0) return othersAntiAffinity;
        return undefined;
      },
    };
  },
  score(pod, nodes, snapshot) {
    const counts = countPreferences(pod, snapshot);
    if (counts.size === 0) return undefined;
    return normalizeRange(nodes.map((node) => counts.sumAt(node)));
  },
};

function countExistingAntiAffinity(pod: PodInfo, snapshot: Snapshot): TopologyCounts {
  const counts = new TopologyCounts();
  for (const info of snapshot.nodesWithAffinity) {
    for (const other of info.podsWithAffinity.values()) {
      for (const term of other.affinity?.requiredAntiAffinity ?? []) {
        if (matches(term, pod, snapshot)) counts.add(info, term.topologyKey, 1);
      }
    }
  }
  return counts;
}

function countIncoming(
  required: readonly AffinityTerm[],
  anti: readonly AffinityTerm[],
  snapshot: Snapshot,
): { affinityCounts: TopologyCounts; antiCounts: TopologyCounts } {
  const affinityCounts = new TopologyCounts();
  const antiCounts = new TopologyCounts();
  if (required.length + anti.length === 0) return { affinityCounts, antiCounts };
  for (const info of snapshot.nodes) {
    for (const other of info.pods.values()) {
      if (required.length > 0 && required.every((term) => matches(term, other, snapshot))) {
        for (const { topologyKey } of required) affinityCounts.add(info, topologyKey, 1);
      }
      for (const term of anti) if (matches(term, other, snapshot)) antiCounts.add(info, term.topologyKey, 1);
    }
  }
  return { affinityCounts, antiCounts };
}

function countPreferences(pod: PodInfo, snapshot: Snapshot): TopologyCounts {
  const counts = new TopologyCounts();
  const affinity = pod.affinity?.preferredAffinity ?? [];
  const anti = pod.affinity?.preferredAntiAffinity ?? [];
  const all = affinity.length + anti.length > 0;
  for (const info of all ? snapshot.nodes : snapshot.nodesWithAffinity) {
    for (const other of (all ? info.pods : info.podsWithAffinity).values()) {
      for (const { term, weight } of affinity) {
        if (matches(term, other, snapshot)) counts.add(info, term.topologyKey, weight);
      }
      for (const { term, weight } of anti) {
        if (matches(term, other, snapshot)) counts.add(info, term.topologyKey, -weight);
      }
      countPreferencesOf(other, pod, info, snapshot, counts);
    }
  }
  return counts;
}

/** What the pods that are there think of the new one. */
function countPreferencesOf(
  other: PodInfo,
  pod: PodInfo,
  info: NodeInfo,
  snapshot: Snapshot,
  counts: TopologyCounts,
): void {
  if (other.affinity === undefined) return;
  for (const term of other.affinity.requiredAffinity) {
    if (matches(term, pod, snapshot)) counts.add(info, term.topologyKey, hardAffinityWeight);
  }
  for (const { term, weight } of other.affinity.preferredAffinity) {
    if (matches(term, pod, snapshot)) counts.add(info, term.topologyKey, weight);
  }
  for (const { term, weight } of other.affinity.preferredAntiAffinity) {
    if (matches(term, pod, snapshot)) counts.add(info, term.topologyKey, -weight);
  }
}

function matches(term: AffinityTerm, pod: PodInfo, snapshot: Snapshot): boolean {
  return termMatches(term, pod.pod, snapshot.namespaceLabels);
}

/** Scores may be negative: the lowest becomes 0 and the highest 100. */
function normalizeRange(scores: number[]): number[] {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const score of scores) {
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  const range = highest - lowest;
  return scores.map((score) => (range > 0 ? Math.floor((scoreMax * (score - lowest)) / range) : 0));
}
