import type { ResourceDefinition } from '../api/resource.ts';
import type { UnknownObject } from '../machinery/meta.ts';
import type { AdmissionAttributes, Handler, RequestContext } from './request.ts';

/**
 * The door between the two halves of the server: the filters and special resources on one side, the resources with
 * their verbs, watch caches and store (`server/api.ts`) on the other.
 */
export interface Api {
  /** The last stage of the request path for resource requests: finds the row and runs the verb. */
  readonly handle: Handler;
  readonly rows: VersionedRowCatalog;
  readonly objects: ObjectAccess;
  /**
   * Serves a `custom` subresource (`pods/exec`) or a virtual resource (`tokenreviews`, subresource `''`). The handler
   * runs after authorization. Registering the same twice is a bug and throws.
   */
  serve(of: { group: string; resource: string; subresource: string }, handler: CustomHandler): void;
  /** Caches have caught up with the store and requests can be answered. */
  readonly ready: boolean;
  close(): Promise<void>;
}

export type CustomHandler = (context: RequestContext, row: ResourceDefinition) => Promise<void>;

/** The rows being served; grows and shrinks with CustomResourceDefinitions. */
export interface RowCatalog {
  find(group: string, version: string, resource: string): ResourceDefinition | undefined;
  all(): Iterable<ResourceDefinition>;
  add(row: ResourceDefinition): Promise<void>;
  remove(group: string, version: string, resource: string): void;
  /** Rises with every change, so that documents made from rows (discovery, OpenAPI) can be cached. */
  readonly generation: number;
  onChange(listener: () => void): void;
}

/** The catalog, for the one who serves what CustomResourceDefinitions define. */
export interface VersionedRowCatalog extends RowCatalog {
  /**
   * Serves these versions of a resource from now on and no others; `stored` says how its objects are kept, and need not
   * be one of them. Rows that stay the same keep their watches.
   */
  serveVersions(stored: ResourceDefinition, served: readonly ResourceDefinition[]): Promise<void>;
  /** Serves no version of a resource any more, and forgets its objects; they stay in the store. */
  withdraw(of: { readonly group: string; readonly resource: string }): void;
}

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/**
 * The server's own access to stored objects, past authentication and authorization: for authorizers (roles), admission
 * (namespaces, service accounts), authenticators (token secrets) and bootstrap. Reads come from the watch cache,
 * synchronously; what they return is shared and must not be changed.
 */
export interface ObjectAccess {
  get(of: GroupResource, namespace: string, name: string): UnknownObject | undefined;
  list(of: GroupResource, namespace?: string): readonly UnknownObject[];
  /** The names of everything of a cluster-scoped resource, without reading the objects. */
  names(of: GroupResource): readonly string[];
  /** Like `get`, but waits until the cache has seen everything written before the call. */
  getFresh(of: GroupResource, namespace: string, name: string): Promise<UnknownObject | undefined>;
  /** Through strategy and validation, without admission and authorization. Throws ApiError as the verb would. */
  create(of: GroupResource, object: UnknownObject): Promise<UnknownObject>;
  /** Reads, lets `change` alter a copy (return `false` for nothing to do), writes; again on conflict. */
  modify(
    of: GroupResource,
    namespace: string,
    name: string,
    change: (object: UnknownObject) => boolean | undefined,
    subresource?: string,
  ): Promise<UnknownObject>;
  delete(of: GroupResource, namespace: string, name: string, preconditions?: { uid?: string }): Promise<void>;
  /** Told of every change of a resource, in order, after the cache holds it. Returns the way to stop. */
  onChange(of: GroupResource, listener: (change: ObjectChange) => void): () => void;
}

export interface ObjectChange {
  readonly type: 'put' | 'delete';
  readonly namespace: string;
  readonly name: string;
  /** The state after a put, the last state before a delete. */
  readonly object: UnknownObject;
}

/** Runs the admission plugins in their order; built by the filters' half, called by the verbs. */
export interface AdmissionChain {
  /** False: no plugin cares, so the verb need not build attributes nor decode an old object. */
  handles(attributes: Pick<AdmissionAttributes, 'operation' | 'group' | 'resource' | 'subresource'>): boolean;
  admit(attributes: AdmissionAttributes): Promise<void>;
  validate(attributes: AdmissionAttributes): Promise<void>;
}
