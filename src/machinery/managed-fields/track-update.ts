import type { UnknownObject } from '../meta.ts';
import type { ManagedFieldsEntry } from '../meta-types.generated.ts';
import type { StructSchema } from '../schema.ts';
import { rfc3339 } from '../time.ts';
import { difference, emptySet, intersection, isEmptySet, union, withoutBranches } from './field-set.ts';
import { capManagers, isSameManager, type Manager, readManagers, sameEntries, writeManagers } from './managers.ts';
import { compareObjects, createdFields, writtenFields } from './object-fields.ts';

export interface TrackUpdateOptions {
  /** Undefined on create. Not changed. */
  readonly live: UnknownObject | undefined;
  /** What is going to be stored; its `metadata.managedFields` are set. */
  readonly updated: UnknownObject;
  readonly schema: StructSchema;
  readonly manager: string;
  readonly operation: 'Update';
  readonly apiVersion: string;
  /** `''` for the object itself. */
  readonly subresource: string;
  /** Default true. False: the status is a part of the object like any other. */
  readonly hasStatusSubresource?: boolean;
  /** ms since the epoch */
  readonly now: number;
}

/** The part of an object that a write to the main resource or to its status leaves as it is. */
export function resetFields(subresource: string, hasStatusSubresource = true): readonly string[] {
  if (!hasStatusSubresource) return [];
  if (subresource === 'status') return ['spec'];
  // What the other subresources leave alone has been put back before their fields are looked at.
  return subresource === '' ? ['status'] : [];
}

/**
 * Server-side apply's bookkeeping for create, update and every patch but apply: the writer comes to own what it changed,
 * others lose it. Entries that do not change keep their time, so that a write that changes nothing stays one.
 */
export function trackUpdate(options: TrackUpdateOptions): void {
  const { live, updated, subresource } = options;
  const sent = updated.metadata.managedFields;
  if (isReset(sent)) {
    delete updated.metadata.managedFields;
    return;
  }
  const given = subresource === '' ? readManagers(sent) : undefined;
  const before = live?.metadata.managedFields;
  const current = given === undefined || given.length === 0 ? (readManagers(before) ?? []) : given;
  const managers = live === undefined ? created(options, current) : changed(options, live, current);
  const entries = writeManagers(capManagers(managers));
  if (entries.length === 0) delete updated.metadata.managedFields;
  else updated.metadata.managedFields = sameEntries(before, entries) && before !== undefined ? before : entries;
}

/** `managedFields: [{}]` is how a client asks to forget all owners; an empty list is not. */
function isReset(entries: readonly ManagedFieldsEntry[] | undefined): boolean {
  return entries?.length === 1 && Object.keys(entries[0] ?? {}).length === 0;
}

function created(options: TrackUpdateOptions, current: readonly Manager[]): Manager[] {
  const reset = new Set(resetFields(options.subresource, options.hasStatusSubresource));
  const fields = createdFields(options.updated, options.schema, reset);
  return [...current, writer(options, fields)];
}

function changed(options: TrackUpdateOptions, live: UnknownObject, current: readonly Manager[]): Manager[] {
  const reset = resetFields(options.subresource, options.hasStatusSubresource).map((name) => [`f:${name}`]);
  const comparison = compareObjects(live, options.updated, options.schema);
  const written = withoutBranches(writtenFields(comparison), reset);
  const removed = comparison.removed;
  if (isEmptySet(written) && isEmptySet(removed)) return [...current];
  const self = writer(options, emptySet);
  const managers: Manager[] = [];
  let own: Manager | undefined;
  for (const manager of current) {
    if (isSameManager(manager, self)) {
      own = manager;
      continue;
    }
    const lost = union(intersection(manager.fields, written), removed);
    const fields = difference(manager.fields, lost);
    if (!isEmptySet(fields)) managers.push(fields === manager.fields ? manager : { ...manager, fields });
  }
  const before = own?.fields ?? emptySet;
  const fields = union(difference(before, removed), written);
  if (own !== undefined && isEmptySet(difference(fields, before)) && isEmptySet(difference(before, fields))) {
    managers.push(own);
  } else if (!isEmptySet(fields)) {
    managers.push({ ...self, fields });
  }
  return managers;
}

function writer(options: TrackUpdateOptions, fields: Manager['fields']): Manager {
  const { manager, operation, apiVersion, subresource, now } = options;
  return { name: manager, operation, apiVersion, subresource, time: rfc3339(now), fields };
}
