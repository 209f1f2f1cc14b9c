import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../api/core/v1/types.generated.ts';

/** Whether the node is one the pod's `nodeSelector` and required node affinity allow. */
export function podAllowsNode(pod: Pod, node: Node): boolean {
  const spec = pod.spec;
  const labels = node.metadata.labels;
  for (const key in spec?.nodeSelector) if (labels?.[key] !== spec.nodeSelector[key]) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return required.nodeSelectorTerms.some((term) => termMatchesNode(term, node));
}

/** A term without requirements matches nothing. */
export function termMatchesNode(term: NodeSelectorTerm, node: Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  const labels = node.metadata.labels;
  return (
    expressions.every((requirement) => requirementMatches(requirement, labels?.[requirement.key])) &&
    fields.every((requirement) => requirementMatches(requirement, fieldOf(node, requirement.key)))
  );
}

/**
 * The only nodes a pod can go to by name (as daemons' pods are bound), or undefined when it is not tied to names.
 * Every term must name nodes, since terms are alternatives.
 */
export function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined || required.nodeSelectorTerms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of required.nodeSelectorTerms) {
    const named = term.matchFields?.find(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (named === undefined) return undefined;
    for (const name of named.values ?? []) names.add(name);
  }
  return names;
}

function fieldOf(node: Node, path: string): string | undefined {
  return path === 'metadata.name' ? node.metadata.name : undefined;
}

function requirementMatches({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compareIntegers(value, values[0]) > 0;
    case 'Lt':
      return compareIntegers(value, values[0]) < 0;
    default:
      return false;
  }
}

const integer = /^[+-]?\d+$/;

/** NaN, which is neither above nor below, when one of them is no integer. */
function compareIntegers(left: string | undefined, right: string | undefined): number {
  if (left === undefined || right === undefined || !integer.test(left) || !integer.test(right)) return Number.NaN;
  const difference = BigInt(left) - BigInt(right);
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}
