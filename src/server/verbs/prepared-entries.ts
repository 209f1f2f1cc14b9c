import type { Conversion } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { CacheEntry } from '../watch-cache/cache-entry.ts';
import type { Selection } from '../watch-cache/selection.ts';

/** An entry with its decoded object: what was prepared belongs to that very object, which must be held until used. */
export interface PreparedEntry {
  readonly entry: CacheEntry;
  readonly object: UnknownObject;
}

/** Makes entries ready for `fromStored`, all at once, and keeps those that the selection lets through then. */
export async function prepareEntries(
  conversion: Conversion,
  selection: Selection,
  entries: readonly CacheEntry[],
): Promise<PreparedEntry[]> {
  const all = entries.map((entry) => ({ entry, object: entry.object }));
  await conversion.prepare?.(
    all.map(({ object }) => object),
    'fromStored',
  );
  if (selection.later.length === 0) return all;
  return all.filter(({ object }) => selection.matchesConverted(conversion.fromStored(object)));
}
