import type { GroupVersionResource } from '../machinery/meta.ts';
import type { ListOptions, WatchOptions, WriteOptions } from './contract.ts';

/** `/api/v1/namespaces/default/pods/web/status`; parts that are absent are left out. */
export function resourcePath(
  type: GroupVersionResource,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  let path = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  if (namespace !== undefined && namespace !== '') path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${type.resource}`;
  if (name !== undefined) path += `/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export function listQuery(options: ListOptions): string {
  return queryOf(listParameters(options));
}

export function watchQuery(options: WatchOptions): string {
  return queryOf([
    ['watch', '1'],
    ...listParameters(options),
    ['allowWatchBookmarks', options.allowWatchBookmarks === true ? 'true' : undefined],
    ['sendInitialEvents', options.sendInitialEvents?.toString()],
    ['timeoutSeconds', options.timeoutSeconds?.toString()],
  ]);
}

export function writeQuery(options: (WriteOptions & { force?: boolean }) | undefined): string {
  if (options === undefined) return '';
  return queryOf([
    ['fieldManager', options.fieldManager],
    ['dryRun', options.dryRun === true ? 'All' : undefined],
    ['force', options.force === true ? 'true' : undefined],
  ]);
}

type Parameter = readonly [name: string, value: string | undefined];

function listParameters(options: ListOptions): Parameter[] {
  return [
    ['labelSelector', options.labelSelector],
    ['fieldSelector', options.fieldSelector],
    ['limit', options.limit?.toString()],
    ['continue', options.continue],
    ['resourceVersion', options.resourceVersion],
    ['resourceVersionMatch', options.resourceVersionMatch],
  ];
}

function queryOf(parameters: readonly Parameter[]): string {
  let query = '';
  for (const [name, value] of parameters) {
    if (value === undefined || value === '') continue;
    query += `${query === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
  }
  return query;
}
