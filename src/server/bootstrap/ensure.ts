import type { UnknownObject } from '../../machinery/meta.ts';
import { isAlreadyExists } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/**
 * Creates what is missing and lets `repair` alter a copy of what is there (false: nothing to do). Safe to run at every
 * start, and by two servers at once.
 */
export async function ensureObject(
  objects: ObjectAccess,
  of: GroupResource,
  wanted: UnknownObject,
  repair?: (kept: UnknownObject) => boolean,
): Promise<void> {
  const { namespace = '', name } = wanted.metadata;
  if (objects.get(of, namespace, name) === undefined) {
    try {
      await objects.create(of, wanted);
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw new Error(`Cannot create ${of.resource} "${name}" at start`, { cause: error });
      }
    }
  }
  if (repair !== undefined) await objects.modify(of, namespace, name, repair);
}
