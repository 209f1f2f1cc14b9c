import { isJsonObject, type JsonObject, parseJson } from '../../machinery/json.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import type { StructSchema } from '../../machinery/schema.ts';
import { badRequest, unsupportedMediaType } from '../../machinery/status-error.ts';
import { decodeFields, type FieldCheck } from '../../machinery/unknown-fields.ts';
import { readBody } from '../body.ts';
import type { RequestContext } from '../request.ts';
import { mediaTypeOf } from './media-type.ts';
import type { FieldValidation } from './request-options.ts';
import { isOfYaml, parseYaml } from './yaml-body.ts';

/** What a body must be. */
export interface Expected {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly schema: StructSchema;
  /** Instead of the walk by `schema`. */
  decode?(value: JsonObject): FieldCheck;
}

/** Reads, parses and checks the object in a body. The answer belongs to the caller. */
export async function readObject(
  context: RequestContext,
  expected: Expected,
  validation: FieldValidation,
): Promise<UnknownObject> {
  const body = await readBody(context);
  const { value, duplicateFields } = await parseBody(body, context.headers['content-type'], validation);
  return checkObject(value, expected, validation, context.warnings, duplicateFields);
}

/** Parses JSON or YAML by its content type. Throws 400 and 415. */
export async function parseBody(
  body: Buffer,
  contentType: string | undefined,
  validation: FieldValidation,
): Promise<{ value: unknown; duplicateFields: readonly string[] }> {
  const type = mediaTypeOf(contentType);
  if (type === 'application/yaml' || type === 'application/apply-patch+yaml')
    return parseYaml(body, validation !== 'Ignore');
  if (type !== '' && type !== 'application/json' && type !== '*/*') {
    throw unsupportedMediaType(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml',
    );
  }
  try {
    return parseJson(body, { duplicates: validation !== 'Ignore' });
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : error}`);
  }
}

/** Checks a parsed object against the schema and what is expected; changes it to what Go's decoder would have read. */
export function checkObject(
  value: unknown,
  expected: Expected,
  validation: FieldValidation,
  warnings: string[],
  duplicateFields: readonly string[] = [],
): UnknownObject {
  const { kind, version } = expected;
  if (!isJsonObject(value))
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${kind}: json: cannot unmarshal ${typeof value} into Go value of type map[string]interface {}`,
    );
  checkIdentity(value, expected);
  const { unknown, typeErrors } = expected.decode?.(value) ?? decodeFields(value, expected.schema);
  const [typeError] = typeErrors;
  if (typeError !== undefined) {
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${typeError}`);
  }
  if (validation !== 'Ignore' && (unknown.length > 0 || duplicateFields.length > 0)) {
    const problems = strictProblems(unknown, duplicateFields);
    if (validation === 'Strict') {
      throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${strictError(problems)}`);
    }
    warnings.push(...problems);
  }
  if (!isJsonObject(value['metadata'])) value['metadata'] = {};
  return value as UnknownObject;
}

export function strictProblems(unknown: readonly string[], duplicateFields: readonly string[]): string[] {
  return [
    ...duplicateFields.map((field) => (isOfYaml(field) ? field : `duplicate field "${field}"`)),
    ...unknown.map((field) => `unknown field "${field}"`),
  ];
}

/** Upstream's words: those of its YAML reader first, each on a line of its own. */
export function strictError(problems: readonly string[]): string {
  const ofYaml = problems.filter(isOfYaml);
  const yaml = ofYaml.length === 0 ? [] : [`yaml: unmarshal errors:\n  ${ofYaml.join('\n  ')}`];
  return `strict decoding error: ${[...yaml, ...problems.filter((problem) => !isOfYaml(problem))].join(', ')}`;
}

function checkIdentity(value: JsonObject, expected: Expected): void {
  const groupVersion = formatGroupVersion(expected);
  const { apiVersion = groupVersion, kind = expected.kind } = value;
  if (apiVersion !== groupVersion) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${groupVersion})`,
    );
  }
  if (kind !== expected.kind) {
    throw badRequest(
      `${String(kind)} in version "${expected.version}" cannot be handled as a ${expected.kind}: no kind "${String(kind)}" is expected here`,
    );
  }
  value['apiVersion'] = groupVersion;
  value['kind'] = expected.kind;
}
