import type { Pod } from '../../api/core/v1/types.generated.ts';
import { isPodReady, podCondition, podRestarts } from './pod-state.ts';

const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';
const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * Pods in the order in which a scale-down takes them (k8s.io/kubernetes/pkg/controller ActivePodsWithRanks): what is
 * least use goes first. `neighbours` says how many pods of the same kind share the pod's node.
 */
export function inDeletionOrder(pods: readonly Pod[], neighbours: (pod: Pod) => number, now: number): Pod[] {
  return [...pods].sort((a, b) => compare(a, b, neighbours, now));
}

function compare(a: Pod, b: Pod, neighbours: (pod: Pod) => number, now: number): number {
  return (
    order(isAssigned(a), isAssigned(b)) ||
    order(phaseOrder[a.status?.phase ?? ''] ?? 0, phaseOrder[b.status?.phase ?? ''] ?? 0) ||
    order(Number(isPodReady(a)), Number(isPodReady(b))) ||
    order(costOf(a), costOf(b)) ||
    order(neighbours(b), neighbours(a)) ||
    order(readyRank(a, now), readyRank(b, now)) ||
    order(podRestarts(b), podRestarts(a)) ||
    order(ageRank(a.metadata.creationTimestamp, now), ageRank(b.metadata.creationTimestamp, now)) ||
    (a.metadata.uid ?? '').localeCompare(b.metadata.uid ?? '')
  );
}

function order(a: number, b: number): number {
  return a - b;
}

function isAssigned(pod: Pod): number {
  return pod.spec?.nodeName === undefined || pod.spec.nodeName === '' ? 0 : 1;
}

function costOf(pod: Pod): number {
  const cost = Number(pod.metadata.annotations?.[deletionCost] ?? 0);
  return Number.isInteger(cost) ? cost : 0;
}

function readyRank(pod: Pod, now: number): number {
  return isPodReady(pod) ? ageRank(podCondition(pod, 'Ready')?.lastTransitionTime, now) : 0;
}

/** Ages are compared by magnitude, so that pods of about the same age are chosen among by chance and not by seconds. */
function ageRank(timestamp: string | undefined, now: number): number {
  if (timestamp === undefined) return 0;
  const ageSeconds = (now - Date.parse(timestamp)) / 1000;
  return ageSeconds < 1 ? 0 : Math.floor(Math.log2(ageSeconds));
}
