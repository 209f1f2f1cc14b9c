import { type Client, metadataClient } from '../../client/index.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { ApiResource } from '../api-resources.ts';

/** What is left of one resource in a namespace after everything in it was asked to go. */
export interface Remaining {
  readonly resource: ApiResource;
  readonly count: number;
  /** Finalizer -> objects that wait for it. */
  readonly finalizers: ReadonlyMap<string, number>;
}

/** Deletes all objects of one resource in the namespace; answers what remains. */
export async function deleteContent(client: Client, resource: ApiResource, namespace: string): Promise<Remaining> {
  const typed = metadataClient(client, resource);
  const first = await typed.list({ namespace });
  if (first.items.length > 0) {
    if (resource.verbs.includes('deletecollection')) {
      await typed.deleteCollection({ namespace, deleteOptions: { propagationPolicy: 'Background' } });
    } else {
      await Promise.all(first.items.map((item) => deleteOne(typed, namespace, item.metadata.name)));
    }
  }
  const items = first.items.length === 0 ? [] : (await typed.list({ namespace })).items;
  const finalizers = new Map<string, number>();
  for (const item of items) {
    for (const finalizer of item.metadata.finalizers ?? []) {
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    }
  }
  return { resource, count: items.length, finalizers };
}

async function deleteOne(typed: ReturnType<typeof metadataClient>, namespace: string, name: string): Promise<void> {
  try {
    await typed.delete({ namespace, name }, { propagationPolicy: 'Background' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
