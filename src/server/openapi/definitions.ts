import { definitions as builtinDefinitions, type Definition } from '../../api/schema/structure.ts';
import type { Field, ScalarType, Schema, StructSchema } from '../../machinery/schema.ts';
import type { Dialect, JsonSchema } from './dialect.ts';

/** Descriptions by a definition's short name (`core/v1.Pod`) and field; the definition's own under `''`. */
export type Prose = Readonly<Record<string, Readonly<Record<string, string>>>>;

const apimachinery = 'io.k8s.apimachinery.pkg';
const quantityName = `${apimachinery}.api.resource.Quantity`;
const intOrStringName = `${apimachinery}.util.intstr.IntOrString`;
const timeName = `${apimachinery}.apis.meta.v1.Time`;
const microTimeName = `${apimachinery}.apis.meta.v1.MicroTime`;

export const metaPrefix = `${apimachinery}.apis.meta.v1`;
export const patchName = `${metaPrefix}.Patch`;

/** Collects the definitions that a document refers to, each once, with everything they refer to in turn. */
export class DefinitionSet {
  readonly members: Record<string, JsonSchema> = {};
  private readonly dialect: Dialect;
  private readonly prose: Prose;
  private readonly byName = new Map<string, Definition>();

  constructor(dialect: Dialect, prose: Prose) {
    this.dialect = dialect;
    this.prose = prose;
    for (const definition of builtinDefinitions.values()) this.byName.set(definition.name, definition);
  }

  /** A reference to a built-in definition by its full name; undefined when there is none. */
  builtin(name: string): JsonSchema | undefined {
    const definition = this.byName.get(name);
    if (definition === undefined) return undefined;
    this.addStruct(definition.schema);
    return this.dialect.reference(name);
  }

  /** Adds a definition that is made elsewhere (a CustomResourceDefinition's). */
  add(name: string, make: () => JsonSchema): JsonSchema {
    if (!(name in this.members)) {
      this.members[name] = {};
      this.members[name] = make();
    }
    return this.dialect.reference(name);
  }

  private addStruct(schema: StructSchema): void {
    if (schema.name in this.members) return;
    // Stands there before its fields are walked: types may contain themselves.
    const target: JsonSchema = {};
    this.members[schema.name] = target;
    const definition = this.byName.get(schema.name);
    const texts = definition === undefined ? undefined : this.prose[definition.shortName];
    Object.assign(target, this.structBody(schema, texts));
    if (definition?.gvk !== undefined) target['x-kubernetes-group-version-kind'] = [definition.gvk];
  }

  private structBody(schema: StructSchema, texts: Prose[string] | undefined): JsonSchema {
    const properties: Record<string, JsonSchema> = {};
    const requiredFields: string[] = [];
    for (const [name, field] of schema.fields) {
      properties[name] = this.fieldSchema(field, texts?.[name] ?? this.descriptionOf(field.schema));
      if (field.required) requiredFields.push(name);
    }
    return {
      ...described(texts?.['']),
      type: 'object',
      ...(schema.fields.size === 0 ? {} : { properties }),
      ...(requiredFields.length === 0 ? {} : { required: requiredFields }),
      ...(schema.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
      ...(schema.preserveUnknown === true ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
    };
  }

  private fieldSchema(field: Field, description: string | undefined): JsonSchema {
    const body: JsonSchema = { ...described(description), ...this.typeSchema(field.schema) };
    if (field.schema.type === 'list') {
      body['x-kubernetes-list-type'] = field.schema.listType;
      if (field.schema.listType === 'map') body['x-kubernetes-list-map-keys'] = field.schema.listKeys;
    }
    if (field.atomic === true || (field.schema.type === 'map' && field.schema.atomic)) {
      body['x-kubernetes-map-type'] = 'atomic';
    }
    if (field.patchStrategy !== undefined) body['x-kubernetes-patch-strategy'] = field.patchStrategy.join(',');
    if (field.patchMergeKey !== undefined) body['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
    return body;
  }

  /** What a type says of itself, for a field of that type which has no words of its own. */
  private descriptionOf(schema: Schema): string | undefined {
    if (schema.type !== 'struct') return undefined;
    const definition = this.byName.get(schema.name);
    return definition === undefined ? undefined : this.prose[definition.shortName]?.[''];
  }

  private typeSchema(schema: Schema): JsonSchema {
    switch (schema.type) {
      case 'list':
        return { type: 'array', items: this.typeSchema(schema.items) };
      case 'map':
        return { type: 'object', additionalProperties: this.typeSchema(schema.values) };
      case 'struct':
        if (schema.name === '') return this.structBody(schema, undefined);
        this.addStruct(schema);
        return this.dialect.reference(schema.name);
      default:
        return this.scalarSchema(schema.type);
    }
  }

  private scalarSchema(type: ScalarType): JsonSchema {
    switch (type) {
      case 'string':
        return { type: 'string' };
      case 'bool':
        return { type: 'boolean' };
      case 'int32':
      case 'int64':
        return { type: 'integer', format: type };
      case 'double':
        return { type: 'number', format: 'double' };
      case 'bytes':
        return { type: 'string', format: 'byte' };
      case 'time':
        return this.add(timeName, () => ({ type: 'string', format: 'date-time' }));
      case 'microtime':
        return this.add(microTimeName, () => ({ type: 'string', format: 'date-time' }));
      case 'quantity':
        return this.add(quantityName, () => this.dialect.quantity);
      case 'intstr':
        return this.add(intOrStringName, () => this.dialect.intOrString);
      case 'object':
        return { type: 'object' };
      case 'any':
        return {};
    }
  }
}

function described(description: string | undefined): JsonSchema {
  return description === undefined || description === '' ? {} : { description };
}
