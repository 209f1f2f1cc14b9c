import { allowsNode, termMatchesNode } from '../../api/core/v1/node-selector.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { normalize, type Plugin, type Rejection } from './plugin.ts';

const rejection: Rejection = { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  weight: 2,
  retryOn: new Set(['nodeAdded', 'nodeLabelsChanged']),
  prepareFilter({ pod }) {
    const { spec } = pod;
    const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (spec === undefined || (required === undefined && spec.nodeSelector === undefined)) return undefined;
    const nodeNames = namedNodes(pod);
    return {
      ...(nodeNames === undefined ? {} : { nodeNames }),
      filter: ({ node }) => (node !== undefined && allowsNode(spec, node) ? undefined : rejection),
    };
  },
  score({ pod }, nodes) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    const weights = nodes.map(({ node }) => {
      let sum = 0;
      for (const { preference, weight } of preferred) {
        if (node !== undefined && termMatchesNode(preference, node)) sum += weight;
      }
      return sum;
    });
    return normalize(weights);
  },
};

/**
 * The only nodes a pod can go to by name (as daemons' pods are bound), or undefined when it is not tied to names.
 * Every term must name nodes, since terms are alternatives.
 */
function namedNodes(pod: Pod): ReadonlySet<string> | undefined {
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
