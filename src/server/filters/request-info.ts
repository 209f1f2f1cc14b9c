import type { Filter, RequestInfo } from '../request.ts';

const noRest: readonly string[] = [];
/** What may follow `/namespaces/<name>/` without being a resource inside that namespace. */
const namespaceSubresources = new Set(['status', 'finalize']);
const verbs: ReadonlyMap<string, string> = new Map([
  ['POST', 'create'],
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);

export function requestInfoFilter(): Filter {
  return (context, next) => {
    context.info = parseRequestInfo(context.method, context.path, () => context.query);
    return next();
  };
}

/** What a path asks for, as k8s.io/apiserver/pkg/endpoints/request.RequestInfoFactory reads it. */
export function parseRequestInfo(method: string, path: string, query: () => URLSearchParams): RequestInfo {
  const parts = splitPath(path);
  const plain = { ...nonResource, verb: method.toLowerCase() };
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return plain;
  if (parts.length < (isCore ? 3 : 4)) return plain;

  const apiGroup = isCore ? '' : (parts[1] ?? '');
  const apiVersion = (isCore ? parts[1] : parts[2]) ?? '';
  let at = isCore ? 2 : 3;
  let verb = verbs.get(method) ?? '';
  if (parts[at] === 'watch' && parts.length > at + 1 && verb === 'get') {
    verb = 'watch';
    at += 1;
  }
  let namespace = '';
  if (parts[at] === 'namespaces' && parts.length > at + 1) {
    namespace = parts[at + 1] ?? '';
    const third = parts[at + 2];
    if (third !== undefined && !namespaceSubresources.has(third)) at += 2;
  }
  const resource = parts[at] ?? '';
  let name = parts[at + 1] ?? '';
  const subresource = parts[at + 2] ?? '';
  const rest = parts.length > at + 3 ? parts.slice(at + 3) : noRest;

  if (name === '' && verb === 'get') verb = isWatch(query()) ? 'watch' : 'list';
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  if (name === '' && (verb === 'list' || verb === 'watch' || verb === 'deletecollection')) {
    name = selectedName(query().get('fieldSelector'));
  }
  return { isResourceRequest: true, verb, apiGroup, apiVersion, namespace, resource, subresource, name, rest };
}

/** A request that names no resource, and one of which nothing is known yet. */
export const nonResource: RequestInfo = {
  isResourceRequest: false,
  verb: '',
  apiGroup: '',
  apiVersion: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  rest: noRest,
};

function splitPath(path: string): string[] {
  const parts = path.split('/');
  if (parts[0] === '') parts.shift();
  if (parts.at(-1) === '') parts.pop();
  return path.includes('%') ? parts.map(decode) : parts;
}

/** A malformed escape stays as it stands: no object has such a name, so the request ends as not found. */
export function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function isWatch(query: URLSearchParams): boolean {
  const watch = query.get('watch');
  return watch !== null && watch !== 'false' && watch !== '0';
}

/** `metadata.name=x` alone narrows a list to one object, so a rule with resourceNames can allow it. */
function selectedName(fieldSelector: string | null): string {
  if (fieldSelector === null) return '';
  for (const term of fieldSelector.split(',')) {
    const match = /^metadata\.name==?([^=!].*)$/.exec(term);
    if (match?.[1] !== undefined) return match[1];
  }
  return '';
}
