import type { JsonObject } from '../machinery/json.ts';
import type { KubeObject, UnknownObject } from '../machinery/meta.ts';
import type { StructSchema } from '../machinery/schema.ts';
import type { FieldError } from '../machinery/status-error.ts';
import type { FieldCheck } from '../machinery/unknown-fields.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/**
 * A kind is a row: everything the server knows of one resource in one version. Discovery, OpenAPI, tables, CRUD, field
 * validation, patches and server-side apply derive from rows; shared code never asks which kind it holds.
 * A CustomResourceDefinition is compiled into the same row.
 */
export interface ResourceDefinition {
  /** `''` for core. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Default `${kind}List`. */
  readonly listKind: string;
  /** Plural, the name in paths: `pods`. */
  readonly resource: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly schema: StructSchema;
  /**
   * The OpenAPI v3 schema that a CustomResourceDefinition was written with, which OpenAPI publishes as it stands. Absent
   * for built-in rows, whose documents are made from `schema` and the prose.
   */
  readonly openApiSchema?: Readonly<Record<string, unknown>>;
  /**
   * Reads a body in place of the walk by `schema`: custom resources are pruned by what their definition says, and held
   * against it later. Changes `value`.
   */
  decode?(value: JsonObject): FieldCheck;
  /**
   * Brings an object that was read from the store up to what this row would write now (version, pruning, defaults).
   * Changes it, and answers whether it did.
   */
  upgradeStored?(object: UnknownObject): boolean;
  /** Sent as a `Warning` header with every answer: the version is deprecated. */
  readonly deprecationWarning?: string;
  readonly columns: readonly Column[];
  /** Selectable fields besides `metadata.name` and `metadata.namespace`: path -> value (`''` when unset). */
  readonly selectableFields: Readonly<Record<string, (object: UnknownObject) => string>>;
  readonly subresources: readonly SubresourceDefinition[];
  readonly strategy: Strategy;
  /**
   * Objects are kept under another row's key, in that row's version (autoscaling/v1 HPAs under v2, events.k8s.io under
   * core). Absent: this row is the stored one.
   */
  readonly storedAs?: Conversion;
  /** Not stored at all: a create is answered by `server/verbs` (reviews, tokens, bindings). Default false. */
  readonly virtual?: boolean;
}

export interface Conversion {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  toStored(object: UnknownObject): UnknownObject;
  fromStored(object: UnknownObject): UnknownObject;
  /**
   * Fetches what the two functions above cannot compute by themselves (conversion webhooks); they throw for an object
   * that was not prepared before. Absent: nothing needs to be.
   */
  prepare?(objects: readonly UnknownObject[], direction: 'toStored' | 'fromStored'): Promise<void>;
}

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` on the column that is the object's name; otherwise empty. */
  readonly format?: string;
  readonly description: string;
  /** 0 shows always, 1 with `-o wide`. */
  readonly priority: number;
  /** The cell. `now` in ms since the epoch, for ages. */
  value(object: UnknownObject, now: number): string | number | boolean | null;
}

export interface SubresourceDefinition {
  /** `status`, `scale`, `exec`. */
  readonly name: string;
  readonly kind: string;
  /** Group and version of `kind` where they are not the resource's own (`autoscaling/v1` Scale). */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly Verb[];
  /**
   * How it is served: `status` writes only what its strategy lets through; `scale` maps to a Scale; `custom` is a
   * handler registered with the server under `resource/name`.
   */
  readonly serve: 'status' | 'scale' | 'custom';
  /** For `status` and other writes of a part of the same object: the update rules that hold for that part. */
  readonly strategy?: UpdateStrategy;
  /** For `scale`. */
  readonly scale?: ScalePaths;
}

export interface ScalePaths {
  /** Dot paths without a leading dot: `spec.replicas`. */
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** A string (serialized selector) or a LabelSelector; absent when the kind has none. */
  readonly selector?: string;
}

/**
 * The rules of a kind, pure and without I/O. On create the server calls, in this order: `applyDefaults`, admission,
 * `prepareForCreate` (drop what a client may not set), `validate`, `warnings`. On update: `applyDefaults`,
 * `prepareForUpdate`, admission, `prepareForUpdate` again where admission had its say, `validateUpdate`, `warnings`.
 * `prepare*` and `applyDefaults` change the object they are given; it is the request's own copy, `old` is never changed.
 * Object meta (name, namespace, labels, owner references, finalizers) is validated by the server for every kind.
 */
export interface Strategy extends UpdateStrategy {
  prepareForCreate(object: UnknownObject): void;
  applyDefaults(object: UnknownObject): void;
  /** All errors at once; never throws. */
  validate(object: UnknownObject): FieldError[];
  /** Sent as `Warning` headers, unchanged. */
  warnings?(object: UnknownObject, old?: UnknownObject): string[];
  /** What a valid name is for this kind: upstream's error text, or undefined for valid. Default DNS-1123 subdomain. */
  validateName?(name: string): string | undefined;
  /** A PUT to a name that is not there creates it (leases, events, endpoints...). Default false. */
  readonly allowCreateOnUpdate?: boolean;
  /** A PUT without resourceVersion overwrites. Default true, as upstream for most kinds. */
  readonly allowUnconditionalUpdate?: boolean;
  /**
   * Grace period in seconds that a delete without one gets; undefined: the kind is removed at once. A pod answers from
   * its spec, and 0 when it was never scheduled or has finished.
   */
  defaultGracePeriodSeconds?(object: UnknownObject): number | undefined;
  /** A delete that is carried out at once answers the object, not a Status. Default false. */
  readonly returnsDeletedObject?: boolean;
  /** Owners of dependents are deleted with this policy when the client says nothing. Default `background`. */
  readonly defaultPropagation?: 'background' | 'orphan';
}

export interface UpdateStrategy {
  /** Reset what this endpoint may not change; raise `metadata.generation` when `spec` changed. */
  prepareForUpdate(object: UnknownObject, old: UnknownObject): void;
  validateUpdate(object: UnknownObject, old: UnknownObject): FieldError[];
}

/** Reads a row's object as the kind that its schema promises. */
export function as<T extends KubeObject>(object: KubeObject): T {
  return object as T;
}
