import type { ResourceDefinition } from '../../api/resource.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { deleteObject } from '../registry/deletion.ts';
import type { Registry } from '../registry/registry.ts';
import { targetOf } from '../registry/target.ts';
import type { RequestContext } from '../request.ts';
import { readDeletion } from './delete.ts';
import { prepareEntries } from './prepared-entries.ts';
import { selectionOf } from './request-options.ts';
import { sendPlain } from './respond.ts';

/** Deletions of one request that are under way at a time. */
const deletionsAtOnce = 16;

/** Deletes what a list with the same selectors would show, each as a delete of its own. */
export async function deleteCollection(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
): Promise<void> {
  const { request, options } = await readDeletion(context, row);
  const selection = selectionOf(context, row);
  await registry.hub.fresh();
  const { cache } = targetOf(registry.hub, row);
  const selected = [...cache.select(selection)];
  const doomed =
    row.storedAs === undefined || selection.later.length === 0
      ? selected
      : (await prepareEntries(row.storedAs, selection, selected)).map(({ entry }) => entry);
  const deleted: (UnknownObject | undefined)[] = [];
  let next = 0;
  const deleteSome = async () => {
    for (let at = next++; at < doomed.length; at = next++) {
      const entry = doomed[at];
      if (entry === undefined) return;
      try {
        const { object } = await deleteObject(
          registry,
          { ...request, namespace: entry.namespace, name: entry.name },
          options,
        );
        deleted[at] = object;
      } catch (error) {
        // Someone else was faster.
        if (!isNotFound(error)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(deletionsAtOnce, doomed.length) }, deleteSome));
  const items = deleted.filter((object) => object !== undefined);
  const metadata = { resourceVersion: String(registry.hub.revision) };
  await sendPlain(context, { kind: row.listKind, apiVersion: formatGroupVersion(row), metadata, items }, 200);
}
