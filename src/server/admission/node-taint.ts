import type { Node } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { AdmissionPlugin } from '../request.ts';

const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

/** A new node takes no pods until the node lifecycle controller has seen that it is ready. */
export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' && group === '' && resource === 'nodes' && subresource === '',
    async admit({ object }) {
      if (object === undefined) return;
      const node = as<Node>(object);
      const taints = node.spec?.taints ?? [];
      if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
      node.spec = { ...node.spec, taints: [...taints, { ...notReady }] };
    },
  };
}
