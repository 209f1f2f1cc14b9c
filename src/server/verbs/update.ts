import type { ResourceDefinition, SubresourceDefinition } from '../../api/resource.ts';
import { clone } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { badRequest, notFound } from '../../machinery/status-error.ts';
import { requireCreate } from '../filters/authorization.ts';
import type { Registry } from '../registry/registry.ts';
import type { RequestContext } from '../request.ts';
import { setNamespace } from './create.ts';
import { negotiate } from './media-type.ts';
import { readObject } from './object-decoding.ts';
import { fieldValidationOf, writeRequestOf } from './request-options.ts';
import { sendObject } from './respond.ts';

/** PUT of an object, or of the part of it that a `status`-like subresource writes. */
export async function update(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  subresource?: SubresourceDefinition,
): Promise<void> {
  negotiate(context.headers.accept);
  const request = writeRequestOf(context, row, subresource, 'UpdateOptions');
  const object = await readObject(context, row, fieldValidationOf(context.query, 'UpdateOptions'));
  setNamespace(object, row, context.info.namespace);
  checkName(object, request.name);
  const creates = subresource === undefined && row.strategy.allowCreateOnUpdate === true;
  let used = false;
  const written = await registry.update(request, {
    change: () => {
      // Kept whole for a second try; the first, which is nearly always the only one, may have the object itself.
      if (!used && (object.metadata.resourceVersion ?? '') !== '') {
        used = true;
        return object;
      }
      return clone(object);
    },
    createInstead: creates
      ? async () => {
          await requireCreate(context);
          if ((object.metadata.resourceVersion ?? '') !== '') throw notFound(row, request.name);
          return clone(object);
        }
      : undefined,
  });
  await sendObject(context, row, written, written.created ? 201 : 200, registry.clock);
}

function checkName({ metadata }: UnknownObject, name: string): void {
  if ((metadata.name ?? '') === '') {
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}
