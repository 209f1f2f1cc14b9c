import type { UnknownObject } from '../../machinery/meta.ts';

/** What a write took for itself (addresses, ports) and gives back when it is not carried out. */
export interface Reservation {
  release(): void;
}

/**
 * What the generic registry cannot know of a resource because it needs more than the one object: kept apart from the
 * rows, which are pure.
 */
export interface ResourceHooks {
  /** After admission and before validation of a create. May change the object. Throws an ApiError to refuse. */
  beforeCreate?(object: UnknownObject, dryRun: boolean): Reservation | undefined;
  /** The same for an update. */
  beforeUpdate?(object: UnknownObject, old: UnknownObject, dryRun: boolean): Reservation | undefined;
  /** A deletion begins: `object` is a copy that carries the deletion timestamp. */
  beginDeletion?(object: UnknownObject): void;
  /** The object stays although nothing in its metadata holds it back. */
  holdsDeletion?(object: UnknownObject): boolean;
}

export const noHooks: ResourceHooks = {};
