import { equal, isJsonObject, type JsonObject } from '../json.ts';
import type { UnknownObject } from '../meta.ts';
import type { StructSchema } from '../schema.ts';
import { type ApiError, apiError, badRequest } from '../status-error.ts';
import { rfc3339 } from '../time.ts';
import { decodeFields } from '../unknown-fields.ts';
import {
  difference,
  emptySet,
  type FieldSet,
  formatPaths,
  intersection,
  isEmptySet,
  leaf,
  union,
  withoutBranches,
} from './field-set.ts';
import { capManagers, isSameManager, type Manager, readManagers, writeManagers } from './managers.ts';
import { mergeConfiguration, pruneFields } from './merge-configuration.ts';
import { compareObjects, configuredFields, createdFields, writtenFields } from './object-fields.ts';
import { resetFields } from './track-update.ts';

export interface ApplyOptions {
  /** Undefined: the apply creates the object. Not changed. */
  readonly live: UnknownObject | undefined;
  /** What the client sent, decoded and without unknown fields. Not changed. */
  readonly applied: UnknownObject;
  readonly schema: StructSchema;
  readonly manager: string;
  readonly apiVersion: string;
  readonly force: boolean;
  /** `''` for the object itself. */
  readonly subresource: string;
  /** Default true. False: the status is a part of the object like any other. */
  readonly hasStatusSubresource?: boolean;
  /** ms since the epoch */
  readonly now: number;
}

const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Server-side apply (structured-merge-diff's Updater.Apply): `live` with the applied configuration, without what this
 * applier set before and nobody sets now, and with `metadata.managedFields` to match. Throws a 409 with every field that
 * another manager owns with another value, unless `force`.
 */
export function apply(options: ApplyOptions): { object: UnknownObject } {
  const { applied, schema } = options;
  if (applied.metadata.managedFields !== undefined && applied.metadata.managedFields.length > 0) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const live: JsonObject = options.live ?? {};
  const notWritten = resetFields(options.subresource, options.hasStatusSubresource);
  const reset = notWritten.map((name) => [`f:${name}`]);
  const configured = withoutBranches(configuredFields(applied, schema), reset);
  const managers = currentManagers(options);
  const self = applier(options, configured);
  const last = managers.find((manager) => isSameManager(manager, self));
  const others = managers.filter((manager) => manager !== last);

  const merged = mergeConfiguration(live, withoutFields(applied, notWritten), schema);
  if (last !== undefined && !isEmptySet(last.fields)) {
    let owned = configured;
    for (const other of others) owned = union(owned, other.fields);
    pruneFields(merged, last.fields, owned, schema);
  }
  const comparison = compareObjects(live, merged, schema);
  const written = writtenFields(comparison);
  if (!options.force) refuseConflicts(options, others, written);

  const remaining: Manager[] = [];
  for (const other of others) {
    const fields = difference(other.fields, union(intersection(other.fields, written), comparison.removed));
    if (!isEmptySet(fields)) remaining.push(fields === other.fields ? other : { ...other, fields });
  }
  const unchanged = last !== undefined && last.apiVersion === self.apiVersion && equal(last.fields, configured);
  const object = merged as UnknownObject;
  const entries = writeManagers(capManagers([...remaining, unchanged ? last : self]));
  object.metadata.managedFields = entries;
  refreshLastApplied(options, object);
  return { object };
}

function applier({ manager, apiVersion, subresource, now }: ApplyOptions, fields: FieldSet): Manager {
  return { name: manager, operation: 'Apply', apiVersion, subresource, time: rfc3339(now), fields };
}

/** An object that nobody is known to have written belongs to `before-first-apply`, so that conflicts show. */
function currentManagers({ live, schema, apiVersion }: ApplyOptions): Manager[] {
  if (live === undefined) return [];
  const managers = readManagers(live.metadata.managedFields);
  if (managers !== undefined && managers.length > 0) return managers;
  const fields = createdFields(live, schema, new Set());
  return [{ name: 'before-first-apply', operation: 'Update', apiVersion, subresource: '', fields }];
}

function withoutFields(object: UnknownObject, names: readonly string[]): JsonObject {
  const rest: JsonObject = { ...object };
  for (const name of names) delete rest[name];
  return rest;
}

function refuseConflicts(options: ApplyOptions, others: readonly Manager[], written: FieldSet): void {
  const allowed = allowedByLastApplied(options);
  const conflicts: { manager: string; path: string }[] = [];
  for (const other of others) {
    const fields = difference(intersection(other.fields, written), allowed);
    for (const path of formatPaths(fields)) conflicts.push({ manager: describeManager(other), path });
  }
  if (conflicts.length > 0) throw applyConflict(conflicts);
}

/**
 * `kubectl apply` that changes from client-side to server-side may overwrite what its own annotation says it set
 * (upstream's lastAppliedManager).
 */
function allowedByLastApplied({ live, schema, manager }: ApplyOptions): FieldSet {
  const text = live?.metadata.annotations?.[lastAppliedAnnotation];
  if (manager !== 'kubectl' || text === undefined) return emptySet;
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value)) return emptySet;
    decodeFields(value, schema);
    const annotation: FieldSet = { 'f:metadata': { 'f:annotations': { [`f:${lastAppliedAnnotation}`]: leaf } } };
    return union(configuredFields(value, schema), annotation);
  } catch {
    return emptySet; // An annotation that is not JSON allows nothing.
  }
}

/** A kubectl that still finds its annotation must find there what was applied last. */
function refreshLastApplied({ live, applied, manager }: ApplyOptions, object: UnknownObject): void {
  const annotations = object.metadata.annotations;
  if (manager !== 'kubectl' || annotations === undefined) return;
  if (live?.metadata.annotations?.[lastAppliedAnnotation] === undefined) return;
  const { [lastAppliedAnnotation]: _, ...others } = applied.metadata.annotations ?? {};
  const metadata = { ...applied.metadata, annotations: others };
  const text = `${JSON.stringify({ ...applied, metadata })}\n`;
  annotations[lastAppliedAnnotation] = text;
}

function describeManager({ name, operation, apiVersion, subresource }: Manager): string {
  const quoted = JSON.stringify(name);
  const named = subresource === '' ? quoted : `${quoted} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${named} using ${apiVersion}` : named;
}

function applyConflict(conflicts: readonly { manager: string; path: string }[]): ApiError {
  const causes = conflicts.map(({ manager, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field: path,
  }));
  return apiError(409, 'Conflict', conflictMessage(conflicts), { causes });
}

function conflictMessage(conflicts: readonly { manager: string; path: string }[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.path}`;
  }
  const managers = [...new Set(conflicts.map(({ manager }) => manager))].sort();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...conflicts.filter((conflict) => conflict.manager === manager).map(({ path }) => `- ${path}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}
