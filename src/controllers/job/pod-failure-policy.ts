import type { Job, PodFailurePolicyRule } from '../../api/batch/v1/types.generated.ts';
import type { ContainerStatus, Pod } from '../../api/core/v1/types.generated.ts';

/** What a Job's rules say of a pod that failed. */
export interface FailureRuling {
  /** Absent: no rule speaks of it. */
  readonly action?: 'Count' | 'FailIndex' | 'FailJob' | 'Ignore';
  readonly counts: boolean;
  /** For `FailJob`: why. */
  readonly message?: string;
}

/** The first rule that matches decides. */
export function ruleOn(job: Job, pod: Pod): FailureRuling {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const why = matchOf(rule, pod);
    if (why === undefined) continue;
    switch (rule.action) {
      case 'Ignore':
        return { action: 'Ignore', counts: false };
      case 'FailIndex':
        // Without limits per index there are no indexes to fail.
        if (job.spec?.backoffLimitPerIndex !== undefined) return { action: 'FailIndex', counts: true };
        return { counts: true };
      case 'FailJob':
        return { action: 'FailJob', counts: true, message: `${why} matching FailJob rule at index ${index}` };
      default:
        return { action: 'Count', counts: true };
    }
  }
  return { counts: true };
}

function matchOf({ onExitCodes, onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const { namespace = '', name } = pod.metadata;
  if (onExitCodes !== undefined) {
    const { containerName, operator, values } = onExitCodes;
    const statuses: readonly ContainerStatus[] = [
      ...(pod.status?.containerStatuses ?? []),
      ...(pod.status?.initContainerStatuses ?? []),
    ];
    for (const status of statuses) {
      const code = status.state?.terminated?.exitCode ?? 0;
      if (code === 0 || (containerName !== undefined && containerName !== status.name)) continue;
      if (values.includes(code) !== (operator === 'In')) continue;
      return `Container ${status.name} for pod ${namespace}/${name} failed with exit code ${code}`;
    }
    return undefined;
  }
  for (const pattern of onPodConditions ?? []) {
    const found = pod.status?.conditions?.find(({ type }) => type === pattern.type);
    if (found?.status === (pattern.status ?? 'True')) {
      return `Pod ${namespace}/${name} has condition ${pattern.type}`;
    }
  }
  return undefined;
}
