import type { Binding, Pod } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { ObjectMeta } from '../../machinery/meta-types.generated.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionPlugin } from '../request.ts';

const nodes = { group: '', resource: 'nodes' };
/** What pods may read of where they are, through the downward API. */
export const topologyLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'] as const;

/** A pod that gets its node gets the node's zone and region as labels. */
export function podTopologyLabels(objects: ObjectAccess): AdmissionPlugin {
  const add = (metadata: ObjectMeta, nodeName: string | undefined): void => {
    const labels =
      nodeName === undefined || nodeName === '' ? undefined : objects.get(nodes, '', nodeName)?.metadata.labels;
    for (const label of topologyLabels) {
      const value = labels?.[label];
      if (value !== undefined) metadata.labels = { ...metadata.labels, [label]: value };
    }
  };
  return {
    name: 'PodTopologyLabels',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' &&
      group === '' &&
      resource === 'pods' &&
      (subresource === '' || subresource === 'binding'),
    async admit({ object, subresource }) {
      if (object === undefined) return;
      if (subresource === '') add(object.metadata, as<Pod>(object).spec?.nodeName);
      else add(object.metadata, as<Binding>(object).target?.name);
    },
  };
}
