/**
 * What differs between OpenAPI 2 (Swagger), which old clients and code generators read, and OpenAPI 3, which kubectl
 * reads since 1.27.
 */
export interface Dialect {
  readonly version: 'v2' | 'v3';
  /** Where `$ref` finds a definition. */
  readonly definitionPrefix: string;
  /** A field whose type is another definition. Version 3 allows nothing beside `$ref`, so the reference is wrapped. */
  reference(name: string): JsonSchema;
  readonly quantity: JsonSchema;
  readonly intOrString: JsonSchema;
}

export type JsonSchema = Record<string, unknown>;

export const openApiV2: Dialect = {
  version: 'v2',
  definitionPrefix: '#/definitions/',
  reference: (name) => ({ $ref: `#/definitions/${name}` }),
  quantity: { type: 'string' },
  intOrString: { type: 'string', format: 'int-or-string' },
};

export const openApiV3: Dialect = {
  version: 'v3',
  definitionPrefix: '#/components/schemas/',
  reference: (name) => ({ allOf: [{ $ref: `#/components/schemas/${name}` }] }),
  quantity: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  intOrString: { oneOf: [{ type: 'integer' }, { type: 'string' }], format: 'int-or-string' },
};
