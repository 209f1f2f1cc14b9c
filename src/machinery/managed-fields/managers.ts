import { equal } from '../json.ts';
import type { ManagedFieldsEntry } from '../meta-types.generated.ts';
import { emptySet, type FieldSet, isEmptySet, readFieldSet, union } from './field-set.ts';

/** One owner of fields: what `metadata.managedFields` has an entry for. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time?: string | undefined;
  readonly fields: FieldSet;
}

/** An applier is the same one in every version of the API; an updater is not. */
export function isSameManager(a: Omit<Manager, 'fields'>, b: Omit<Manager, 'fields'>): boolean {
  return (
    a.name === b.name &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion)
  );
}

/** Undefined when an entry cannot be read; such a list is ignored, as upstream. */
export function readManagers(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] | undefined {
  const managers: Manager[] = [];
  for (const entry of entries ?? []) {
    const { operation, time } = entry;
    const fields = readFieldSet(entry.fieldsV1 ?? {});
    if (fields === undefined || (operation !== 'Apply' && operation !== 'Update')) return undefined;
    managers.push({
      name: entry.manager ?? '',
      operation,
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time,
      fields,
    });
  }
  return managers;
}

/** Sorted as upstream: appliers first, then by age. Owners of nothing are left out. */
export function writeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return managers
    .filter(({ fields }) => !isEmptySet(fields))
    .sort(byAge)
    .map(({ name, operation, apiVersion, subresource, time, fields }) => ({
      apiVersion,
      fieldsType: 'FieldsV1',
      fieldsV1: fields,
      manager: name,
      operation,
      ...(subresource === '' ? {} : { subresource }),
      ...(time === undefined ? {} : { time }),
    }));
}

function byAge(a: Manager, b: Manager): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1;
  if (a.time !== b.time) return (a.time ?? '') < (b.time ?? '') ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.apiVersion < b.apiVersion ? -1 : a.apiVersion > b.apiVersion ? 1 : 0;
}

const updateManagersMax = 10;
const ancientManager = 'ancient-changes';

/** Merges the oldest updaters of a version into `ancient-changes` once there are more than ten. */
export function capManagers(managers: readonly Manager[]): Manager[] {
  const updaters = managers.filter(({ operation }) => operation === 'Update');
  let excess = updaters.length - updateManagersMax;
  if (excess <= 0) return [...managers];
  const kept = new Set(managers);
  const buckets = new Map<string, Manager>();
  for (const updater of updaters.sort(byAge)) {
    if (excess <= 0) break;
    if (updater.subresource !== '') continue;
    const bucket = buckets.get(updater.apiVersion);
    kept.delete(updater);
    // The first of a version only changes its name; from the second on there is one fewer.
    if (bucket !== undefined || updater.name === ancientManager) excess--;
    buckets.set(updater.apiVersion, {
      ...updater,
      name: ancientManager,
      fields: union(bucket?.fields ?? emptySet, updater.fields),
    });
    if (bucket === undefined && updater.name === ancientManager) excess++;
  }
  return [...kept, ...buckets.values()];
}

export function sameEntries(
  a: readonly ManagedFieldsEntry[] | undefined,
  b: readonly ManagedFieldsEntry[] | undefined,
): boolean {
  return equal(a ?? [], b ?? []);
}
