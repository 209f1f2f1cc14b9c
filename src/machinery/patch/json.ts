import jsonPatch from 'fast-json-patch';
import { apiError, badRequest, requestEntityTooLarge } from '../status-error.ts';

const operationsMax = 10_000;

/**
 * RFC 6902. Answers the patched document; `document` is the caller's own copy and is changed. Throws a 400 for what is
 * not a patch, 413 for a patch that is too long and 422 for one that does not apply, in the words of upstream's
 * endpoints/handlers/patch.go.
 */
export function applyJsonPatch<T>(document: T, operations: unknown): T {
  if (!Array.isArray(operations)) {
    throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  }
  if (operations.length > operationsMax) {
    throw requestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${operationsMax}, got ${operations.length}`,
    );
  }
  try {
    return jsonPatch.applyPatch(document, operations, true, true).newDocument;
  } catch (error) {
    const rejected = apiError(422, 'Invalid', 'the server rejected our request due to an error in our request');
    rejected.cause = error;
    throw rejected;
  }
}
