import { allowsNode } from '../../api/core/v1/node-selector.ts';
import { repellingTaint } from '../../api/core/v1/taints.ts';
import type { Pod, TopologySpreadConstraint } from '../../api/core/v1/types.generated.ts';
import { selectorOf } from '../../machinery/labels.ts';
import type { NodeInfo } from '../node-info.ts';
import { controllerOf, type PodInfo, withLabelKeys } from '../pod-info.ts';
import type { Snapshot } from '../snapshot.ts';
import { type Plugin, type Rejection, scoreMax } from './plugin.ts';

const skewed: Rejection = { reasons: ["node(s) didn't match pod topology spread constraints"], resolvable: true };
const unlabelled: Rejection = {
  reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  resolvable: false,
};
const hostnameLabel = 'kubernetes.io/hostname';
const zoneLabel = 'topology.kubernetes.io/zone';

interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Whether the pod that is placed is one of those that are spread. */
  readonly selfMatches: boolean;
  /** Pods on a node that are. */
  readonly count: (node: NodeInfo) => number;
  readonly eligible: (node: NodeInfo) => boolean;
}

/** Keeps the pods a constraint selects evenly spread over the values of a node label. */
export const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  weight: 2,
  retryOn: new Set(['nodeAdded', 'nodeLabelsChanged', 'podAssigned', 'assignedPodLabelsChanged', 'assignedPodGone']),
  prepareFilter({ pod }, snapshot) {
    const constraints = constraintsOf(pod, 'DoNotSchedule');
    if (constraints.length === 0) return undefined;
    const domains = countDomains(constraints, snapshot);
    const checks = constraints.map((constraint, i) => {
      const counts = domains[i] ?? new Map<string, number>();
      const fewest = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
      return { ...constraint, counts, room: constraint.maxSkew + fewest - (constraint.selfMatches ? 1 : 0) };
    });
    return {
      filter(node) {
        for (const { topologyKey, counts, room } of checks) {
          const value = node.node?.metadata.labels?.[topologyKey];
          if (value === undefined) return unlabelled;
          if ((counts.get(value) ?? 0) > room) return skewed;
        }
        return undefined;
      },
    };
  },
  score(pod, nodes, snapshot) {
    const own = constraintsOf(pod.pod, 'ScheduleAnyway');
    const byDefault = (pod.pod.spec?.topologySpreadConstraints ?? []).length === 0;
    const constraints = byDefault ? defaultConstraints(pod) : own;
    if (constraints.length === 0) return undefined;
    return normalizeSpread(nodes.map(scorer(constraints, nodes, snapshot, !byDefault)));
  },
};

function scorer(
  constraints: readonly Constraint[],
  nodes: readonly NodeInfo[],
  snapshot: Snapshot,
  labelsRequired: boolean,
): (node: NodeInfo) => number | undefined {
  const domains = countDomains(constraints, snapshot, labelsRequired);
  const weights = constraints.map(({ topologyKey }) => {
    const values = new Set(nodes.map(({ node }) => node?.metadata.labels?.[topologyKey]));
    return Math.log(values.size + 2);
  });
  return (node) => {
    let score = 0;
    for (let i = 0; i < constraints.length; i += 1) {
      const constraint = constraints[i];
      if (constraint === undefined) continue;
      const value = node.node?.metadata.labels?.[constraint.topologyKey];
      if (value === undefined) {
        if (labelsRequired) return undefined;
        continue;
      }
      score += (domains[i]?.get(value) ?? 0) * (weights[i] ?? 1) + (constraint.maxSkew - 1);
    }
    return Math.round(score);
  };
}

/** The fuller the domain the lower the score; nodes without the labels get none. */
function normalizeSpread(scores: readonly (number | undefined)[]): number[] {
  const known = scores.filter((score) => score !== undefined);
  const highest = Math.max(0, ...known);
  const lowest = known.length === 0 ? 0 : Math.min(...known);
  return scores.map((score) => {
    if (score === undefined) return 0;
    return highest === 0 ? scoreMax : Math.floor((scoreMax * (highest + lowest - score)) / highest);
  });
}

/** Matching pods by value of the topology key, one map a constraint; a domain without any stands with 0. */
function countDomains(
  constraints: readonly Constraint[],
  snapshot: Snapshot,
  allKeysRequired = true,
): Map<string, number>[] {
  const domains = constraints.map(() => new Map<string, number>());
  for (const info of snapshot.nodes) {
    const labels = info.node?.metadata.labels;
    if (allKeysRequired && !constraints.every(({ topologyKey }) => labels?.[topologyKey] !== undefined)) continue;
    for (let i = 0; i < constraints.length; i += 1) {
      const constraint = constraints[i];
      const counts = domains[i];
      const value = constraint === undefined ? undefined : labels?.[constraint.topologyKey];
      if (constraint === undefined || counts === undefined || value === undefined || !constraint.eligible(info))
        continue;
      counts.set(value, (counts.get(value) ?? 0) + constraint.count(info));
    }
  }
  return domains;
}

function countMatching(info: NodeInfo, matches: (pod: Pod) => boolean): number {
  let count = 0;
  for (const { pod } of info.pods.values()) {
    if (pod.metadata.deletionTimestamp === undefined && matches(pod)) count += 1;
  }
  return count;
}

function constraintsOf(pod: Pod, whenUnsatisfiable: string): Constraint[] {
  const constraints = pod.spec?.topologySpreadConstraints ?? [];
  return constraints
    .filter((constraint) => constraint.whenUnsatisfiable === whenUnsatisfiable)
    .map((constraint) => compile(constraint, pod));
}

function compile(constraint: TopologySpreadConstraint, pod: Pod): Constraint {
  const selector = selectorOf(withLabelKeys(constraint, pod));
  const namespace = pod.metadata.namespace;
  const matches = (other: Pod): boolean =>
    other.metadata.namespace === namespace && selector.matches(other.metadata.labels);
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selfMatches: matches(pod),
    count: (info) => countMatching(info, matches),
    eligible: ({ node }) =>
      node !== undefined &&
      (constraint.nodeAffinityPolicy === 'Ignore' || pod.spec === undefined || allowsNode(pod.spec, node)) &&
      (constraint.nodeTaintsPolicy !== 'Honor' ||
        repellingTaint(node.spec?.taints, pod.spec?.tolerations) === undefined),
  };
}

/**
 * Upstream's built-in constraints for pods that name none: spread over hosts and zones with what belongs to the same
 * owner.
 */
function defaultConstraints({ pod }: PodInfo): Constraint[] {
  const owner = controllerOf(pod);
  if (owner === undefined) return [];
  const rest = {
    minDomains: 1,
    selfMatches: true,
    count: (node: NodeInfo): number => node.podsOfController(owner),
    eligible: (): boolean => true,
  };
  return [
    { topologyKey: hostnameLabel, maxSkew: 3, ...rest },
    { topologyKey: zoneLabel, maxSkew: 5, ...rest },
  ];
}
