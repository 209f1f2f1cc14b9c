import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { internalError } from '../../machinery/status-error.ts';
import type { CacheEntry } from '../watch-cache/cache-entry.ts';
import type { CacheHub } from '../watch-cache/cache-hub.ts';
import type { ResourceCache } from '../watch-cache/resource-cache.ts';

/** A row with where its objects are kept. */
export interface Target {
  readonly row: ResourceDefinition;
  readonly cache: ResourceCache;
}

export function targetOf(hub: CacheHub, row: ResourceDefinition): Target {
  const cache = hub.cache(row.storedAs ?? row);
  if (cache === undefined) throw internalError(`${row.resource} is not stored`);
  return { row, cache };
}

export function keyOf(row: ResourceDefinition, namespace: string, name: string): string {
  return row.namespaced ? `${namespace}/${name}` : name;
}

/** The object in the row's version; shared, must not be changed. */
export async function objectOf({ row }: Target, entry: CacheEntry): Promise<UnknownObject> {
  const { object } = entry;
  if (row.storedAs === undefined) return object;
  await row.storedAs.prepare?.([object], 'fromStored');
  return row.storedAs.fromStored(object);
}

/** The object in the version it is stored in. */
export async function toStored(row: ResourceDefinition, object: UnknownObject): Promise<UnknownObject> {
  if (row.storedAs === undefined) return object;
  await row.storedAs.prepare?.([object], 'toStored');
  return row.storedAs.toStored(object);
}
