import type { Scale } from '../../api/autoscaling/v1/types.generated.ts';
import type { ResourceDefinition, ScalePaths, SubresourceDefinition } from '../../api/resource.ts';
import { schemaOf } from '../../api/schema/structure.ts';
import { clone, isJsonObject } from '../../machinery/json.ts';
import { formatSelector, selectorOf } from '../../machinery/labels.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import type { LabelSelector } from '../../machinery/meta-types.generated.ts';
import { badRequest, invalid, methodNotSupported, notFound } from '../../machinery/status-error.ts';
import type { Registry } from '../registry/registry.ts';
import { keyOf, objectOf, targetOf } from '../registry/target.ts';
import type { RequestContext } from '../request.ts';
import { checkObject, readObject } from './object-decoding.ts';
import { patchedObject, readPatch } from './patch.ts';
import { fieldValidationOf, writeRequestOf } from './request-options.ts';
import { sendPlain } from './respond.ts';

/** The `scale` subresource: an autoscaling/v1 Scale that reads and writes a few fields of the object. */
export async function serveScale(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  subresource: SubresourceDefinition,
): Promise<void> {
  const { scale: paths } = subresource;
  if (paths === undefined) throw methodNotSupported(row, context.info.verb);
  if (context.info.verb === 'get') {
    const target = targetOf(registry.hub, row);
    await registry.hub.fresh();
    const entry = target.cache.get(keyOf(row, context.info.namespace, context.info.name));
    if (entry === undefined) throw notFound(row, context.info.name);
    await sendPlain(context, scaleOf(await objectOf(target, entry), paths), 200);
    return;
  }
  const change = context.info.verb === 'update' ? await readScale(context) : await readScalePatch(context);
  const optionsKind = context.info.verb === 'update' ? 'UpdateOptions' : 'PatchOptions';
  const request = writeRequestOf(context, row, subresource, optionsKind);
  const written = await registry.update(request, {
    change: (old) => withReplicas(old, change(scaleOf(old, paths)), paths),
  });
  await sendPlain(context, scaleOf(written.object, paths), 200);
}

function expectedScale(): { group: string; version: string; kind: string; schema: ReturnType<typeof schemaOf> } {
  return { group: 'autoscaling', version: 'v1', kind: 'Scale', schema: schemaOf('autoscaling/v1.Scale') };
}

async function readScale(context: RequestContext): Promise<(old: Scale) => Scale> {
  const sent = await readObject(context, expectedScale(), fieldValidationOf(context.query, 'UpdateOptions'));
  const { name } = context.info;
  if (sent.metadata.name !== undefined && sent.metadata.name !== '' && sent.metadata.name !== name) {
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`);
  }
  return () => sent as unknown as Scale;
}

async function readScalePatch(context: RequestContext): Promise<(old: Scale) => Scale> {
  const { kind, value } = await readPatch(context);
  const expected = expectedScale();
  return (old) => {
    const document = old as unknown as UnknownObject;
    // An apply owns the one field there is to own; merging it comes to the same.
    const patched = patchedObject(kind === 'apply' ? 'merge' : kind, document, value, expected.schema);
    return checkObject(patched, expected, 'Ignore', context.warnings) as unknown as Scale;
  };
}

function scaleOf(object: UnknownObject, paths: ScalePaths): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector === undefined ? undefined : selectorText(valueAt(object, paths.selector));
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: JSON.parse(JSON.stringify(metadata)) as Scale['metadata'],
    spec: { replicas: numberAt(object, paths.specReplicas) },
    status: {
      replicas: numberAt(object, paths.statusReplicas),
      ...(selector === undefined || selector === '' ? {} : { selector }),
    },
  };
}

function withReplicas(old: UnknownObject, scale: Scale, { specReplicas }: ScalePaths): UnknownObject {
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    const detail = 'must be greater than or equal to 0';
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, old.metadata.name, [
      { type: 'invalid', field: 'spec.replicas', value: replicas, detail },
    ]);
  }
  const copy = clone(old);
  const { uid, resourceVersion = '' } = scale.metadata;
  if (uid !== undefined) copy.metadata.uid = uid;
  copy.metadata.resourceVersion = resourceVersion;
  const path = specReplicas.split('.');
  const last = path.pop() ?? '';
  let parent: Record<string, unknown> = copy;
  for (const part of path) {
    const child = parent[part];
    const next = isJsonObject(child) ? child : {};
    parent[part] = next;
    parent = next;
  }
  parent[last] = replicas;
  return copy;
}

function valueAt(object: UnknownObject, path: string): unknown {
  let value: unknown = object;
  for (const part of path.split('.')) value = isJsonObject(value) ? value[part] : undefined;
  return value;
}

function numberAt(object: UnknownObject, path: string): number {
  const value = valueAt(object, path);
  return typeof value === 'number' ? value : 0;
}

/** A serialized selector, a LabelSelector, or the plain map of a ReplicationController. */
function selectorText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!isJsonObject(value)) return undefined;
  const isLabelSelector = isJsonObject(value['matchLabels']) || Array.isArray(value['matchExpressions']);
  const selector = isLabelSelector ? value : { matchLabels: value };
  return formatSelector(selectorOf(selector as LabelSelector));
}
