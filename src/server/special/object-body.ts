import type { UnknownObject } from '../../machinery/meta.ts';
import { badRequest, unsupportedMediaType } from '../../machinery/status-error.ts';
import { readBody } from '../body.ts';
import type { RequestContext } from '../request.ts';

/** The object a review or token request carries, in JSON or YAML. Throws 400 when it is not of `kind`. */
export async function readObject(context: RequestContext, kind: string): Promise<UnknownObject> {
  const bytes = await readBody(context);
  const value = await parse(bytes, context.headers['content-type'] ?? 'application/json');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest(`the body is not a ${kind}`);
  const object = value as Partial<UnknownObject>;
  if (object.kind !== undefined && object.kind !== kind) {
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): got ${object.kind}`);
  }
  return { apiVersion: '', kind, ...object, metadata: object.metadata ?? { name: '' } };
}

async function parse(bytes: Buffer, contentType: string): Promise<unknown> {
  const type = contentType.split(';')[0]?.trim();
  try {
    if (type === 'application/json' || type === '') return JSON.parse(bytes.toString());
    if (type === 'application/yaml') return (await import('yaml')).parse(bytes.toString(), { version: '1.1' });
  } catch (error) {
    throw badRequest(`the body could not be parsed: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
  );
}

export function sendCreated(context: RequestContext, object: object): void {
  context.response.send(201, 'application/json', `${JSON.stringify(object)}\n`);
}
