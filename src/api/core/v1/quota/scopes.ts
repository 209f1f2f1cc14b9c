import type { UnknownObject } from '../../../../machinery/meta.ts';
import { as } from '../../../resource.ts';
import { qosClassOf } from '../pod-qos.ts';
import type {
  Pod,
  PodAffinityTerm,
  PodSpec,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from '../types.generated.ts';

/** Whether a quota counts an object, apart from which resources it names. Only pods have scopes. */
export function isInScope(
  { scopes = [], scopeSelector }: ResourceQuotaSpec,
  of: { readonly group: string; readonly resource: string },
  object: UnknownObject,
): boolean {
  const requirements: ScopedResourceSelectorRequirement[] = [
    ...scopes.map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(scopeSelector?.matchExpressions ?? []),
  ];
  if (requirements.length === 0) return true;
  if (of.group !== '' || of.resource !== 'pods') return false;
  return requirements.every((requirement) => podMatches(requirement, as<Pod>(object)));
}

function podMatches(requirement: ScopedResourceSelectorRequirement, { spec }: Pod): boolean {
  switch (requirement.scopeName) {
    case 'Terminating':
      return isTerminating(spec);
    case 'NotTerminating':
      return !isTerminating(spec);
    case 'BestEffort':
      return qosClassOf(spec) === 'BestEffort';
    case 'NotBestEffort':
      return qosClassOf(spec) !== 'BestEffort';
    case 'PriorityClass':
      return priorityClassMatches(requirement, spec.priorityClassName ?? '');
    case 'CrossNamespacePodAffinity':
      return looksIntoOtherNamespaces(spec);
    default:
      return false;
  }
}

/** Bound to end: nothing to do with being deleted. */
function isTerminating({ activeDeadlineSeconds }: PodSpec): boolean {
  return activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0;
}

function priorityClassMatches({ operator, values = [] }: ScopedResourceSelectorRequirement, name: string): boolean {
  switch (operator) {
    case 'In':
      return values.includes(name);
    case 'NotIn':
      return !values.includes(name);
    case 'DoesNotExist':
      return name === '';
    default:
      return name !== '';
  }
}

function looksIntoOtherNamespaces({ affinity }: PodSpec): boolean {
  const isCross = ({ namespaces = [], namespaceSelector }: PodAffinityTerm): boolean =>
    namespaces.length > 0 || namespaceSelector !== undefined;
  return [affinity?.podAffinity, affinity?.podAntiAffinity].some(
    (kind) =>
      (kind?.requiredDuringSchedulingIgnoredDuringExecution ?? []).some(isCross) ||
      (kind?.preferredDuringSchedulingIgnoredDuringExecution ?? []).some(({ podAffinityTerm }) =>
        isCross(podAffinityTerm),
      ),
  );
}
