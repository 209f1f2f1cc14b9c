import type { ResourceDefinition, SubresourceDefinition } from '../../api/resource.ts';
import { clone, isJsonObject, type JsonObject } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { applyJsonPatch } from '../../machinery/patch/json.ts';
import { applyMergePatch } from '../../machinery/patch/merge.ts';
import { applyStrategicMergePatch } from '../../machinery/patch/strategic.ts';
import type { StructSchema } from '../../machinery/schema.ts';
import { badRequest, invalid, unsupportedMediaType } from '../../machinery/status-error.ts';
import { decodeFields } from '../../machinery/unknown-fields.ts';
import { readBody } from '../body.ts';
import type { Registry } from '../registry/registry.ts';
import type { RequestContext } from '../request.ts';
import { mediaTypeOf, negotiate } from './media-type.ts';
import { parseBody, strictError, strictProblems } from './object-decoding.ts';
import { type FieldValidation, fieldValidationOf, writeRequestOf } from './request-options.ts';
import { sendObject } from './respond.ts';
import { applyServerSide } from './server-side-apply.ts';

/** A patch as it was sent. */
export interface SentPatch {
  readonly value: unknown;
  readonly duplicateFields: readonly string[];
}

type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

const patchKinds: ReadonlyMap<string, PatchKind> = new Map([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);

export async function patch(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  subresource?: SubresourceDefinition,
): Promise<void> {
  negotiate(context.headers.accept);
  const { kind, value, duplicateFields } = await readPatch(context);
  if (kind === 'apply') {
    await applyServerSide(context, row, registry, { value, duplicateFields }, subresource);
    return;
  }
  // A custom resource has no merge keys: upstream does not take the strategic form for it.
  if (kind === 'strategic' && row.decode !== undefined) throw unknownPatchType(isCustomPatchKind);
  const request = writeRequestOf(context, row, subresource, 'PatchOptions');
  const validation = fieldValidationOf(context.query, 'PatchOptions');
  const written = await registry.update(request, {
    change: (old) => {
      const patched = patchedObject(kind, old, value, row.schema);
      checkIdentity(patched, old);
      checkFields(patched, row, validation, { value, duplicateFields }, context.warnings);
      return patched;
    },
  });
  await sendObject(context, row, written, 200, registry.clock);
}

/** The body of a PATCH by its content type. Throws 415 for a type that is not a patch. */
export async function readPatch(context: RequestContext): Promise<SentPatch & { kind: PatchKind }> {
  const type = mediaTypeOf(context.headers['content-type']);
  const kind = patchKinds.get(type);
  if (kind === undefined) {
    throw unknownPatchType(() => true);
  }
  const body = await readBody(context);
  const validation = fieldValidationOf(context.query, 'PatchOptions');
  const parsed = await parseBody(body, kind === 'apply' ? type : 'application/json', validation);
  return { kind, ...parsed };
}

function unknownPatchType(accepted: (kind: PatchKind) => boolean): Error {
  const types = [...patchKinds].filter(([, kind]) => accepted(kind)).map(([type]) => type);
  return unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
  );
}

const isCustomPatchKind = (kind: PatchKind): boolean => kind !== 'strategic';

/** `old` is shared; the answer is a new object. The patch may be applied more than once. */
export function patchedObject(
  kind: Exclude<PatchKind, 'apply'>,
  old: UnknownObject,
  patchValue: unknown,
  schema: StructSchema,
): UnknownObject {
  const document = clone(old);
  if (kind === 'json') return applyJsonPatch(document, patchValue);
  if (!isJsonObject(patchValue)) throw badRequest('the patch is not a JSON object');
  const own = clone(patchValue);
  const result =
    kind === 'merge'
      ? applyMergePatch(document, own)
      : applyStrategicMergePatch(document as unknown as JsonObject, own, schema);
  if (!isJsonObject(result)) throw badRequest('the patch does not leave an object');
  return result as UnknownObject;
}

function checkIdentity(patched: UnknownObject, old: UnknownObject): void {
  if (patched.apiVersion !== old.apiVersion || patched.kind !== old.kind) {
    throw badRequest(
      `the API version in the data (${patched.apiVersion}) does not match the expected API version (${old.apiVersion})`,
    );
  }
  if (!isJsonObject(patched.metadata)) throw badRequest('the patch removes the metadata');
  if (patched.metadata.name !== old.metadata.name) {
    throw badRequest(
      `the name of the object (${patched.metadata.name}) does not match the name on the URL (${old.metadata.name})`,
    );
  }
  if (patched.metadata.namespace !== old.metadata.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function checkFields(
  patched: UnknownObject,
  row: ResourceDefinition,
  validation: FieldValidation,
  { value, duplicateFields }: SentPatch,
  warnings: string[],
): void {
  const { unknown, typeErrors } = row.decode?.(patched) ?? decodeFields(patched, row.schema);
  const shown = () => JSON.stringify(value);
  const [typeError] = typeErrors;
  if (typeError !== undefined) {
    throw invalid({ group: '', kind: '' }, '', [
      { type: 'invalid', field: 'patch', value: shown(), detail: typeError },
    ]);
  }
  if (validation === 'Ignore' || (unknown.length === 0 && duplicateFields.length === 0)) return;
  const problems = strictProblems(unknown, duplicateFields);
  if (validation === 'Strict') {
    const detail = strictError(problems);
    throw invalid({ group: '', kind: '' }, '', [{ type: 'invalid', field: 'patch', value: shown(), detail }]);
  }
  for (const problem of problems) if (!warnings.includes(problem)) warnings.push(problem);
}
