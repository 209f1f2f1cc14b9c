import type { ResourceDefinition } from '../../../api/resource.ts';
import { clone } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';

/** The object in another version in which the same objects are served. The answer is a copy. */
export async function convertObject(
  object: UnknownObject,
  from: ResourceDefinition,
  to: ResourceDefinition,
): Promise<UnknownObject> {
  const copy = clone(object);
  if (from === to) return copy;
  await from.storedAs?.prepare?.([copy], 'toStored');
  const stored = from.storedAs === undefined ? copy : from.storedAs.toStored(copy);
  await to.storedAs?.prepare?.([stored], 'fromStored');
  return to.storedAs === undefined ? stored : to.storedAs.fromStored(stored);
}

/** Makes `target` be `source`: who holds the one sees the other from now on. */
export function replaceContents(target: UnknownObject, source: UnknownObject): void {
  for (const field of Object.keys(target)) if (!(field in source)) delete target[field];
  Object.assign(target, source);
}
