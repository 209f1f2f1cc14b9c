import { namedNodes, podAllowsNode, termMatchesNode } from '../node-affinity.ts';
import { normalize, type Plugin, type Rejection } from './plugin.ts';

const rejection: Rejection = { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  weight: 2,
  retryOn: new Set(['nodeAdded', 'nodeLabelsChanged']),
  prepareFilter({ pod }) {
    const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required === undefined && pod.spec?.nodeSelector === undefined) return undefined;
    const nodeNames = namedNodes(pod);
    return {
      ...(nodeNames === undefined ? {} : { nodeNames }),
      filter: ({ node }) => (node !== undefined && podAllowsNode(pod, node) ? undefined : rejection),
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
