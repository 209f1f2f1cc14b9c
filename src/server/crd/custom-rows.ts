import { createHash } from 'node:crypto';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from '../../api/apiextensions/v1/types.generated.ts';
import type { ResourceDefinition, ScalePaths, SubresourceDefinition } from '../../api/resource.ts';
import { allVerbs, scaleSubresource } from '../../api/strategy.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { StructSchema } from '../../machinery/schema.ts';
import { renamingConversion, type VersionSchema, type WebhookConverter, webhookConversion } from './conversion.ts';
import { customStrategies } from './custom-strategy.ts';
import { applySchemaDefaults } from './defaulting.ts';
import { findFirst, parseJsonPath } from './json-path.ts';
import { printerColumns } from './printer-columns.ts';
import { decodeCustomResource, pruneCustomResource } from './pruning.ts';
import type { CompiledRules } from './rules.ts';
import { compileSchema, type SchemaNode } from './schema-node.ts';
import { structSchemaOf } from './struct-schema.ts';

/** What a definition becomes. */
export interface CustomRows {
  /** Says how objects are kept; not necessarily served. */
  readonly stored: ResourceDefinition;
  readonly served: readonly ResourceDefinition[];
}

export interface CustomRowNeeds {
  /** The definition as it is now, for a row that outlives the one it was made from. */
  current(): CustomResourceDefinition | undefined;
  /** Set for the conversion strategy `Webhook`. */
  readonly converter: WebhookConverter | undefined;
  /** Compiles the rules in a schema; undefined when it has none. */
  compileRules(schema: VersionSchema): Promise<CompiledRules | undefined>;
}

/** Compiles a definition into rows. Rows of `before` whose part of the definition did not change are kept as they are. */
export async function customRows(
  definition: CustomResourceDefinition,
  needs: CustomRowNeeds,
  before: CompiledVersions | undefined,
): Promise<CompiledVersions> {
  const { versions } = definition.spec;
  const storage = versions.find((version) => version.storage) ?? versions[0];
  if (storage === undefined) throw new Error(`Definition ${definition.metadata.name} has no versions`);
  const compiled = new CompiledVersions();
  const isMixed = (definition.status?.storedVersions ?? []).some((name) => name !== storage.name);
  const shared = JSON.stringify({
    names: definition.status?.acceptedNames,
    kind: definition.spec.names,
    scope: definition.spec.scope,
    conversion: definition.spec.conversion,
    storage,
    isMixed,
  });
  const schemas = new Map(versions.map(({ name }) => [name, versionSchema(name, definition, needs)]));
  const stored = schemas.get(storage.name) ?? versionSchema(storage.name, definition, needs);
  for (const version of versions) {
    if (!version.served && version !== storage) continue;
    const text = JSON.stringify(version);
    const key = createHash('sha256').update(shared).update(text).digest('base64');
    const schema = schemas.get(version.name) ?? stored;
    const hasRules = text.includes('"x-kubernetes-validations"');
    const row = before?.rowFor(key) ?? (await rowOf(definition, version, { needs, schema, stored, isMixed, hasRules }));
    compiled.add(key, row, version);
  }
  return compiled;
}

/** Reads the definition when it is needed, and keeps of it what it compiles to. */
function versionSchema(name: string, { spec }: CustomResourceDefinition, { current }: CustomRowNeeds): VersionSchema {
  let root: SchemaNode | undefined;
  return {
    version: name,
    apiVersion: `${spec.group}/${name}`,
    get root() {
      root ??= compileSchema(writtenSchema(current(), name));
      return root;
    },
  };
}

function writtenSchema(definition: CustomResourceDefinition | undefined, name: string): JSONSchemaProps {
  return definition?.spec.versions.find((version) => version.name === name)?.schema?.openAPIV3Schema ?? anyObject;
}

const anyObject: JSONSchemaProps = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** The rows of a definition, by what each was made from. */
export class CompiledVersions implements CustomRows {
  readonly served: ResourceDefinition[] = [];
  readonly #byKey = new Map<string, { readonly row: ResourceDefinition; readonly stored: ResourceDefinition }>();
  #stored: ResourceDefinition | undefined;

  get stored(): ResourceDefinition {
    if (this.#stored === undefined) throw new Error('No version of the definition is stored');
    return this.#stored;
  }

  rowFor(key: string): { row: ResourceDefinition; stored: ResourceDefinition } | undefined {
    return this.#byKey.get(key);
  }

  add(
    key: string,
    made: { row: ResourceDefinition; stored: ResourceDefinition },
    { served, storage }: CustomResourceDefinitionVersion,
  ): void {
    this.#byKey.set(key, made);
    if (served) this.served.push(made.row);
    if (storage) this.#stored = made.stored;
  }
}

interface RowParts {
  readonly needs: CustomRowNeeds;
  readonly schema: VersionSchema;
  readonly stored: VersionSchema;
  /** Objects may be stored in other versions than the present one. */
  readonly isMixed: boolean;
  readonly hasRules: boolean;
}

async function rowOf(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { needs, schema, stored, isMixed, hasRules }: RowParts,
): Promise<{ row: ResourceDefinition; stored: ResourceDefinition }> {
  const { spec } = definition;
  const { converter, current } = needs;
  const strategies = customStrategies({
    get root() {
      return schema.root;
    },
    rules: hasRules ? await needs.compileRules(schema) : undefined,
    hasStatus: version.subresources?.status !== undefined,
    definition: current,
  });
  const facts = rowFacts(definition, version, strategies);
  const make = (rest: RowRest): ResourceDefinition => lazyRow(facts, schema, current, rest);
  const of = { group: spec.group, resource: spec.names.plural };
  if (!version.storage) {
    const storedAs =
      converter === undefined
        ? renamingConversion(of, schema, stored)
        : webhookConversion(of, schema, stored, converter);
    return { row: make({ storedAs }), stored: make({}) };
  }
  const needsWebhook = converter !== undefined;
  const kept = make({ upgradeStored: (object) => upgrade(object, stored, needsWebhook) });
  if (converter === undefined || !isMixed) return { row: kept, stored: kept };
  // Some objects are stored in versions that only the webhook can read.
  return { row: make({ storedAs: webhookConversion(of, schema, stored, converter) }), stored: kept };
}

type RowRest = Pick<ResourceDefinition, 'storedAs' | 'upgradeStored'>;
type RowFacts = Omit<ResourceDefinition, 'schema' | 'openApiSchema' | 'decode' | keyof RowRest>;

/** What is made of the schema is made when asked for; the schema itself stays with the definition. */
function lazyRow(
  facts: RowFacts,
  schema: VersionSchema,
  current: CustomRowNeeds['current'],
  rest: RowRest,
): ResourceDefinition {
  let structure: StructSchema | undefined;
  return {
    ...facts,
    ...rest,
    get schema() {
      structure ??= structSchemaOf(schema.root);
      return structure;
    },
    get openApiSchema() {
      return writtenSchema(current(), schema.version) as Readonly<Record<string, unknown>>;
    },
    decode: (value) => decodeCustomResource(value, schema.root),
  };
}

function rowFacts(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { main, status: statusStrategy }: ReturnType<typeof customStrategies>,
): RowFacts {
  const { spec, status } = definition;
  const names = status?.acceptedNames?.plural === spec.names.plural ? status.acceptedNames : spec.names;
  const { kind, plural } = spec.names;
  return {
    group: spec.group,
    version: version.name,
    kind,
    listKind: names.listKind ?? `${kind}List`,
    resource: plural,
    singular: names.singular ?? kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    verbs: allVerbs,
    columns: printerColumns(version.additionalPrinterColumns),
    selectableFields: selectableFieldsOf(version),
    subresources: subresourcesOf(kind, version, statusStrategy),
    strategy: main,
    ...(version.deprecated === true ? { deprecationWarning: deprecationOf(definition, version) } : {}),
  };
}

function upgrade(object: UnknownObject, { apiVersion, root }: VersionSchema, needsWebhook: boolean): boolean {
  const isOther = object.apiVersion !== apiVersion;
  if (isOther && needsWebhook) return false;
  object.apiVersion = apiVersion;
  const isPruned = pruneCustomResource(object, root);
  return applySchemaDefaults(object, root) || isPruned || isOther;
}

function deprecationOf(
  { spec }: CustomResourceDefinition,
  { name, deprecationWarning }: CustomResourceDefinitionVersion,
): string {
  return deprecationWarning ?? `${spec.group}/${name} ${spec.names.kind} is deprecated`;
}

function selectableFieldsOf({
  selectableFields,
}: CustomResourceDefinitionVersion): ResourceDefinition['selectableFields'] {
  const fields: Record<string, (object: UnknownObject) => string> = {};
  for (const { jsonPath } of selectableFields ?? []) {
    const path = parseJsonPath(jsonPath);
    fields[jsonPath.replace(/^\./, '')] = (object) => {
      const value = findFirst(object, path);
      return value === undefined || value === null ? '' : String(value);
    };
  }
  return fields;
}

function subresourcesOf(
  kind: string,
  { subresources }: CustomResourceDefinitionVersion,
  strategy: NonNullable<SubresourceDefinition['strategy']>,
): SubresourceDefinition[] {
  const found: SubresourceDefinition[] = [];
  if (subresources?.status !== undefined) {
    found.push({ name: 'status', kind, verbs: ['get', 'patch', 'update'], serve: 'status', strategy });
  }
  if (subresources?.scale !== undefined) {
    const { specReplicasPath, statusReplicasPath, labelSelectorPath } = subresources.scale;
    const scale: ScalePaths = {
      specReplicas: withoutDot(specReplicasPath),
      statusReplicas: withoutDot(statusReplicasPath),
      ...(labelSelectorPath === undefined || labelSelectorPath === ''
        ? {}
        : { selector: withoutDot(labelSelectorPath) }),
    };
    found.push(scaleSubresource(scale));
  }
  return found;
}

function withoutDot(path: string): string {
  return path.replace(/^\./, '');
}
