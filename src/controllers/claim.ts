import type { ResourceClient } from '../client/index.ts';
import type { Selector } from '../machinery/labels.ts';
import type { KubeObject } from '../machinery/meta.ts';
import { apiError, isInvalid, isNotFound } from '../machinery/status-error.ts';
import { controllerOf, controllerReferenceTo } from './owners.ts';

export interface ClaimOptions<T extends KubeObject> {
  readonly owner: KubeObject;
  /** The owner as it is now, past the cache: adoption by an owner that is gone would make an orphan's orphan. */
  readonly freshOwner: () => Promise<KubeObject>;
  readonly selector: Selector;
  readonly client: ResourceClient<T>;
  /** Put on what is adopted. */
  readonly finalizer?: string;
}

/**
 * The objects that belong to `owner`, as client-go's ControllerRefManager: what it controls and selects; an orphan
 * that it selects is adopted, and what it controls but no longer selects is released.
 */
export async function claim<T extends KubeObject>(candidates: Iterable<T>, options: ClaimOptions<T>): Promise<T[]> {
  const { owner, selector } = options;
  const claimed: T[] = [];
  let mayAdopt: Promise<void> | undefined;
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const selected = selector.matches(candidate.metadata.labels);
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (selected) claimed.push(candidate);
      else if (owner.metadata.deletionTimestamp === undefined) await release(candidate, options);
      continue;
    }
    if (!selected || owner.metadata.deletionTimestamp !== undefined) continue;
    if (candidate.metadata.deletionTimestamp !== undefined) continue;
    mayAdopt ??= checkAdoption(options);
    await mayAdopt;
    const adopted = await adopt(candidate, options);
    if (adopted !== undefined) claimed.push(adopted);
  }
  return claimed;
}

async function checkAdoption<T extends KubeObject>({ owner, freshOwner }: ClaimOptions<T>): Promise<void> {
  const fresh = await freshOwner();
  const key = `${owner.metadata.namespace ?? ''}/${owner.metadata.name}`;
  if (fresh.metadata.uid !== owner.metadata.uid) {
    throw apiError(409, 'Conflict', `original ${owner.kind} ${key} is gone: got uid ${fresh.metadata.uid ?? ''}`);
  }
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw apiError(409, 'Conflict', `${key} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
  }
}

/** Undefined when it vanished or became another's meanwhile. */
async function adopt<T extends KubeObject>(
  object: T,
  { owner, client, finalizer }: ClaimOptions<T>,
): Promise<T | undefined> {
  const finalizers = finalizer === undefined ? {} : { finalizers: [finalizer] };
  const body = {
    metadata: { uid: object.metadata.uid, ownerReferences: [controllerReferenceTo(owner)], ...finalizers },
  };
  try {
    return await client.patch(object.metadata, { type: 'strategic', body });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function release<T extends KubeObject>(object: T, { owner, client }: ClaimOptions<T>): Promise<void> {
  const gone = { $patch: 'delete', uid: owner.metadata.uid };
  const body = { metadata: { uid: object.metadata.uid, ownerReferences: [gone] } };
  try {
    await client.patch(object.metadata, { type: 'strategic', body });
  } catch (error) {
    // Invalid: it has another uid or the reference is gone already. Either way it is not ours any more.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}
