import type { ResourceDefinition, SubresourceDefinition } from '../../api/resource.ts';
import { fieldSelectorOf, parseFieldSelector } from '../../machinery/fields.ts';
import { parseLabelSelector } from '../../machinery/labels.ts';
import { badRequest, type FieldError, invalid } from '../../machinery/status-error.ts';
import type { WriteRequest } from '../registry/write-request.ts';
import type { RequestContext } from '../request.ts';
import { Selection } from '../watch-cache/selection.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

const fieldManagerLengthMax = 128;

/** What query and user say of a write. `optionsKind`: `CreateOptions`, `UpdateOptions`, `PatchOptions`. */
export function writeRequestOf(
  context: RequestContext,
  row: ResourceDefinition,
  subresource: SubresourceDefinition | undefined,
  optionsKind: string,
): WriteRequest {
  const { info, query } = context;
  const dryRun = dryRunOf(query.getAll('dryRun'), optionsKind);
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > fieldManagerLengthMax) {
    const tooLong: FieldError = {
      type: 'tooLong',
      field: 'fieldManager',
      detail: `may not be more than ${fieldManagerLengthMax} bytes`,
    };
    throw invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', [tooLong]);
  }
  return {
    row,
    subresource,
    namespace: row.namespaced ? info.namespace : '',
    name: info.name,
    user: context.user,
    dryRun,
    fieldManager: manager === '' ? managerOf(context.headers['user-agent']) : manager,
    options: {
      kind: optionsKind,
      apiVersion: 'meta.k8s.io/v1',
      ...(manager === '' ? {} : { fieldManager: manager }),
      ...(dryRun ? { dryRun: ['All'] } : {}),
    },
    warnings: context.warnings,
    annotations: context.annotations,
    admission: true,
  };
}

export function dryRunOf(values: readonly string[], optionsKind: string): boolean {
  for (const value of values) {
    if (value !== 'All') {
      const unsupported: FieldError = { type: 'notSupported', field: 'dryRun', value, detail: '', supported: ['All'] };
      throw invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', [unsupported]);
    }
  }
  return values.length > 0;
}

export function fieldValidationOf(query: URLSearchParams, optionsKind: string): FieldValidation {
  const value = query.get('fieldValidation') ?? '';
  if (value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  const unsupported: FieldError = {
    type: 'notSupported',
    field: 'fieldValidation',
    value,
    detail: '',
    supported: ['Ignore', 'Strict', 'Warn'],
  };
  throw invalid({ group: 'meta.k8s.io', kind: optionsKind }, '', [unsupported]);
}

/** Namespace, name and selectors of a list, watch or collection delete. */
export function selectionOf({ info, query }: RequestContext, row: ResourceDefinition): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  const namespace = row.namespaced ? info.namespace : '';
  const selection = new Selection(row, namespace, labels, fields);
  // A name in the path (`/watch/.../name`), or one the request-info filter found in the selector itself.
  if (info.name === '' || selection.name !== undefined) return selection;
  const named = { path: 'metadata.name', operator: '=' as const, value: info.name };
  return new Selection(row, namespace, labels, fieldSelectorOf([...fields.requirements, named]));
}

export function flagOf(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value !== 'false' && value !== '0';
}

/** Throws 400 for what is not a whole number. */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === '') return undefined;
  if (!/^-?[0-9]+$/.test(value)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  return Number(value);
}

/** Upstream's default field manager: the program's name at the start of the user agent. */
function managerOf(userAgent: string | undefined): string {
  const agent = userAgent ?? '';
  const slash = agent.indexOf('/');
  return (slash < 0 ? agent : agent.slice(0, slash)).slice(0, fieldManagerLengthMax) || 'unknown';
}
