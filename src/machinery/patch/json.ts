import jsonPatch, { type Operation } from 'fast-json-patch';
import { isJsonObject } from '../json.ts';
import { apiError, badRequest, requestEntityTooLarge } from '../status-error.ts';

const operationsMax = 10_000;
/** Characters of JSON that the `copy` operations of one patch may make; thirty that double a document would fill memory. */
const copiedLengthMax = 3 * 1024 * 1024;

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
    return operations.some(isCopy)
      ? applyWithCopies(document, operations)
      : jsonPatch.applyPatch(document, operations, true, true).newDocument;
  } catch (error) {
    const rejected = apiError(422, 'Invalid', 'the server rejected our request due to an error in our request');
    rejected.cause = error;
    throw rejected;
  }
}

function isCopy(operation: unknown): boolean {
  return isJsonObject(operation) && operation['op'] === 'copy';
}

function applyWithCopies<T>(document: T, operations: readonly Operation[]): T {
  let copied = 0;
  let patched = document;
  for (const [index, operation] of operations.entries()) {
    if (operation?.op === 'copy' && typeof operation.from === 'string') {
      copied += JSON.stringify(jsonPatch.getValueByPointer(patched, operation.from) ?? null).length;
      if (copied > copiedLengthMax) {
        throw new Error(
          `Unable to complete the copy: it makes ${copied} characters, and ${copiedLengthMax} are allowed`,
        );
      }
    }
    patched = jsonPatch.applyOperation(patched, operation, true, true, true, index).newDocument;
  }
  return patched;
}
