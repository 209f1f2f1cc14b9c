import type { ResourceDefinition, SubresourceDefinition, Verb } from '../../api/resource.ts';
import { definitions as builtinDefinitions } from '../../api/schema/structure.ts';
import { type DefinitionSet, metaPrefix, patchName } from './definitions.ts';
import type { Dialect, JsonSchema } from './dialect.ts';
import { type Operation, type Parameter, renderOperation, renderParameter } from './operations.ts';
import { addResource, isCustom } from './resource-schema.ts';

type PathItem = Record<string, unknown>;

const methodOf: Partial<Record<Verb, { method: string; action: string }>> = {
  get: { method: 'get', action: 'get' },
  update: { method: 'put', action: 'put' },
  create: { method: 'post', action: 'post' },
  delete: { method: 'delete', action: 'delete' },
  patch: { method: 'patch', action: 'patch' },
};

const listParameters: readonly Parameter[] = [
  { name: 'allowWatchBookmarks', in: 'query', type: 'boolean' },
  { name: 'continue', in: 'query', type: 'string' },
  { name: 'fieldSelector', in: 'query', type: 'string' },
  { name: 'labelSelector', in: 'query', type: 'string' },
  { name: 'limit', in: 'query', type: 'integer' },
  { name: 'resourceVersion', in: 'query', type: 'string' },
  { name: 'resourceVersionMatch', in: 'query', type: 'string' },
  { name: 'sendInitialEvents', in: 'query', type: 'boolean' },
  { name: 'timeoutSeconds', in: 'query', type: 'integer' },
  { name: 'watch', in: 'query', type: 'boolean' },
];
const dryRun: Parameter = { name: 'dryRun', in: 'query', type: 'string' };
const writeParameters: readonly Parameter[] = [
  dryRun,
  { name: 'fieldManager', in: 'query', type: 'string' },
  { name: 'fieldValidation', in: 'query', type: 'string' },
];
const patchParameters: readonly Parameter[] = [...writeParameters, { name: 'force', in: 'query', type: 'boolean' }];
const deleteParameters: readonly Parameter[] = [
  dryRun,
  { name: 'gracePeriodSeconds', in: 'query', type: 'integer' },
  { name: 'orphanDependents', in: 'query', type: 'boolean' },
  { name: 'propagationPolicy', in: 'query', type: 'string' },
];
const pretty: Parameter = { name: 'pretty', in: 'query', type: 'string' };
const nameParameter: Parameter = { name: 'name', in: 'path', type: 'string' };
const namespaceParameter: Parameter = { name: 'namespace', in: 'path', type: 'string' };

/** Adds every path under which a row is served, and the definitions that its requests carry. */
export function addPaths(row: ResourceDefinition, paths: PathItem, set: DefinitionSet, dialect: Dialect): void {
  const { object, list } = addResource(row, set, dialect);
  const context: RowContext = { row, set, dialect, object };
  const root = row.group === '' ? `/api/${row.version}` : `/apis/${row.group}/${row.version}`;
  const collection = row.namespaced ? `${root}/namespaces/{namespace}/${row.resource}` : `${root}/${row.resource}`;
  const scope = row.namespaced ? [namespaceParameter] : [];

  const collectionItem: PathItem = {};
  if (row.verbs.includes('list')) collectionItem['get'] = listOperation(context, list, '');
  if (row.verbs.includes('create')) collectionItem['post'] = objectOperation(context, 'create');
  if (row.verbs.includes('deletecollection')) collectionItem['delete'] = deleteCollection(context);
  addItem(paths, collection, collectionItem, scope, dialect);

  const objectItem: PathItem = {};
  for (const verb of ['get', 'update', 'patch', 'delete'] as const) {
    if (row.verbs.includes(verb)) objectItem[methodOf[verb]?.method ?? verb] = objectOperation(context, verb);
  }
  addItem(paths, `${collection}/{name}`, objectItem, [nameParameter, ...scope], dialect);
  for (const subresource of row.subresources) {
    const item = subresourceItem(context, subresource);
    addItem(paths, `${collection}/{name}/${subresource.name}`, item, [nameParameter, ...scope], dialect);
  }
  if (row.namespaced && row.verbs.includes('list')) {
    const item = { get: listOperation(context, list, 'ForAllNamespaces') };
    addItem(paths, `${root}/${row.resource}`, item, [], dialect);
  }
}

interface RowContext {
  readonly row: ResourceDefinition;
  readonly set: DefinitionSet;
  readonly dialect: Dialect;
  readonly object: JsonSchema;
}

function addItem(
  paths: PathItem,
  path: string,
  item: PathItem,
  parameters: readonly Parameter[],
  dialect: Dialect,
): void {
  if (Object.keys(item).length === 0) return;
  paths[path] = {
    ...item,
    parameters: [...parameters, pretty].map((parameter) => renderParameter(parameter, dialect)),
  };
}

function listOperation(context: RowContext, list: JsonSchema, suffix: string): unknown {
  const { row } = context;
  return render(context, {
    id: `list${nameStem(row, suffix === '')}${suffix}`,
    action: 'list',
    description: `list or watch objects of kind ${row.kind}`,
    parameters: listParameters,
    response: list,
  });
}

function deleteCollection(context: RowContext): unknown {
  const { row, set } = context;
  return render(context, {
    id: `delete${groupStem(row)}Collection${row.namespaced ? 'Namespaced' : ''}${row.kind}`,
    action: 'deletecollection',
    description: `delete collection of ${row.kind}`,
    parameters: [
      ...listParameters.filter(({ name }) => name !== 'watch' && name !== 'allowWatchBookmarks'),
      ...deleteParameters,
    ],
    body: set.builtin(`${metaPrefix}.DeleteOptions`) ?? {},
    response: set.builtin(`${metaPrefix}.Status`) ?? {},
  });
}

function objectOperation(context: RowContext, verb: 'create' | 'get' | 'update' | 'patch' | 'delete'): unknown {
  const { row } = context;
  const words = { create: 'create', get: 'read', update: 'replace', patch: 'partially update', delete: 'delete' };
  return render(context, {
    ...verbShape(context, verb, context.object),
    id: `${operationVerb[verb]}${nameStem(row, true)}`,
    description: `${words[verb]} ${verb === 'get' || verb === 'update' || verb === 'patch' ? 'the specified' : 'a'} ${row.kind}`,
  });
}

const operationVerb = { create: 'create', get: 'read', update: 'replace', patch: 'patch', delete: 'delete' } as const;

function verbShape(
  { row, set }: RowContext,
  verb: 'create' | 'get' | 'update' | 'patch' | 'delete',
  object: JsonSchema,
): Omit<Operation, 'id' | 'description'> {
  const action = methodOf[verb]?.action ?? verb;
  switch (verb) {
    case 'get':
      return { action, parameters: [], response: object };
    case 'create':
    case 'update':
      return { action, parameters: writeParameters, body: object, response: object, isCreate: verb === 'create' };
    case 'patch': {
      const body = set.add(patchName, () => ({
        description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
        type: 'object',
      }));
      return {
        action,
        parameters: patchParameters,
        body,
        response: object,
        patch: isCustom(row) ? 'custom' : 'builtin',
      };
    }
    case 'delete':
      return {
        action,
        parameters: deleteParameters,
        body: set.builtin(`${metaPrefix}.DeleteOptions`) ?? {},
        response: set.builtin(`${metaPrefix}.Status`) ?? {},
      };
  }
}

function subresourceItem(context: RowContext, subresource: SubresourceDefinition): PathItem {
  const item: PathItem = {};
  const { row, set } = context;
  const gvk = {
    group: subresource.group ?? row.group,
    version: subresource.version ?? row.version,
    kind: subresource.kind,
  };
  const object = subresource.kind === row.kind ? context.object : definitionOf(gvk, set);
  for (const verb of ['get', 'create', 'update', 'patch', 'delete'] as const) {
    if (!subresource.verbs.includes(verb)) continue;
    const stem = `${nameStem(row, true)}${capital(subresource.name)}`;
    const method = methodOf[verb]?.method ?? verb;
    const isStream = object === undefined;
    const shape: Omit<Operation, 'id' | 'description'> = isStream
      ? { action: 'connect', parameters: [], response: { type: 'string' } }
      : verbShape(context, verb, object);
    item[method] = renderOperation(
      {
        ...shape,
        id: `${isStream ? `connect${capital(method)}` : operationVerb[verb]}${stem}`,
        description: `${isStream ? `connect ${method.toUpperCase()} requests to` : operationVerb[verb]} ${subresource.name} of the specified ${row.kind}`,
      },
      { gvk, tag: tagOf(row), dialect: context.dialect },
    );
  }
  return item;
}

function definitionOf(
  gvk: { group: string; version: string; kind: string },
  set: DefinitionSet,
): JsonSchema | undefined {
  for (const definition of builtinDefinitions.values()) {
    const found = definition.gvk;
    if (found?.kind === gvk.kind && found.group === gvk.group && found.version === gvk.version) {
      return set.builtin(definition.name);
    }
  }
  return undefined;
}

function render({ row, dialect }: RowContext, operation: Operation): unknown {
  const gvk = { group: row.group, version: row.version, kind: row.kind };
  return renderOperation(operation, { gvk, tag: tagOf(row), dialect });
}

function tagOf({ group, version }: ResourceDefinition): string {
  return `${group === '' ? 'core' : (group.split('.')[0] ?? group)}_${version}`;
}

/** `CoreV1NamespacedPod`: what follows the verb in upstream's operation ids. */
function nameStem(row: ResourceDefinition, inNamespace: boolean): string {
  return `${groupStem(row)}${row.namespaced && inNamespace ? 'Namespaced' : ''}${row.kind}`;
}

function groupStem({ group, version }: ResourceDefinition): string {
  return `${group === '' ? 'Core' : capital(group.split('.')[0] ?? group)}${capital(version)}`;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
