import type { ResourceDefinition, SubresourceDefinition } from '../../api/resource.ts';
import { clone } from '../../machinery/json.ts';
import { apply } from '../../machinery/managed-fields/apply.ts';
import { formatGroupVersion, type UnknownObject } from '../../machinery/meta.ts';
import { badRequest, conflict, invalid, notFound } from '../../machinery/status-error.ts';
import { requireCreate } from '../filters/authorization.ts';
import { hasStatusSubresource } from '../registry/field-managers.ts';
import type { Registry } from '../registry/registry.ts';
import type { RequestContext } from '../request.ts';
import { setNamespace } from './create.ts';
import { checkObject } from './object-decoding.ts';
import type { SentPatch } from './patch.ts';
import { fieldValidationOf, flagOf, writeRequestOf } from './request-options.ts';
import { sendObject } from './respond.ts';

/** `application/apply-patch`: merges what the manager applies with what others own, and creates what is not there. */
export async function applyServerSide(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  { value, duplicateFields }: SentPatch,
  subresource?: SubresourceDefinition,
): Promise<void> {
  const { query, info } = context;
  requireFieldManager(query);
  const request = { ...writeRequestOf(context, row, subresource, 'PatchOptions'), managesFields: true };
  const validation = fieldValidationOf(query, 'PatchOptions');
  const applied = checkObject(value, row, validation, context.warnings, duplicateFields);
  setNamespace(applied, row, info.namespace);
  checkName(applied, info.name);
  const merged = (live: UnknownObject | undefined): UnknownObject => {
    checkIdentity(row, applied, live);
    const { object } = apply({
      live,
      applied,
      schema: row.schema,
      manager: request.fieldManager,
      apiVersion: formatGroupVersion(row),
      force: flagOf(query, 'force'),
      subresource: subresource?.name ?? '',
      hasStatusSubresource: hasStatusSubresource(row),
      now: registry.clock(),
    });
    // What was merged shares parts with `live`, which belongs to the cache.
    return clone(object);
  };
  const written = await registry.update(request, {
    change: merged,
    createInstead:
      subresource === undefined
        ? async () => {
            await requireCreate(context);
            return merged(undefined);
          }
        : undefined,
  });
  await sendObject(context, row, written, written.created ? 201 : 200, registry.clock);
}

function checkName({ metadata }: UnknownObject, name: string): void {
  if ((metadata.name ?? '') === '') metadata.name = name;
  if (metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}

/** An apply that names a uid is about one certain object, and never creates another. */
function checkIdentity(row: ResourceDefinition, { metadata }: UnknownObject, live: UnknownObject | undefined): void {
  const { uid = '', resourceVersion = '' } = metadata;
  if (live === undefined && resourceVersion !== '') throw notFound(row, metadata.name);
  if (uid !== '' && uid !== live?.metadata.uid) {
    const actual = live?.metadata.uid ?? '';
    throw conflict(
      row,
      metadata.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${actual}`,
    );
  }
}

/** An apply must say who applies: there is no other way to tell what the next one lets go. Throws 422. */
export function requireFieldManager(query: URLSearchParams): void {
  if ((query.get('fieldManager') ?? '') === '') {
    throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      { type: 'required', field: 'fieldManager', detail: 'is required for apply patch' },
    ]);
  }
}
