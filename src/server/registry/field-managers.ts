import type { ResourceDefinition } from '../../api/resource.ts';
import { trackUpdate } from '../../machinery/managed-fields/track-update.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import type { WriteRequest } from './write-request.ts';

export function hasStatusSubresource({ subresources }: ResourceDefinition): boolean {
  return subresources.some(({ name }) => name === 'status');
}

/** Keeps `metadata.managedFields` of a create, update or patch. Changes `updated`. */
export function trackFieldManager(
  request: WriteRequest,
  live: UnknownObject | undefined,
  updated: UnknownObject,
  now: number,
): void {
  if (request.managesFields === true) return;
  const { row, subresource, fieldManager } = request;
  trackUpdate({
    live,
    updated,
    schema: row.schema,
    manager: fieldManager,
    operation: 'Update',
    apiVersion: formatGroupVersion(row),
    subresource: subresource?.name ?? '',
    hasStatusSubresource: hasStatusSubresource(row),
    now,
  });
}
