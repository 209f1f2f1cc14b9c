import type { EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { ObjectMeta } from '../../machinery/meta-types.generated.ts';
import { controllerReferenceTo } from '../owners.ts';

/** A slice yet to be created, of the Service or Endpoints that it is made for. */
export function newSlice(
  owner: KubeObject,
  metadata: Pick<ObjectMeta, 'annotations' | 'labels'>,
  content: Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'>,
): EndpointSlice {
  const { name, namespace } = owner.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      // Filled by the server from generateName.
      ...({} as { name: string }),
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      ...metadata,
      ownerReferences: [controllerReferenceTo(owner)],
    },
    ...content,
  };
}
