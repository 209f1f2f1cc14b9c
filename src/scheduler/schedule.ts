import type { NodeInfo } from './node-info.ts';
import type { Plugin, PreparedFilter, Rejection } from './plugins/plugin.ts';
import type { PodInfo } from './pod-info.ts';
import { overlay, type Snapshot } from './snapshot.ts';

/** Why no node would do. */
export interface Diagnosis {
  readonly nodeCount: number;
  /** By node name, for the nodes that were asked. */
  readonly rejections: ReadonlyMap<string, Rejection>;
  /** For the nodes that were left out from the start. */
  readonly leftOut: Rejection | undefined;
  /** Set when the pod was turned away before any node was asked. */
  readonly rejected?: Rejection;
  /** The rules that turned the pod away: what may help it is told by them. */
  readonly plugins: ReadonlySet<string>;
}

export type ScheduleResult =
  | { readonly kind: 'scheduled'; readonly node: string; readonly evaluated: number; readonly feasible: number }
  | { readonly kind: 'unschedulable'; readonly diagnosis: Diagnosis };

export interface ScheduleOptions {
  readonly plugins: readonly Plugin[];
  /** Where the search begins, so that cycles that stop early do not always see the same nodes. */
  readonly startIndex: number;
  /** 0 adapts to the size of the cluster, as upstream does. */
  readonly percentageOfNodesToScore: number;
  /** 0 <= x < 1; chooses among nodes of the same score. */
  readonly random: () => number;
}

interface NamedFilter {
  readonly plugin: Plugin;
  readonly prepared: PreparedFilter;
}

/** Finds the best node for a pod. Pure: reads the snapshot and changes nothing. */
export function schedule(snapshot: Snapshot, pod: PodInfo, options: ScheduleOptions): ScheduleResult {
  const filters = prepareFilters(snapshot, pod, options.plugins);
  const refusal = filters.find(({ prepared }) => prepared.rejected !== undefined);
  if (refusal?.prepared.rejected !== undefined) {
    return { kind: 'unschedulable', diagnosis: refusalOf(snapshot, refusal.plugin, refusal.prepared.rejected) };
  }
  const search = new Search(snapshot, pod, filters);
  const nominated = snapshot.node(pod.pod.status?.nominatedNodeName ?? '');
  if (nominated !== undefined && search.accepts(nominated)) {
    return { kind: 'scheduled', node: nominated.name, evaluated: 1, feasible: 1 };
  }
  const { feasible, evaluated } = search.run(options);
  if (feasible.length === 0) return { kind: 'unschedulable', diagnosis: search.diagnosis() };
  const node = feasible.length === 1 ? feasible[0] : bestOf(feasible, score(snapshot, pod, feasible, options), options);
  if (node === undefined) return { kind: 'unschedulable', diagnosis: search.diagnosis() };
  return { kind: 'scheduled', node: node.name, evaluated, feasible: feasible.length };
}

/** Whether the pod could run on this one node as the snapshot shows it. */
export function fits(snapshot: Snapshot, pod: PodInfo, node: NodeInfo, plugins: readonly Plugin[]): boolean {
  return prepareFilters(snapshot, pod, plugins).every(({ prepared }) => allows(prepared, node));
}

/** Upstream's numFeasibleNodesToFind: all below 100 nodes, then a share that shrinks to 5 %, never under 100. */
export function feasibleNodesWanted(nodes: number, percentage: number): number {
  const least = 100;
  if (nodes < least || percentage >= 100) return nodes;
  const share = percentage > 0 ? percentage : Math.max(5, 50 - Math.floor(nodes / 125));
  return Math.max(least, Math.floor((nodes * share) / 100));
}

function prepareFilters(snapshot: Snapshot, pod: PodInfo, plugins: readonly Plugin[]): NamedFilter[] {
  const filters: NamedFilter[] = [];
  for (const plugin of plugins) {
    const prepared = plugin.prepareFilter?.(pod, snapshot);
    if (prepared !== undefined) filters.push({ plugin, prepared });
  }
  return filters;
}

function allows({ nodeNames, filter }: PreparedFilter, node: NodeInfo): boolean {
  return (nodeNames === undefined || nodeNames.has(node.name)) && filter(node) === undefined;
}

function refusalOf(snapshot: Snapshot, plugin: Plugin, rejected: Rejection): Diagnosis {
  return {
    nodeCount: snapshot.nodes.length,
    rejections: new Map(),
    leftOut: rejected,
    rejected,
    plugins: new Set([plugin.name]),
  };
}

class Search {
  readonly #snapshot: Snapshot;
  readonly #pod: PodInfo;
  readonly #filters: readonly NamedFilter[];
  readonly #rejections = new Map<string, Rejection>();
  readonly #plugins = new Set<string>();
  #leftOut: Rejection | undefined;

  constructor(snapshot: Snapshot, pod: PodInfo, filters: readonly NamedFilter[]) {
    this.#snapshot = snapshot;
    this.#pod = pod;
    this.#filters = filters;
  }

  accepts(node: NodeInfo): boolean {
    return this.#filters.every(({ prepared }) => allows(prepared, node)) && this.#acceptsBesideNominated(node);
  }

  run(options: ScheduleOptions): { feasible: NodeInfo[]; evaluated: number } {
    const nodes = this.#candidates();
    const wanted = feasibleNodesWanted(nodes.length, options.percentageOfNodesToScore);
    const feasible: NodeInfo[] = [];
    let evaluated = 0;
    while (evaluated < nodes.length && feasible.length < wanted) {
      const node = nodes[(options.startIndex + evaluated) % nodes.length];
      evaluated += 1;
      if (node !== undefined && this.#check(node)) feasible.push(node);
    }
    return { feasible, evaluated };
  }

  diagnosis(): Diagnosis {
    return {
      nodeCount: this.#snapshot.nodes.length,
      rejections: this.#rejections,
      leftOut: this.#leftOut,
      plugins: this.#plugins,
    };
  }

  /** All nodes, or those the pod is tied to by name. */
  #candidates(): readonly NodeInfo[] {
    const tying = this.#filters.filter(({ prepared }) => prepared.nodeNames !== undefined);
    const [first] = tying;
    if (first?.prepared.nodeNames === undefined) return this.#snapshot.nodes;
    const names = tying.map(({ plugin }) => plugin.name).sort();
    for (const name of names) this.#plugins.add(name);
    this.#leftOut = { reasons: [`node(s) didn't satisfy plugin(s) [${names.join(' ')}]`], resolvable: false };
    const nodes: NodeInfo[] = [];
    for (const name of first.prepared.nodeNames) {
      const node = this.#snapshot.node(name);
      const wanted = tying.every(({ prepared }) => prepared.nodeNames?.has(name) === true);
      if (node !== undefined && wanted) nodes.push(node);
    }
    return nodes;
  }

  #check(node: NodeInfo): boolean {
    for (const { plugin, prepared } of this.#filters) {
      const rejection = prepared.filter(node);
      if (rejection === undefined) continue;
      this.#reject(node, plugin, rejection);
      return false;
    }
    return this.#acceptsBesideNominated(node);
  }

  /** The pod must also leave room for pods at least as important that wait for their victims to go from here. */
  #acceptsBesideNominated(node: NodeInfo): boolean {
    const waiting = this.#snapshot
      .nominated(node.name)
      .filter(({ key, priority }) => key !== this.#pod.key && priority >= this.#pod.priority);
    if (waiting.length === 0) return true;
    const crowded = node.clone();
    for (const pod of waiting) crowded.add(pod);
    const view = overlay(this.#snapshot, new Map([[node.name, crowded]]));
    for (const { plugin } of this.#filters) {
      const rejection = plugin.prepareFilter?.(this.#pod, view)?.filter(crowded);
      if (rejection === undefined) continue;
      this.#reject(node, plugin, rejection);
      return false;
    }
    return true;
  }

  #reject(node: NodeInfo, plugin: Plugin, rejection: Rejection): void {
    this.#rejections.set(node.name, rejection);
    this.#plugins.add(plugin.name);
  }
}

function score(
  snapshot: Snapshot,
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  { plugins }: ScheduleOptions,
): readonly number[] {
  const totals = new Array<number>(nodes.length).fill(0);
  for (const plugin of plugins) {
    const scores = plugin.score?.(pod, nodes, snapshot);
    if (scores === undefined) continue;
    const weight = plugin.weight ?? 1;
    for (let i = 0; i < totals.length; i += 1) totals[i] = (totals[i] ?? 0) + weight * (scores[i] ?? 0);
  }
  return totals;
}

/** The highest score; among equals each is as likely as any other. */
function bestOf(
  nodes: readonly NodeInfo[],
  scores: readonly number[],
  { random }: ScheduleOptions,
): NodeInfo | undefined {
  let best = Number.NEGATIVE_INFINITY;
  let ties = 0;
  let chosen: NodeInfo | undefined;
  nodes.forEach((node, i) => {
    const own = scores[i] ?? 0;
    if (own < best) return;
    ties = own > best ? 1 : ties + 1;
    best = own;
    if (ties === 1 || random() < 1 / ties) chosen = node;
  });
  return chosen;
}
