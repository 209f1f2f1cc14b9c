import { createHash } from 'node:crypto';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from '../../api/apiextensions/v1/types.generated.ts';
import type { ResourceDefinition, ScalePaths, SubresourceDefinition } from '../../api/resource.ts';
import { allVerbs } from '../../api/strategy.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { renamingConversion, type VersionSchema, type WebhookConverter, webhookConversion } from './conversion.ts';
import { type CustomRules, customStrategies } from './custom-strategy.ts';
import { applySchemaDefaults } from './defaulting.ts';
import { findFirst, parseJsonPath } from './json-path.ts';
import { printerColumns } from './printer-columns.ts';
import { decodeCustomResource, pruneCustomResource } from './pruning.ts';
import type { CompiledRules } from './rules.ts';
import { compileSchema } from './schema-node.ts';
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
  const { group, versions } = definition.spec;
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
  const schemas = new Map<string, VersionSchema>();
  const schemaOf = (version: CustomResourceDefinitionVersion): VersionSchema => {
    let schema = schemas.get(version.name);
    if (schema === undefined) {
      const root = compileSchema(version.schema?.openAPIV3Schema ?? anyObject);
      schema = { version: version.name, apiVersion: `${group}/${version.name}`, root };
      schemas.set(version.name, schema);
    }
    return schema;
  };
  for (const version of versions) {
    if (!version.served && version !== storage) continue;
    const key = createHash('sha256').update(shared).update(JSON.stringify(version)).digest('base64');
    const row =
      before?.rowFor(key) ??
      (await rowOf(definition, version, { needs, schema: schemaOf(version), stored: schemaOf(storage), isMixed }));
    compiled.add(key, row, version);
  }
  return compiled;
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
}

async function rowOf(
  definition: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  { needs, schema, stored, isMixed }: RowParts,
): Promise<{ row: ResourceDefinition; stored: ResourceDefinition }> {
  const { spec, status } = definition;
  const { converter } = needs;
  const names = status?.acceptedNames?.plural === spec.names.plural ? status.acceptedNames : spec.names;
  const { kind, plural } = spec.names;
  const custom: CustomRules = {
    root: schema.root,
    rules: await needs.compileRules(schema),
    hasStatus: version.subresources?.status !== undefined,
    definition: needs.current,
  };
  const { main, status: statusStrategy } = customStrategies(custom);
  const row: ResourceDefinition = {
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
    schema: structSchemaOf(schema.root),
    openApiSchema: (version.schema?.openAPIV3Schema ?? anyObject) as Readonly<Record<string, unknown>>,
    decode: (value) => decodeCustomResource(value, schema.root),
    columns: printerColumns(version.additionalPrinterColumns),
    selectableFields: selectableFieldsOf(version),
    subresources: subresourcesOf(kind, version, statusStrategy),
    strategy: main,
    ...(version.deprecated === true ? { deprecationWarning: deprecationOf(definition, version) } : {}),
  };
  if (!version.storage) {
    const of = { group: spec.group, resource: plural };
    const storedAs =
      converter === undefined
        ? renamingConversion(of, schema, stored)
        : webhookConversion(of, schema, stored, converter);
    return { row: { ...row, storedAs }, stored: row };
  }
  const kept: ResourceDefinition = {
    ...row,
    upgradeStored: (object) => upgrade(object, stored, converter !== undefined),
  };
  if (converter === undefined || !isMixed) return { row: kept, stored: kept };
  // Some objects are stored in versions that only the webhook can read.
  const storedAs = webhookConversion({ group: spec.group, resource: plural }, schema, stored, converter);
  return { row: { ...row, storedAs }, stored: kept };
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
    found.push({
      name: 'scale',
      kind: 'Scale',
      group: 'autoscaling',
      version: 'v1',
      verbs: ['get', 'patch', 'update'],
      serve: 'scale',
      scale,
    });
  }
  return found;
}

function withoutDot(path: string): string {
  return path.replace(/^\./, '');
}
