import { equal } from '../machinery/json.ts';
import type { KubeObject, UnknownObject } from '../machinery/meta.ts';
import type { FieldError } from '../machinery/status-error.ts';
import { defaultColumns } from './columns.ts';
import type {
  Column,
  Conversion,
  ResourceDefinition,
  ScalePaths,
  Strategy,
  SubresourceDefinition,
  UpdateStrategy,
  Verb,
} from './resource.ts';
import { schemaOf } from './schema/structure.ts';

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** What a row says of itself; everything left out has the default that is written at the field. */
export interface ResourceOptions<T extends KubeObject> extends StrategyOptions<T> {
  /** Default `''`, the core group. */
  readonly group?: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  /** Default: the kind in lower case. */
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Default true. */
  readonly namespaced?: boolean;
  /** Default all eight. */
  readonly verbs?: readonly Verb[];
  /** Short name of the definition, `core/v1.Pod`. */
  readonly schema: string;
  /** Default Name and Age. */
  readonly columns?: readonly Column[];
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** `true` or options add a `status` subresource. Default: none. */
  readonly statusSubresource?: boolean | StatusOptions<T>;
  /** Adds a `scale` subresource. */
  readonly scale?: ScalePaths;
  /** Further subresources, after `status` and `scale`. */
  readonly subresources?: readonly SubresourceDefinition[];
  readonly storedAs?: Conversion;
  readonly virtual?: boolean;
}

/**
 * The rules of a kind over the generic ones. Generic, always done first: a create drops what the client says of
 * `status`, an update keeps the old one, `metadata.generation` starts at 1 and rises when one of `generation` changed.
 */
export interface StrategyOptions<T extends KubeObject> {
  /** The top-level fields whose change raises `metadata.generation`. Default none: the kind has no generation. */
  readonly generation?: readonly string[];
  /** The kind has a `status` that only its subresource or the server writes. Default: `statusSubresource` is given. */
  readonly hasStatus?: boolean;
  /**
   * The kind has a `spec`, and one that is left out is an empty one, as a struct that is no pointer is to upstream.
   * Default: the schema says so.
   */
  readonly hasSpec?: boolean;
  /** The status of a new object. Default `{}`. */
  initialStatus?(object: T): object;
  prepareForCreate?(object: T): void;
  prepareForUpdate?(object: T, old: T): void;
  defaults?(object: T): void;
  /** Default: nothing is checked beyond the schema. */
  validate?(object: T): FieldError[];
  /** Default `validate` of the new object. */
  validateUpdate?(object: T, old: T): FieldError[];
  warnings?(object: T, old?: T): string[];
  validateName?(name: string): string | undefined;
  readonly allowCreateOnUpdate?: boolean;
  readonly allowUnconditionalUpdate?: boolean;
  defaultGracePeriodSeconds?(object: T): number | undefined;
  readonly defaultPropagation?: 'background' | 'orphan';
  readonly returnsDeletedObject?: boolean;
}

export interface StatusOptions<T extends KubeObject> {
  /** Metadata that a status update may not change either. Default none. */
  readonly keepMetadata?: readonly ('annotations' | 'labels' | 'ownerReferences')[];
  prepareForUpdate?(object: T, old: T): void;
  validateUpdate?(object: T, old: T): FieldError[];
}

/** Builds a row from what differs from the usual. */
export function defineResource<T extends KubeObject>(options: ResourceOptions<T>): ResourceDefinition {
  const { kind, statusSubresource, scale, storedAs, virtual } = options;
  const hasStatus = options.hasStatus ?? (statusSubresource !== undefined && statusSubresource !== false);
  const subresources: SubresourceDefinition[] = [];
  if (statusSubresource !== undefined && statusSubresource !== false) {
    subresources.push(statusOf(kind, statusSubresource === true ? {} : statusSubresource));
  }
  if (scale !== undefined) subresources.push(scaleSubresource(scale));
  subresources.push(...(options.subresources ?? []));
  const schema = schemaOf(options.schema);
  return {
    group: options.group ?? '',
    version: options.version,
    kind,
    listKind: `${kind}List`,
    resource: options.resource,
    singular: options.singular ?? kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    namespaced: options.namespaced ?? true,
    verbs: options.verbs ?? allVerbs,
    schema,
    columns: options.columns ?? defaultColumns,
    selectableFields: (options.selectableFields ?? {}) as unknown as ResourceDefinition['selectableFields'],
    subresources,
    strategy: defineStrategy({ ...options, hasStatus, hasSpec: schema.fields.get('spec')?.schema.type === 'struct' }),
    ...(storedAs === undefined ? {} : { storedAs }),
    ...(virtual === undefined ? {} : { virtual }),
  };
}

export function defineStrategy<T extends KubeObject>(options: StrategyOptions<T>): Strategy {
  const rules = untyped(options);
  const hasStatus = rules.hasStatus ?? false;
  const hasSpec = rules.hasSpec ?? false;
  const watched = rules.generation ?? [];
  const validate = rules.validate ?? validateNothing;
  return {
    prepareForCreate(object) {
      if (hasStatus) object['status'] = rules.initialStatus?.(object) ?? {};
      if (watched.length > 0) object.metadata.generation = 1;
      rules.prepareForCreate?.(object);
    },
    prepareForUpdate(object, old) {
      if (hasStatus) keepField(object, old, 'status');
      rules.prepareForUpdate?.(object, old);
      if (watched.length > 0) raiseGeneration(object, old, watched);
    },
    applyDefaults(object) {
      if (hasSpec) object['spec'] ??= {};
      rules.defaults?.(object);
    },
    validate,
    validateUpdate: rules.validateUpdate ?? ((object) => validate(object)),
    ...(rules.warnings === undefined ? {} : { warnings: rules.warnings }),
    ...(rules.validateName === undefined ? {} : { validateName: rules.validateName }),
    ...(rules.defaultGracePeriodSeconds === undefined
      ? {}
      : { defaultGracePeriodSeconds: rules.defaultGracePeriodSeconds }),
    ...(rules.defaultPropagation === undefined ? {} : { defaultPropagation: rules.defaultPropagation }),
    ...(rules.returnsDeletedObject === true ? { returnsDeletedObject: true } : {}),
    allowCreateOnUpdate: rules.allowCreateOnUpdate ?? false,
    allowUnconditionalUpdate: rules.allowUnconditionalUpdate ?? true,
  };
}

/** A write of the status alone: every other top-level field, and `metadata.generation`, stays as it was. */
export function statusStrategy<T extends KubeObject>(options: StatusOptions<T> = {}): UpdateStrategy {
  const prepare = options.prepareForUpdate as unknown as UpdateStrategy['prepareForUpdate'] | undefined;
  const validate = options.validateUpdate as unknown as UpdateStrategy['validateUpdate'] | undefined;
  const kept = options.keepMetadata ?? [];
  return {
    prepareForUpdate(object, old) {
      keepAllBut(object, old, 'status');
      for (const field of kept) keepMetadataField(object, old, field);
      prepare?.(object, old);
    },
    validateUpdate: validate ?? validateNothing,
  };
}

/** A subresource whose bytes or objects a handler of the server answers. */
export function customSubresource(
  name: string,
  kind: string,
  verbs: readonly Verb[],
  of?: { readonly group: string; readonly version: string },
): SubresourceDefinition {
  return { name, kind, verbs, serve: 'custom', ...(of ?? {}) };
}

export function validateNothing(): FieldError[] {
  return [];
}

/** Sets every top-level field except `but` and `metadata` to what it was, and the generation with them. */
export function keepAllBut(object: UnknownObject, old: UnknownObject, but: string): void {
  for (const field of Object.keys(object)) {
    if (field !== but && field !== 'metadata' && !(field in old)) delete object[field];
  }
  for (const field of Object.keys(old)) {
    if (field !== but && field !== 'metadata') object[field] = old[field];
  }
  keepMetadataField(object, old, 'generation');
}

/** Puts a top-level field back to what it was, absent included. */
export function keepField(object: UnknownObject, old: UnknownObject, field: string): void {
  if (old[field] === undefined) delete object[field];
  else object[field] = old[field];
}

function keepMetadataField(
  object: UnknownObject,
  old: UnknownObject,
  field: 'annotations' | 'generation' | 'labels' | 'ownerReferences',
): void {
  if (old.metadata[field] !== undefined) Object.assign(object.metadata, { [field]: old.metadata[field] });
  else if (object.metadata[field] !== undefined) delete object.metadata[field];
}

function raiseGeneration(object: UnknownObject, old: UnknownObject, fields: readonly string[]): void {
  const before = old.metadata.generation ?? 0;
  const changed = fields.some((field) => !equal(object[field], old[field]));
  object.metadata.generation = changed ? before + 1 : Math.max(before, 1);
}

function statusOf<T extends KubeObject>(kind: string, options: StatusOptions<T>): SubresourceDefinition {
  return {
    name: 'status',
    kind,
    verbs: ['get', 'patch', 'update'],
    serve: 'status',
    strategy: statusStrategy(options),
  };
}

export function scaleSubresource(scale: ScalePaths): SubresourceDefinition {
  return {
    name: 'scale',
    kind: 'Scale',
    group: 'autoscaling',
    version: 'v1',
    verbs: ['get', 'patch', 'update'],
    serve: 'scale',
    scale,
  };
}

/** The row's schema promises that what reaches these rules is a `T`. */
function untyped<T extends KubeObject>(options: StrategyOptions<T>): StrategyOptions<UnknownObject> {
  return options as unknown as StrategyOptions<UnknownObject>;
}
