import type { GroupVersionResource, KubeObject } from '../machinery/meta.ts';
import type { Client, ResourceClient } from './contract.ts';
import { createResourceClient } from './resource-client.ts';

const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
const acceptList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** Any resource, of which the server sends nothing but the metadata (`PartialObjectMetadata`). */
export function metadataClient(
  client: Pick<Client, 'request'>,
  resource: GroupVersionResource & { readonly namespaced: boolean },
): ResourceClient<KubeObject> {
  return createResourceClient<KubeObject>(
    client,
    { ...resource, kind: 'PartialObjectMetadata' },
    { accept, acceptList },
  );
}
