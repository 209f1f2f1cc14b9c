import type { ResourceDefinition } from '../../api/resource.ts';
import type { JsonObject } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { Written } from '../registry/write-request.ts';
import type { RequestContext } from '../request.ts';
import { type Accepted, negotiate, notAcceptable, protobufType } from './media-type.ts';
import { formOf } from './object-form.ts';
import { flagOf } from './request-options.ts';

export const jsonType = 'application/json';
const yamlType = 'application/yaml';

/** Sends an object that was read or written, in the form the client accepts. */
export async function sendObject(
  context: RequestContext,
  row: ResourceDefinition,
  written: Pick<Written, 'object' | 'bytes'>,
  statusCode: number,
  clock: () => number,
): Promise<void> {
  const accepted = negotiate(context.headers.accept);
  if (accepted.as === 'object') {
    await sendJson(context, accepted, statusCode, written.bytes ?? JSON.stringify(written.object));
    return;
  }
  // The object is in the row's version already.
  const { storedAs: _, ...own } = row;
  const form = formOf(own, accepted, context.query, clock);
  const text = form.encode?.(written.object) ?? JSON.stringify(written.object);
  await sendJson(context, accepted, statusCode, text);
}

/** Sends any other object (Status, Scale) as JSON or YAML. */
export async function sendPlain(context: RequestContext, object: object, statusCode: number): Promise<void> {
  await sendJson(context, negotiate(context.headers.accept), statusCode, JSON.stringify(object));
}

export async function sendJson(
  context: RequestContext,
  { encoding }: Accepted,
  statusCode: number,
  json: Buffer | string,
): Promise<void> {
  if (encoding === 'protobuf') {
    const { encodeProtobuf } = await import('../../api/schema/protobuf-encoding.ts');
    const bytes = encodeProtobuf(JSON.parse(json.toString()) as JsonObject) ?? notAcceptable();
    context.response.send(statusCode, protobufType, bytes);
  } else if (encoding === 'yaml') {
    const { stringify } = await import('yaml');
    context.response.send(statusCode, yamlType, stringify(JSON.parse(json.toString()), { version: '1.1' }));
  } else if (flagOf(context.query, 'pretty')) {
    context.response.send(statusCode, jsonType, JSON.stringify(JSON.parse(json.toString()), undefined, 2));
  } else context.response.send(statusCode, jsonType, json);
}

/** The Status that answers a deletion that is done. */
export function deletedStatus(row: ResourceDefinition, object: UnknownObject): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: object.metadata.name,
      ...(row.group === '' ? {} : { group: row.group }),
      kind: row.resource,
      ...(object.metadata.uid === undefined ? {} : { uid: object.metadata.uid }),
    },
  };
}
