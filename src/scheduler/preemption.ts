import type { PodDisruptionBudget } from '../api/policy/v1/types.generated.ts';
import { selectorOf } from '../machinery/labels.ts';
import { failureMessage } from './failure-message.ts';
import type { NodeInfo } from './node-info.ts';
import type { Plugin, Rejection } from './plugins/plugin.ts';
import type { PodInfo } from './pod-info.ts';
import { type Diagnosis, fits } from './schedule.ts';
import { overlay, type Snapshot } from './snapshot.ts';

/** Removing these pods from this node makes room. */
export interface Eviction {
  readonly node: string;
  readonly victims: readonly PodInfo[];
}

export type PreemptionResult =
  | { readonly kind: 'evict'; readonly eviction: Eviction }
  /**
   * `message` joins what the scheduler says of the failure; empty when nothing is to be said. A pod that waits for a
   * node's victims to go `keepsNomination`; one no victims can help loses it.
   */
  | { readonly kind: 'none'; readonly message: string; readonly keepsNomination: boolean };

export interface PreemptionOptions {
  readonly plugins: readonly Plugin[];
  readonly budgets: readonly PodDisruptionBudget[];
  /** Where among the candidates the search begins. */
  readonly offset: number;
}

const noVictims: Rejection = { reasons: ['No preemption victims found for incoming pod'], resolvable: false };
const notHelpful: Rejection = { reasons: ['Preemption is not helpful for scheduling'], resolvable: false };

/** Of a large cluster only a tenth of the nodes, or this many, are tried: any good place will do. */
const candidatesMin = 100;

interface Candidate extends Eviction {
  readonly violations: number;
}

/** Finds the node where the least important pods must go for this one to fit. Pure. */
export function planPreemption(
  snapshot: Snapshot,
  pod: PodInfo,
  diagnosis: Diagnosis,
  options: PreemptionOptions,
): PreemptionResult {
  const ineligible = whyIneligible(snapshot, pod);
  if (ineligible !== undefined) return { kind: 'none', message: `preemption: ${ineligible}`, keepsNomination: true };
  if (diagnosis.nodeCount === 0) return { kind: 'none', message: '', keepsNomination: false };
  const { candidates, rejections } = findCandidates(snapshot, pod, diagnosis, options);
  const best = candidates.reduce<Candidate | undefined>(
    (chosen, next) => (chosen === undefined || compareCandidates(next, chosen) < 0 ? next : chosen),
    undefined,
  );
  if (best !== undefined) return { kind: 'evict', eviction: best };
  const failed: Diagnosis = { nodeCount: diagnosis.nodeCount, rejections, leftOut: notHelpful, plugins: new Set() };
  return { kind: 'none', message: `preemption: ${failureMessage(failed)}`, keepsNomination: false };
}

function whyIneligible(snapshot: Snapshot, { pod, priority }: PodInfo): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = snapshot.node(pod.status?.nominatedNodeName ?? '');
  for (const other of nominated?.pods.values() ?? []) {
    if (other.priority < priority && other.pod.metadata.deletionTimestamp !== undefined) {
      return 'not eligible due to a terminating pod on the nominated node.';
    }
  }
  return undefined;
}

function findCandidates(
  snapshot: Snapshot,
  pod: PodInfo,
  diagnosis: Diagnosis,
  options: PreemptionOptions,
): { candidates: Candidate[]; rejections: Map<string, Rejection> } {
  const hopeful = snapshot.nodes.filter(({ name }) => diagnosis.rejections.get(name)?.resolvable === true);
  const wanted = Math.max(candidatesMin, Math.floor(snapshot.nodes.length / 10));
  const candidates: Candidate[] = [];
  const rejections = new Map<string, Rejection>();
  for (let i = 0; i < hopeful.length && candidates.length < wanted; i += 1) {
    const node = hopeful[(options.offset + i) % hopeful.length];
    if (node === undefined) continue;
    const candidate = victimsOn(node, snapshot, pod, options);
    if (candidate === undefined) rejections.set(node.name, noVictims);
    else candidates.push(candidate);
  }
  return { candidates, rejections };
}

/** Removes every less important pod, then takes back as many as fit, those first whose budget would be broken. */
function victimsOn(
  node: NodeInfo,
  snapshot: Snapshot,
  pod: PodInfo,
  { plugins, budgets }: PreemptionOptions,
): Candidate | undefined {
  const lesser = [...node.pods.values()].filter(({ priority }) => priority < pod.priority);
  if (lesser.length === 0) return undefined;
  const trial = node.clone();
  for (const { key } of lesser) trial.remove(key);
  for (const other of snapshot.nominated(node.name)) {
    if (other.priority >= pod.priority && other.key !== pod.key) trial.add(other);
  }
  const view = overlay(snapshot, new Map([[node.name, trial]]));
  if (!fits(view, pod, trial, plugins)) return undefined;
  const { violating, others } = splitByBudget(lesser.sort(compareImportance), budgets);
  const victims: PodInfo[] = [];
  const reprieve = (victim: PodInfo): boolean => {
    trial.add(victim);
    if (fits(overlay(snapshot, new Map([[node.name, trial]])), pod, trial, plugins)) return true;
    trial.remove(victim.key);
    victims.push(victim);
    return false;
  };
  const violations = violating.filter((victim) => !reprieve(victim)).length;
  for (const victim of others) reprieve(victim);
  if (victims.length === 0) return undefined;
  return { node: node.name, victims: victims.sort(compareImportance), violations };
}

/** Pods whose eviction would take a disruption budget below zero, counting the ones before them. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly PodDisruptionBudget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const counted = budgets.map((budget) => ({
    namespace: budget.metadata.namespace,
    selector: selectorOf(budget.spec?.selector),
    disrupted: budget.status?.disruptedPods ?? {},
    left: budget.status?.disruptionsAllowed ?? 0,
  }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const { namespace, name = '', labels } = info.pod.metadata;
    let violates = false;
    for (const budget of counted) {
      if (budget.namespace !== namespace || labels === undefined || budget.selector.empty) continue;
      if (!budget.selector.matches(labels) || budget.disrupted[name] !== undefined) continue;
      budget.left -= 1;
      violates ||= budget.left < 0;
    }
    (violates ? violating : others).push(info);
  }
  return { violating, others };
}

/** Most important first: priority, then who has run longer. */
function compareImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || compareText(startOf(a), startOf(b));
}

/** Upstream's pickOneNodeForPreemption, criterion by criterion; negative when `a` is the better place. */
function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.violations - b.violations ||
    highestPriority(a) - highestPriority(b) ||
    sumOfPriorities(a) - sumOfPriorities(b) ||
    a.victims.length - b.victims.length ||
    compareText(earliestStart(b), earliestStart(a))
  );
}

function highestPriority({ victims }: Eviction): number {
  return victims[0]?.priority ?? Number.NEGATIVE_INFINITY;
}

/** Shifted to be positive, so that fewer victims with negative priority are not the worse choice. */
function sumOfPriorities({ victims }: Eviction): number {
  return victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0);
}

function earliestStart(candidate: Eviction): string {
  const highest = highestPriority(candidate);
  const starts = candidate.victims.filter(({ priority }) => priority === highest).map(startOf);
  return starts.sort(compareText)[0] ?? '';
}

/** RFC 3339 in UTC sorts as text; a pod that has not started is the youngest. */
function startOf({ pod }: PodInfo): string {
  return pod.status?.startTime ?? '9999';
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
