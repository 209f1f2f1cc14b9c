import type { ListMeta, ObjectMeta } from './meta-types.generated.ts';

/** Any object of the API: what every kind has. A concrete kind (`Pod`) adds `spec`, `status`, `data`. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** A KubeObject whose further fields are not known to the code that holds it. */
export type UnknownObject = KubeObject & { [field: string]: unknown };

export interface KubeList<T extends KubeObject = KubeObject> {
  apiVersion: string;
  kind: string;
  metadata: ListMeta;
  items: T[];
}

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

export interface GroupVersionResource extends GroupVersion {
  /** Plural, lower case: `pods`. */
  readonly resource: string;
}

/** `apps/v1`, or `v1` for the core group: what stands in `apiVersion`. */
export function formatGroupVersion({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`;
}

export function parseGroupVersion(apiVersion: string): GroupVersion {
  const slash = apiVersion.indexOf('/');
  if (slash < 0) return { group: '', version: apiVersion };
  return { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `pods` or `deployments.apps`: how upstream's messages name a resource. */
export function formatGroupResource({ group, resource }: { group: string; resource: string }): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** `namespace/name`, or `name` for a cluster-scoped object: the key of work queues, caches and log lines. */
export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

export function splitKey(key: string): { namespace: string; name: string } {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** Names a resource and, for the type checker, what its objects are. */
export interface ResourceType<T extends KubeObject> extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries `T`. */
  readonly object?: T;
}
