import type { ResourceDefinition } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { badRequest } from '../../machinery/status-error.ts';
import type { Registry } from '../registry/registry.ts';
import type { RequestContext } from '../request.ts';
import { negotiate } from './media-type.ts';
import { readObject } from './object-decoding.ts';
import { fieldValidationOf, writeRequestOf } from './request-options.ts';
import { sendObject } from './respond.ts';

export async function create(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  negotiate(context.headers.accept);
  const request = writeRequestOf(context, row, undefined, 'CreateOptions');
  const object = await readObject(context, row, fieldValidationOf(context.query, 'CreateOptions'));
  setNamespace(object, row, context.info.namespace);
  const written = await registry.create(request, object);
  await sendObject(context, row, written, 201, registry.clock);
}

/** The path decides; an object that names another namespace is refused. */
export function setNamespace({ metadata }: UnknownObject, row: ResourceDefinition, namespace: string): void {
  if (!row.namespaced) {
    if ((metadata.namespace ?? '') !== '') throw namespaceMismatch();
    delete metadata.namespace;
    return;
  }
  if ((metadata.namespace ?? '') === '') metadata.namespace = namespace;
  else if (metadata.namespace !== namespace) throw namespaceMismatch();
}

function namespaceMismatch(): Error {
  return badRequest('the namespace of the provided object does not match the namespace sent on the request');
}
