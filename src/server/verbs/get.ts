import type { ResourceDefinition } from '../../api/resource.ts';
import { notFound } from '../../machinery/status-error.ts';
import type { Registry } from '../registry/registry.ts';
import { keyOf, objectOf, targetOf } from '../registry/target.ts';
import type { RequestContext } from '../request.ts';
import { negotiate } from './media-type.ts';
import { awaitRevision, parseRevision } from './resource-version.ts';
import { jsonType, sendObject } from './respond.ts';

/** One object. Without a resourceVersion the answer is as new as anything written before. */
export async function get(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  const target = targetOf(registry.hub, row);
  const { info, query } = context;
  const wanted = query.get('resourceVersion') ?? '';
  await awaitRevision(registry.hub, wanted === '' ? undefined : parseRevision(wanted));
  const entry = target.cache.get(keyOf(row, info.namespace, info.name));
  if (entry === undefined) throw notFound(row, info.name);
  const { as, encoding } = negotiate(context.headers.accept);
  if (as === 'object' && encoding === 'json' && row.storedAs === undefined && query.size === 0) {
    context.response.send(200, jsonType, entry.bytes);
    return;
  }
  const bytes = row.storedAs === undefined ? entry.bytes : undefined;
  await sendObject(context, row, { object: await objectOf(target, entry), bytes }, 200, registry.clock);
}
