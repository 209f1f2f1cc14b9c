import { clone } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { DeleteOptions } from '../../machinery/meta-types.generated.ts';
import { conflict, isConflict, notFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { CacheEntry } from '../watch-cache/cache-entry.ts';
import type { Registry } from './registry.ts';
import { keyOf, objectOf, targetOf } from './target.ts';
import { admissionAttributes, type WriteRequest } from './write-request.ts';

const conflictRetriesMax = 10;
const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

export interface Deleted {
  /** The last state when the object is gone, the marked one when it waits for its grace period or finalizers. */
  readonly object: UnknownObject;
  readonly gone: boolean;
}

/** Deletes at once, or marks for deletion: k8s.io/apiserver/pkg/registry/generic/registry.Store.Delete. */
export async function deleteObject(
  registry: Registry,
  request: WriteRequest,
  options: DeleteOptions,
): Promise<Deleted> {
  const target = targetOf(registry.hub, request.row);
  const key = keyOf(request.row, request.namespace, request.name);
  for (let attempt = 1; ; attempt++) {
    await registry.hub.fresh();
    const entry = target.cache.get(key);
    if (entry === undefined) throw notFound(request.row, request.name);
    const old = await objectOf(target, entry);
    checkPreconditions(request, options, old);
    const attributes = admissionAttributes(registry.admission, request, 'DELETE', { oldObject: old, name: entry.name });
    if (attributes !== undefined) {
      await registry.admission.admit(attributes);
      await registry.admission.validate(attributes);
    }
    try {
      return await deleteOnce(registry, request, options, entry, old);
    } catch (error) {
      if (!isConflict(error) || attempt >= conflictRetriesMax) throw error;
    }
  }
}

async function deleteOnce(
  registry: Registry,
  request: WriteRequest,
  options: DeleteOptions,
  entry: CacheEntry,
  old: UnknownObject,
): Promise<Deleted> {
  const hooks = registry.hooksOf(request.row);
  const marked = clone(old);
  const grace = gracePeriodOf(request, options, old);
  setFinalizers(marked, options, request);
  const { metadata } = marked;
  if (metadata.deletionTimestamp === undefined) {
    metadata.deletionTimestamp = rfc3339(registry.clock() + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if ((metadata.generation ?? 0) > 0) metadata.generation = (metadata.generation ?? 0) + 1;
    hooks.beginDeletion?.(marked);
  } else if (grace < (metadata.deletionGracePeriodSeconds ?? 0)) {
    const remaining = (metadata.deletionGracePeriodSeconds ?? 0) - grace;
    metadata.deletionTimestamp = rfc3339(Date.parse(metadata.deletionTimestamp) - remaining * 1000);
    metadata.deletionGracePeriodSeconds = grace;
  }
  const stays =
    (metadata.deletionGracePeriodSeconds ?? 0) > 0 ||
    (metadata.finalizers ?? []).length > 0 ||
    hooks.holdsDeletion?.(marked) === true;
  if (stays) {
    const { object } = await registry.replace(request, entry, marked);
    return { object, gone: false };
  }
  const revision = await registry.remove(request, entry);
  // Only a kind with a grace period is marked before it goes, even when that period is none.
  const last = request.row.strategy.defaultGracePeriodSeconds === undefined ? clone(old) : marked;
  if (revision !== undefined) last.metadata.resourceVersion = String(revision);
  return { object: last, gone: true };
}

function gracePeriodOf({ row }: WriteRequest, { gracePeriodSeconds }: DeleteOptions, old: UnknownObject): number {
  const usual = row.strategy.defaultGracePeriodSeconds?.(old);
  // A kind without grace period, and an object that needs none any more, is removed at once.
  if (usual === undefined || usual === 0) return 0;
  if (gracePeriodSeconds === undefined) return old.metadata.deletionGracePeriodSeconds ?? usual;
  return gracePeriodSeconds < 0 ? 1 : gracePeriodSeconds;
}

/** What becomes of the dependents is written into the finalizers, for the garbage collector to read. */
function setFinalizers({ metadata }: UnknownObject, options: DeleteOptions, { row }: WriteRequest): void {
  const asked = options.propagationPolicy ?? policyOfOrphanDependents(options);
  let policy = asked;
  if (policy === undefined) {
    if (metadata.finalizers?.includes(orphanFinalizer) === true) policy = 'Orphan';
    else if (metadata.finalizers?.includes(foregroundFinalizer) === true) policy = 'Foreground';
    else policy = row.strategy.defaultPropagation === 'orphan' ? 'Orphan' : 'Background';
  }
  const others = (metadata.finalizers ?? []).filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  if (policy === 'Orphan') others.push(orphanFinalizer);
  if (policy === 'Foreground') others.push(foregroundFinalizer);
  if (others.length === 0) delete metadata.finalizers;
  else metadata.finalizers = others;
}

function policyOfOrphanDependents({ orphanDependents }: DeleteOptions): string | undefined {
  if (orphanDependents === undefined) return undefined;
  return orphanDependents ? 'Orphan' : 'Background';
}

/** Upstream's words (rest.BeforeDelete), which name the kind where a resource belongs. */
function checkPreconditions({ row, name }: WriteRequest, { preconditions }: DeleteOptions, old: UnknownObject): void {
  const { uid = '', resourceVersion = '' } = preconditions ?? {};
  const of = { group: row.group, resource: row.kind };
  if (uid !== '' && uid !== old.metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid ?? ''}). The object might have been deleted and then recreated`;
    throw conflict(of, name, why);
  }
  if (resourceVersion !== '' && resourceVersion !== old.metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion ?? ''}). The object might have been modified`;
    throw conflict(of, name, why);
  }
}
