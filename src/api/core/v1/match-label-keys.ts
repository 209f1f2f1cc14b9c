import type { LabelSelectorRequirement } from '../../../machinery/meta-types.generated.ts';
import type { Pod, PodAffinity, PodAffinityTerm, TopologySpreadConstraint } from './types.generated.ts';

/**
 * `matchLabelKeys` mean the values that the new pod itself carries; they are written into the selectors once, at
 * creation, so that the scheduler need not know of them (applyMatchLabelKeysAndMismatchLabelKeys of the pod strategy).
 */
export function applyMatchLabelKeys(pod: Pod): void {
  const { spec } = pod;
  if (spec === undefined || spec === null) return;
  const labels = pod.metadata.labels ?? {};
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    for (const term of termsOf(affinity)) {
      addRequirements(term, term.matchLabelKeys, 'In', labels);
      addRequirements(term, term.mismatchLabelKeys, 'NotIn', labels);
    }
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) {
    addRequirements(constraint, constraint.matchLabelKeys, 'In', labels);
  }
}

function termsOf(affinity: PodAffinity | undefined | null): PodAffinityTerm[] {
  if (affinity === undefined || affinity === null) return [];
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms = preferred.map((weighted) => weighted.podAffinityTerm).filter((term) => Boolean(term));
  return [...(affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []), ...terms];
}

function addRequirements(
  of: PodAffinityTerm | TopologySpreadConstraint,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Readonly<Record<string, string>>,
): void {
  if (keys === undefined || of.labelSelector === undefined || of.labelSelector === null) return;
  const added: LabelSelectorRequirement[] = [];
  for (const key of keys) {
    const value = labels[key];
    if (value !== undefined) added.push({ key, operator, values: [value] });
  }
  if (added.length === 0) return;
  of.labelSelector.matchExpressions = [...(of.labelSelector.matchExpressions ?? []), ...added];
}
