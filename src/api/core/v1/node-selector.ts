import type { Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from './types.generated.ts';

/** Whether `nodeSelector` and the required node affinity let a pod onto the node. */
export function allowsNode({ nodeSelector, affinity }: PodSpec, node: Node): boolean {
  const labels = node.metadata.labels;
  for (const key in nodeSelector) if (labels?.[key] !== nodeSelector[key]) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => termMatchesNode(term, node));
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
