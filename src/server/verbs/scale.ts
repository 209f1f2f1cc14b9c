import type { Scale } from '../../api/autoscaling/v1/types.generated.ts';
import type { ResourceDefinition, ScalePaths, SubresourceDefinition } from '../../api/resource.ts';
import { schemaOf } from '../../api/schema/structure.ts';
import { apply } from '../../machinery/managed-fields/apply.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import { badRequest, methodNotSupported, notFound } from '../../machinery/status-error.ts';
import type { Registry } from '../registry/registry.ts';
import { keyOf, objectOf, targetOf } from '../registry/target.ts';
import type { ShownKind } from '../registry/write-request.ts';
import type { RequestContext } from '../request.ts';
import { checkObject, readObject } from './object-decoding.ts';
import { patchedObject, readPatch } from './patch.ts';
import { fieldValidationOf, flagOf, writeRequestOf } from './request-options.ts';
import { sendPlain } from './respond.ts';
import { parentEntries, scaleEntries } from './scale-managers.ts';
import { replicasOf, scaleOf, setReplicas, withReplicas } from './scale-object.ts';
import { requireFieldManager } from './server-side-apply.ts';

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
  const patch = context.info.verb === 'update' ? undefined : await readPatch(context);
  const optionsKind = patch === undefined ? 'UpdateOptions' : 'PatchOptions';
  const request = { ...writeRequestOf(context, row, subresource, optionsKind), shown: shownScale(paths) };
  if (patch?.kind === 'apply') {
    requireFieldManager(context.query);
    const applied = checkObject(
      patch.value,
      expectedScale(),
      fieldValidationOf(context.query, optionsKind),
      context.warnings,
    );
    const merge = scaleApplication({
      context,
      row,
      paths,
      applied,
      manager: request.fieldManager,
      now: registry.clock,
    });
    const written = await registry.update({ ...request, managesFields: true }, { change: merge });
    await sendPlain(context, scaleOf(written.object, paths), 200);
    return;
  }
  const change = patch === undefined ? await readScale(context) : scalePatch(context, patch.kind, patch.value);
  const written = await registry.update(request, {
    change: (old) => withReplicas(old, change(scaleOf(old, paths)), paths),
  });
  await sendPlain(context, scaleOf(written.object, paths), 200);
}

/** Admission of a scale sees the Scale, and what it changes of it counts. */
function shownScale(paths: ScalePaths): ShownKind {
  return {
    kind: 'Scale',
    show: (object) => ({ ...scaleOf(object, paths) }) as unknown as UnknownObject,
    take: (object, shown) => setReplicas(object, replicasOf(shown as unknown as Scale), paths),
  };
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

function scalePatch(
  context: RequestContext,
  kind: 'json' | 'merge' | 'strategic',
  value: unknown,
): (old: Scale) => Scale {
  const expected = expectedScale();
  return (old) => {
    const patched = patchedObject(kind, old as unknown as UnknownObject, value, expected.schema);
    return checkObject(patched, expected, 'Ignore', context.warnings) as unknown as Scale;
  };
}

/** Server-side apply of a Scale: who owns `replicas` of the object owns them of the Scale, and the other way round. */
function scaleApplication(options: {
  readonly context: RequestContext;
  readonly row: ResourceDefinition;
  readonly paths: ScalePaths;
  readonly applied: UnknownObject;
  readonly manager: string;
  now(): number;
}): (old: UnknownObject) => UnknownObject {
  const { context, row, paths, applied, manager } = options;
  const ownership = { replicasPath: paths.specReplicas, apiVersion: formatGroupVersion(row) };
  return (old) => {
    const live = scaleOf(old, paths);
    const before = old.metadata.managedFields;
    live.metadata.managedFields = scaleEntries(before, ownership);
    const { object } = apply({
      live: live as unknown as UnknownObject,
      applied,
      schema: expectedScale().schema,
      manager,
      apiVersion: 'autoscaling/v1',
      force: flagOf(context.query, 'force'),
      subresource: 'scale',
      now: options.now(),
    });
    const updated = withReplicas(old, object as unknown as Scale, paths);
    updated.metadata.managedFields = parentEntries(before, object.metadata.managedFields, ownership);
    return updated;
  };
}
