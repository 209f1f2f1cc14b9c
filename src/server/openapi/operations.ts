import type { Dialect, JsonSchema } from './dialect.ts';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'boolean' | 'integer' | 'string';
}

/** One method of one path, in words that both dialects can say. */
export interface Operation {
  readonly id: string;
  /** `x-kubernetes-action` */
  readonly action: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly body?: JsonSchema;
  readonly response: JsonSchema;
  readonly isCreate?: boolean;
  /** The body is a patch; kinds that are compiled in take strategic merge patches as well. */
  readonly patch?: 'builtin' | 'custom';
}

interface Place {
  readonly gvk: { readonly group: string; readonly version: string; readonly kind: string };
  readonly tag: string;
  readonly dialect: Dialect;
}

const answerTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const patchTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

export function renderOperation(operation: Operation, { gvk, tag, dialect }: Place): JsonSchema {
  const shared = { description: operation.description, tags: [tag], operationId: operation.id };
  const extensions = { 'x-kubernetes-action': operation.action, 'x-kubernetes-group-version-kind': gvk };
  const parameters = operation.parameters.map((parameter) => renderParameter(parameter, dialect));
  const { body } = operation;
  if (dialect.version === 'v2') {
    return {
      ...shared,
      consumes: operation.patch === undefined ? ['*/*'] : acceptedPatches(operation.patch),
      produces: answerTypes,
      schemes: ['https'],
      parameters: [
        ...(body === undefined
          ? []
          : [{ name: 'body', in: 'body', required: isBodyRequired(operation), schema: body }]),
        ...parameters,
      ],
      responses: responses(operation, (schema) => ({ schema })),
      ...extensions,
    };
  }
  const bodyTypes = operation.patch === undefined ? ['*/*'] : acceptedPatches(operation.patch);
  return {
    ...shared,
    parameters,
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            content: Object.fromEntries(bodyTypes.map((type) => [type, { schema: body }])),
            ...(isBodyRequired(operation) ? { required: true } : {}),
          },
        }),
    responses: responses(operation, (schema) => ({
      content: Object.fromEntries(answerTypes.map((type) => [type, { schema }])),
    })),
    ...extensions,
  };
}

export function renderParameter({ name, in: place, type }: Parameter, dialect: Dialect): JsonSchema {
  const required = place === 'path' ? { required: true } : {};
  if (dialect.version === 'v2') return { name, in: place, type, ...required, uniqueItems: true };
  return { name, in: place, ...required, schema: { type, uniqueItems: true } };
}

function responses({ response, isCreate, action }: Operation, content: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const answer = { description: 'OK', ...content(response) };
  return {
    200: answer,
    ...(isCreate === true || action === 'put' || action === 'patch'
      ? { 201: { ...answer, description: 'Created' } }
      : {}),
    ...(isCreate === true || action === 'delete' ? { 202: { ...answer, description: 'Accepted' } } : {}),
    401: { description: 'Unauthorized' },
  };
}

function isBodyRequired({ action }: Operation): boolean {
  return !action.startsWith('delete');
}

function acceptedPatches(patch: 'builtin' | 'custom'): string[] {
  return patch === 'builtin' ? patchTypes : patchTypes.filter((type) => !type.includes('strategic'));
}
