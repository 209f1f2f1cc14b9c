import type { ResourceDefinition, SubresourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { AdmissionChain } from '../contract.ts';
import type { AdmissionAttributes, AdmissionOperation, UserInfo } from '../request.ts';

/** Who wants what written, apart from the object itself. */
export interface WriteRequest {
  readonly row: ResourceDefinition;
  readonly subresource?: SubresourceDefinition | undefined;
  readonly namespace: string;
  /** `''` on a create. */
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Who owns the fields this write sets. */
  readonly fieldManager: string;
  /** `metadata.managedFields` are right already (server-side apply). */
  readonly managesFields?: boolean;
  /** The options as sent: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Collects `Warning` headers. */
  readonly warnings: string[];
  /** What audit adds to the line of this request. */
  readonly annotations?: Map<string, string>;
  /** False for the server's own writes. */
  readonly admission: boolean;
  /** The client writes another kind than is stored (a Scale). Absent: the row's kind. */
  readonly shown?: ShownKind;
}

/** What admission sees of an object whose subresource has a kind of its own. */
export interface ShownKind {
  readonly kind: string;
  show(object: UnknownObject): UnknownObject;
  /** Carries what admission changed back into `object`. Throws an ApiError for what is not valid. */
  take(object: UnknownObject, shown: UnknownObject): void;
}

/** An object as it was written, in the row's version, and as bytes where the cache has them. */
export interface Written {
  readonly object: UnknownObject;
  readonly bytes?: Buffer | undefined;
  /** The object did not exist before. */
  readonly created: boolean;
}

/** Attributes when some plugin cares, else undefined. */
export function admissionAttributes(
  chain: AdmissionChain,
  request: WriteRequest,
  operation: AdmissionOperation,
  objects: { object?: UnknownObject; oldObject?: UnknownObject; name: string },
): AdmissionAttributes | undefined {
  const { row, subresource } = request;
  const subject = { operation, group: row.group, resource: row.resource, subresource: subresource?.name ?? '' };
  if (!request.admission || !chain.handles(subject)) return undefined;
  return {
    ...subject,
    user: request.user,
    version: row.version,
    kind: request.shown?.kind ?? row.kind,
    namespace: request.namespace,
    dryRun: request.dryRun,
    options: request.options,
    warnings: request.warnings,
    ...(request.annotations === undefined ? {} : { annotations: request.annotations }),
    ...objects,
  };
}

/** Admission of an object that is posted to a subresource and is of a kind of its own: Binding, Eviction. */
export async function admitPosted(
  chain: AdmissionChain,
  request: WriteRequest,
  posted: {
    readonly kind: string;
    readonly subresource: string;
    readonly name: string;
    readonly object: UnknownObject;
  },
): Promise<void> {
  const { row, namespace, user, dryRun, options, warnings, annotations } = request;
  const { kind, subresource, name, object } = posted;
  const subject = { operation: 'CREATE' as const, group: row.group, resource: row.resource, subresource };
  if (!chain.handles(subject)) return;
  const attributes = {
    ...subject,
    ...{ version: row.version, kind, namespace, name, user, dryRun, options, warnings, object },
    ...(annotations === undefined ? {} : { annotations }),
  };
  await chain.admit(attributes);
  await chain.validate(attributes);
}
