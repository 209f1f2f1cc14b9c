import type { HorizontalPodAutoscaler } from '../../api/autoscaling/v2/types.generated.ts';
import type { Client, ObjectRef } from '../../client/index.ts';
import { parseGroupVersion, type ResourceType, type UnknownObject } from '../../machinery/meta.ts';
import { discoverResources } from '../api-resources.ts';

/** What a target's `scale` says, and where it was found. */
export interface TargetScale {
  readonly type: ResourceType<UnknownObject>;
  readonly ref: ObjectRef;
  readonly object: UnknownObject;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** In the form of a query. */
  readonly selector: string;
}

/** Reads and writes the size of whatever an autoscaler points to. */
export class ScaleClient {
  private readonly client: Client;
  /** `group/kind` -> its resource. Looked up once; kinds do not change their plural. */
  private readonly types = new Map<string, ResourceType<UnknownObject>>();

  constructor(client: Client) {
    this.client = client;
  }

  async get({ metadata, spec }: HorizontalPodAutoscaler): Promise<TargetScale> {
    const { apiVersion = 'v1', kind, name } = spec.scaleTargetRef;
    const type = await this.typeOf(apiVersion, kind);
    const ref = { namespace: metadata.namespace, name };
    const object = await this.client.resource(type).getSubresource<UnknownObject>(ref, 'scale');
    const { spec: wanted, status } = object as unknown as {
      spec?: { replicas?: number };
      status?: { replicas?: number; selector?: string };
    };
    const selector = status?.selector ?? '';
    if (selector === '') throw new Error('selector is required');
    return {
      type,
      ref,
      object,
      specReplicas: wanted?.replicas ?? 0,
      statusReplicas: status?.replicas ?? 0,
      selector,
    };
  }

  async set({ type, ref, object }: TargetScale, replicas: number): Promise<void> {
    const spec = { ...(object['spec'] as object | undefined), replicas };
    await this.client.resource(type).updateSubresource(ref, 'scale', { ...object, spec });
  }

  private async typeOf(apiVersion: string, kind: string): Promise<ResourceType<UnknownObject>> {
    const { group, version } = parseGroupVersion(apiVersion);
    const key = `${group}/${kind}`;
    const known = this.types.get(key);
    if (known !== undefined) return known;
    const { resources } = await discoverResources(this.client);
    const found = resources.find((resource) => resource.group === group && resource.kind === kind);
    if (found === undefined) throw new Error(`no matches for kind "${kind}" in group "${group}"`);
    const type = { group, version, resource: found.resource, kind, namespaced: found.namespaced };
    this.types.set(key, type);
    return type;
  }
}
