import { schemaOf } from '../../api/schema/structure.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { RequestContext } from '../request.ts';
import { negotiatePlain } from '../verbs/media-type.ts';
import { readObject } from '../verbs/object-decoding.ts';
import { sendPlain } from '../verbs/respond.ts';

interface ReviewKind {
  readonly group: string;
  readonly kind: string;
  /** Short name of the definition: `authentication/v1.TokenReview`. */
  readonly schema: string;
}

/**
 * The object that a review or a token request carries. Throws 400 when it is not of that kind, 406 when the answer is
 * wanted as a Table, which a review does not have.
 */
export function readReview(context: RequestContext, { group, kind, schema }: ReviewKind): Promise<UnknownObject> {
  negotiatePlain(context.headers.accept);
  return readObject(context, { group, version: 'v1', kind, schema: schemaOf(schema) }, 'Ignore');
}

export function sendCreated(context: RequestContext, object: object): Promise<void> {
  return sendPlain(context, object, 201);
}
