import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/policy/v1/types.generated.ts';
import { scaledValueFromIntOrPercent } from '../../machinery/intstr.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { isPodReady } from '../pods/pod-state.ts';

/** An eviction that was allowed and whose pod is still there after this long did not happen. */
const disruptionMsMax = 120_000;

/** How many of the pods may be disturbed now. `scale` is what their controllers want to have. */
export function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: number,
  now: number,
): PodDisruptionBudgetStatus {
  const { expected, desired } = goalsOf(budget, pods.length, scale);
  const disruptedPods = stillDisrupted(budget, pods, now);
  const healthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined && disruptedPods[pod.metadata.name] === undefined && isPodReady(pod),
  ).length;
  const allowed = expected === 0 ? 0 : Math.max(0, healthy - desired);
  const { conditions = [] } = budget.status ?? {};
  const status = allowed > 0 ? 'True' : 'False';
  const present = conditions.find(({ type }) => type === 'DisruptionAllowed');
  const others = conditions.filter(({ type }) => type !== 'DisruptionAllowed');
  const observedGeneration = budget.metadata.generation ?? 0;
  return {
    observedGeneration,
    ...(Object.keys(disruptedPods).length === 0 ? {} : { disruptedPods }),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: [
      ...others,
      {
        type: 'DisruptionAllowed',
        status,
        reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        observedGeneration,
        lastTransitionTime: present?.status === status ? present.lastTransitionTime : rfc3339(now),
      },
    ],
  };
}

/** When an entry of `disruptedPods` will have run out; undefined: there is none. */
export function nextExpiryMs({ disruptedPods = {} }: PodDisruptionBudgetStatus, now: number): number | undefined {
  const times = Object.values(disruptedPods).map((time) => Date.parse(time) + disruptionMsMax - now);
  return times.length === 0 ? undefined : Math.max(0, Math.min(...times)) + 1;
}

function goalsOf(
  { spec }: PodDisruptionBudget,
  count: number,
  scale: number,
): { readonly expected: number; readonly desired: number } {
  const { maxUnavailable, minAvailable = 1 } = spec ?? {};
  if (maxUnavailable !== undefined) {
    const unavailable = scaledValueFromIntOrPercent(maxUnavailable, scale, true);
    return { expected: scale, desired: Math.max(0, scale - unavailable) };
  }
  if (typeof minAvailable === 'number') return { expected: count, desired: minAvailable };
  return { expected: scale, desired: scaledValueFromIntOrPercent(minAvailable, scale, true) };
}

function stillDisrupted(budget: PodDisruptionBudget, pods: readonly Pod[], now: number): Record<string, string> {
  const disrupted: Record<string, string> = {};
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  for (const [name, time] of Object.entries(budget.status?.disruptedPods ?? {})) {
    const pod = byName.get(name);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    if (now - Date.parse(time) < disruptionMsMax) disrupted[name] = time;
  }
  return disrupted;
}
