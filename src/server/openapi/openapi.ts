import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '../../api/resource.ts';
import { apiError } from '../../machinery/status-error.ts';
import type { RowCatalog } from '../contract.ts';
import { matchesEtag } from '../discovery/discovery.ts';
import { discoverGroups } from '../discovery/groups.ts';
import type { Handler, RequestContext } from '../request.ts';
import { DefinitionSet, type Prose } from './definitions.ts';
import { type Dialect, openApiV2, openApiV3 } from './dialect.ts';
import { addPaths } from './paths.ts';

/** Publishes the schema of everything served: `/openapi/v2` whole, `/openapi/v3` by group and version. */
export interface OpenApi {
  matches(path: string): boolean;
  readonly handler: Handler;
}

/** A document made of certain rows; its text is large and made again when the collector has taken it. */
interface Cached {
  readonly rows: readonly ResourceDefinition[];
  readonly hash: string;
  body: WeakRef<Uint8Array>;
}

const v2Key = 'v2';
const jsonType = 'application/json';
const info = { title: 'Kubernetes', version: 'v1.36.0' };
/** What a client may do with a document whose address carries its hash. */
const immutable = 'public, immutable, max-age=31536000';

export function createOpenApi(rows: RowCatalog, loadProse: () => Promise<Prose>): OpenApi {
  const cache = new Map<string, Cached>();
  let generation = -1;
  let groupVersions = new Map<string, readonly ResourceDefinition[]>();
  let index: Uint8Array | undefined;
  let prose: WeakRef<Prose> | undefined;

  const refresh = (): void => {
    if (generation === rows.generation) return;
    generation = rows.generation;
    index = undefined;
    groupVersions = rowsByPath(rows.all());
    for (const key of cache.keys()) if (key !== v2Key && !groupVersions.has(key)) cache.delete(key);
  };
  const proseText = async (): Promise<Prose> => {
    const held = prose?.deref();
    if (held !== undefined) return held;
    const loaded = await loadProse();
    prose = new WeakRef(loaded);
    return loaded;
  };
  const documentFor = async (
    key: string,
    of: readonly ResourceDefinition[],
  ): Promise<{ hash: string; body: Uint8Array }> => {
    const found = cache.get(key);
    const isCurrent = found !== undefined && sameRows(found.rows, of);
    const held = isCurrent ? found.body.deref() : undefined;
    if (isCurrent && held !== undefined) return { hash: found.hash, body: held };
    const body = buildDocument(of, key === v2Key ? openApiV2 : openApiV3, await proseText());
    const hash = isCurrent ? found.hash : createHash('sha512').update(body).digest('hex').toUpperCase();
    cache.set(key, { rows: of, hash, body: new WeakRef(body) });
    return { hash, body };
  };
  const indexDocument = async (): Promise<Uint8Array> => {
    if (index !== undefined) return index;
    const madeFor = generation;
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [key, of] of groupVersions) {
      const found = cache.get(key);
      const hash = found !== undefined && sameRows(found.rows, of) ? found.hash : (await documentFor(key, of)).hash;
      paths[key] = { serverRelativeURL: `/openapi/v3/${key}?hash=${hash}` };
    }
    const body = Buffer.from(JSON.stringify({ paths }));
    if (madeFor === generation) index = body;
    return body;
  };

  return {
    matches: (path) => path === '/openapi/v2' || path === '/openapi/v3' || path.startsWith('/openapi/v3/'),
    handler: async (context) => {
      if (context.method !== 'GET' && context.method !== 'HEAD') {
        throw apiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
      }
      refusesJson(context);
      refresh();
      if (context.path === '/openapi/v3' || context.path === '/openapi/v3/') {
        context.response.send(200, jsonType, await indexDocument());
        return;
      }
      const key = context.path === '/openapi/v2' ? v2Key : context.path.slice('/openapi/v3/'.length);
      const of = key === v2Key ? [...groupVersions.values()].flat() : groupVersions.get(key);
      if (of === undefined) throw apiError(404, 'NotFound', 'the server could not find the requested resource');
      send(context, key, await documentFor(key, of));
    },
  };
}

/** The rows of each document by its path below `/openapi/v3/`: `api/v1`, `apis/apps/v1`. */
function rowsByPath(rows: Iterable<ResourceDefinition>): Map<string, readonly ResourceDefinition[]> {
  const found = new Map<string, readonly ResourceDefinition[]>();
  for (const { group, versions } of discoverGroups(rows)) {
    for (const { version, rows: members } of versions) {
      found.set(group === '' ? `api/${version}` : `apis/${group}/${version}`, members);
    }
  }
  return found;
}

function buildDocument(rows: readonly ResourceDefinition[], dialect: Dialect, prose: Prose): Uint8Array {
  const set = new DefinitionSet(dialect, prose);
  const paths: Record<string, unknown> = {};
  for (const row of rows) addPaths(row, paths, set, dialect);
  const document =
    dialect.version === 'v2'
      ? { swagger: '2.0', info, paths, definitions: set.members }
      : { openapi: '3.0.0', info, paths, components: { schemas: set.members } };
  return Buffer.from(JSON.stringify(document));
}

function sameRows(a: readonly ResourceDefinition[], b: readonly ResourceDefinition[]): boolean {
  return a.length === b.length && a.every((row, index) => row === b[index]);
}

function send(
  { headers, query, response }: RequestContext,
  key: string,
  document: { hash: string; body: Uint8Array },
): void {
  const asked = query.get('hash');
  if (asked !== null && asked !== document.hash && key !== v2Key) {
    response.setHeader('location', `/openapi/v3/${key}?hash=${document.hash}`);
    response.send(301, jsonType, '');
    return;
  }
  const etag = `"${document.hash}"`;
  response.setHeader('etag', etag);
  response.setHeader('vary', 'Accept');
  if (asked !== null) response.setHeader('cache-control', immutable);
  if (matchesEtag(headers['if-none-match'], etag)) response.send(304, jsonType, '');
  else response.send(200, jsonType, document.body);
}

/** Documents are JSON only; a client that takes nothing else is told so rather than given bytes it cannot read. */
function refusesJson({ headers }: RequestContext): void {
  const { accept } = headers;
  if (
    accept === undefined ||
    accept === '' ||
    accept.includes('json') ||
    accept.includes('*/*') ||
    accept.includes('application/*')
  )
    return;
  throw apiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json');
}
