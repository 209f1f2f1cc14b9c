import type { ResourceDefinition } from '../../api/resource.ts';
import { isJsonObject } from '../../machinery/json.ts';
import type { DeleteOptions } from '../../machinery/meta-types.generated.ts';
import { badRequest, type FieldError, invalid } from '../../machinery/status-error.ts';
import { readBody } from '../body.ts';
import { deleteObject } from '../registry/deletion.ts';
import type { Registry } from '../registry/registry.ts';
import type { WriteRequest } from '../registry/write-request.ts';
import type { RequestContext } from '../request.ts';
import { parseBody } from './object-decoding.ts';
import { dryRunOf, numberOf, writeRequestOf } from './request-options.ts';
import { deletedStatus, sendObject, sendPlain } from './respond.ts';

/** `delete` is a reserved word. */
export async function deleteOne(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  const { request, options } = await readDeletion(context, row);
  const { object, gone } = await deleteObject(registry, request, options);
  if (gone && row.strategy.returnsDeletedObject !== true) {
    await sendPlain(context, deletedStatus(row, object), 200);
    return;
  }
  // As upstream: only who asked for the dependents to go as well is told that it is not done yet.
  const statusCode = !gone && options.orphanDependents === false ? 202 : 200;
  await sendObject(context, row, { object }, statusCode, registry.clock);
}

/** DeleteOptions come in the body; what of them stands in the query counts where the body does not say it. */
export async function readDeletion(
  context: RequestContext,
  row: ResourceDefinition,
): Promise<{ request: WriteRequest; options: DeleteOptions }> {
  const body = await readBody(context);
  const { value } =
    body.length === 0 ? { value: {} } : await parseBody(body, context.headers['content-type'], 'Ignore');
  if (!isJsonObject(value)) throw badRequest('DeleteOptions must be an object');
  const { query } = context;
  const gracePeriodSeconds = numberOf(query, 'gracePeriodSeconds');
  const propagationPolicy = query.get('propagationPolicy') ?? '';
  const orphanDependents = query.get('orphanDependents');
  const options: DeleteOptions = {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === '' ? {} : { propagationPolicy }),
    ...(orphanDependents === null ? {} : { orphanDependents: orphanDependents !== 'false' }),
    ...(value as DeleteOptions),
  };
  checkOptions(options);
  const dryRun = dryRunOf([...(options.dryRun ?? []), ...query.getAll('dryRun')], 'DeleteOptions');
  const request = writeRequestOf(context, row, undefined, 'DeleteOptions');
  return {
    request: { ...request, dryRun, options: { ...options, kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' } },
    options,
  };
}

function checkOptions({ propagationPolicy, orphanDependents }: DeleteOptions): void {
  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push({
      type: 'invalid',
      field: 'propagationPolicy',
      value: propagationPolicy,
      detail: 'orphanDependents and deletionPropagation cannot be both set',
    });
  }
  if (propagationPolicy !== undefined && !policies.includes(propagationPolicy)) {
    errors.push({
      type: 'notSupported',
      field: 'propagationPolicy',
      value: propagationPolicy,
      detail: '',
      supported: [...policies, 'nil'],
    });
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
}

const policies = ['Background', 'Foreground', 'Orphan'];
