/**
 * The one form in which Roadstead knows the structure of an object. Built-in types are read into it from
 * `api/schema`, a CustomResourceDefinition's OpenAPI schema is compiled into it, and everything that must walk an
 * object by its type (field validation, pruning, strategic merge, server-side apply, OpenAPI) walks this.
 */

export type ScalarType =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'double'
  /** base64 text */
  | 'bytes'
  /** RFC 3339, seconds */
  | 'time'
  /** RFC 3339, microseconds */
  | 'microtime'
  | 'quantity'
  | 'intstr'
  /** any JSON object, fields unknown and kept */
  | 'object'
  /** any JSON value */
  | 'any';

export type Schema = ScalarSchema | ListSchema | MapSchema | StructSchema;

export interface ScalarSchema {
  readonly type: ScalarType;
}

export interface ListSchema {
  readonly type: 'list';
  readonly items: Schema;
  /** A list that says nothing is atomic, as upstream. */
  readonly listType: 'atomic' | 'set' | 'map';
  /** The fields that identify an item of a `map` list, in order; empty otherwise. */
  readonly listKeys: readonly string[];
}

export interface MapSchema {
  readonly type: 'map';
  readonly values: Schema;
  /** Server-side apply owns the map as one value. */
  readonly atomic: boolean;
}

export interface StructSchema {
  readonly type: 'struct';
  /** Definition name, `io.k8s.api.core.v1.Pod`; empty for an anonymous struct of a CRD. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  /** Server-side apply owns the struct as one value. */
  readonly atomic: boolean;
  /** Unknown fields are kept (`x-kubernetes-preserve-unknown-fields`). Default false. */
  readonly preserveUnknown?: boolean;
}

export interface Field {
  readonly schema: Schema;
  readonly required: boolean;
  /** Server-side apply owns this field as one value although its type is not atomic elsewhere. */
  readonly atomic?: boolean;
  /** `x-kubernetes-patch-strategy`, split at commas. */
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[];
  readonly patchMergeKey?: string;
}
