import type { NamespaceCondition } from '../../api/core/v1/types.generated.ts';
import { formatGroupResource } from '../../machinery/meta.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { Remaining } from './namespace-content.ts';

/** How far the deletion of a namespace has come. */
export interface DeletionOutcome {
  readonly discoveryFailures: readonly string[];
  readonly deletionFailures: readonly string[];
  readonly remaining: readonly Remaining[];
}

interface Facts {
  readonly type: string;
  readonly bad: boolean;
  readonly reason: string;
  readonly message: string;
}

/** The five conditions of a namespace that is going away, worded as upstream's controller words them. */
export function deletionConditions(
  old: readonly NamespaceCondition[],
  outcome: DeletionOutcome,
  now: number,
): NamespaceCondition[] {
  const ours = factsOf(outcome);
  const types = new Set(ours.map(({ type }) => type));
  const conditions = old.filter(({ type }) => !types.has(type));
  for (const { type, bad, reason, message } of ours) {
    const status = bad ? 'True' : 'False';
    const present = old.find((condition) => condition.type === type);
    const same = present?.status === status;
    const lastTransitionTime = same ? (present.lastTransitionTime ?? rfc3339(now)) : rfc3339(now);
    conditions.push({ type, status, lastTransitionTime, reason, message });
  }
  return conditions;
}

function factsOf({ discoveryFailures, deletionFailures, remaining }: DeletionOutcome): Facts[] {
  const left = remaining.filter(({ count }) => count > 0);
  const finalizers = countFinalizers(left);
  return [
    discoveryFailures.length > 0
      ? {
          type: 'NamespaceDeletionDiscoveryFailure',
          bad: true,
          reason: 'DiscoveryFailed',
          message: `Discovery failed for some groups, ${discoveryFailures.length} failing: ${discoveryFailures.join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionDiscoveryFailure',
          bad: false,
          reason: 'ResourcesDiscovered',
          message: 'All resources successfully discovered',
        },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      bad: false,
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    deletionFailures.length > 0
      ? {
          type: 'NamespaceDeletionContentFailure',
          bad: true,
          reason: 'ContentDeletionFailed',
          message: `Failed to delete all resource types, ${deletionFailures.length} remaining: ${deletionFailures.join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionContentFailure',
          bad: false,
          reason: 'ContentDeleted',
          message: 'All content successfully deleted, may be waiting on finalization',
        },
    left.length > 0
      ? {
          type: 'NamespaceContentRemaining',
          bad: true,
          reason: 'SomeResourcesRemain',
          message: `Some resources are remaining: ${left.map(describe).sort().join(', ')}`,
        }
      : {
          type: 'NamespaceContentRemaining',
          bad: false,
          reason: 'ContentRemoved',
          message: 'All content successfully removed',
        },
    finalizers.length > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          bad: true,
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}`,
        }
      : {
          type: 'NamespaceFinalizersRemaining',
          bad: false,
          reason: 'ContentHasNoFinalizers',
          message: 'All content-preserving finalizers finished',
        },
  ];
}

function describe({ resource, count }: Remaining): string {
  return `${formatGroupResource(resource)} has ${count} resource instances`;
}

function countFinalizers(remaining: readonly Remaining[]): string[] {
  const counts = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [name, count] of finalizers) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  return [...counts].map(([name, count]) => `${name} in ${count} resource instances`).sort();
}
