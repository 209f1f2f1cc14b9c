import { createHash } from 'node:crypto';
import { apiError } from '../../machinery/status-error.ts';
import type { RowCatalog } from '../contract.ts';
import type { Handler, RequestContext } from '../request.ts';
import { type AggregatedVersion, acceptedAggregation, aggregatedDocument, aggregatedMediaType } from './aggregated.ts';
import { type DiscoveredGroup, discoverGroups } from './groups.ts';
import { groupDocument, groupListDocument, resourceListDocument, versionsDocument } from './legacy.ts';
import { noRemoteVersions, type RemoteVersions } from './remote-versions.ts';

interface Answer {
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly etag: string;
}

/** Tells clients what is served: `/api`, `/apis` and what stands one and two steps below. */
export interface Discovery {
  /** The path is one of discovery's; whether there is such a group is for `handler` to say. */
  matches(path: string): boolean;
  readonly handler: Handler;
}

const discoveryPath = /^\/(?:api(?:\/[^/]+)?|apis(?:\/[^/]+){0,2})\/?$/;

/**
 * `serverAddress` is what clients are told to connect to, `host:port`. Documents are made when first asked for and
 * kept until the catalog changes.
 */
export function createDiscovery(
  rows: RowCatalog,
  serverAddress: () => string,
  remotes: RemoteVersions = noRemoteVersions,
): Discovery {
  let generation = '';
  let groups: readonly DiscoveredGroup[] = [];
  const answers = new Map<string, Answer | undefined>();

  const answerFor = (path: string, aggregation: AggregatedVersion | undefined): Answer | undefined => {
    const current = `${rows.generation}/${remotes.generation}`;
    if (generation !== current) {
      generation = current;
      groups = discoverGroups(rows.all(), remotes.all());
      answers.clear();
    }
    const key = `${aggregation ?? ''} ${path}`;
    let answer = answers.get(key);
    if (answer === undefined) {
      const document = documentAt(path, groups, aggregation, serverAddress);
      if (document === undefined) return undefined;
      answer = render(document, aggregation === undefined ? 'application/json' : aggregatedMediaType(aggregation));
      answers.set(key, answer);
    }
    return answer;
  };

  return {
    matches: (path) => discoveryPath.test(path),
    handler: async (context) => {
      if (context.method !== 'GET' && context.method !== 'HEAD') {
        throw apiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
      }
      const path = context.path.endsWith('/') ? context.path.slice(0, -1) : context.path;
      const isRoot = path === '/api' || path === '/apis';
      const aggregation = isRoot ? acceptedAggregation(context.headers.accept) : undefined;
      const answer = answerFor(path, aggregation);
      if (answer === undefined) throw apiError(404, 'NotFound', 'the server could not find the requested resource');
      send(context, answer, isRoot);
    },
  };
}

function documentAt(
  path: string,
  groups: readonly DiscoveredGroup[],
  aggregation: AggregatedVersion | undefined,
  serverAddress: () => string,
): object | undefined {
  const [, root, first, second] = path.split('/');
  const isCore = root === 'api';
  if (first === undefined) {
    if (aggregation !== undefined) {
      return aggregatedDocument(
        groups.filter(({ group }) => (group === '') === isCore),
        aggregation,
      );
    }
    return isCore ? versionsDocument(serverAddress()) : groupListDocument(groups);
  }
  const name = isCore ? '' : first;
  const group = groups.find((found) => found.group === name);
  if (group === undefined || (!isCore && first === '')) return undefined;
  const wanted = isCore ? first : second;
  if (wanted === undefined) return groupDocument(group);
  const version = group.versions.find((found) => found.version === wanted);
  return version === undefined ? undefined : resourceListDocument(name, version);
}

function render(document: object, contentType: string): Answer {
  const body = Buffer.from(JSON.stringify(document));
  const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
  return { contentType, body, etag };
}

function send({ headers, response }: RequestContext, answer: Answer, isRoot: boolean): void {
  if (isRoot) response.setHeader('vary', 'Accept');
  response.setHeader('cache-control', 'public');
  response.setHeader('etag', answer.etag);
  if (matchesEtag(headers['if-none-match'], answer.etag)) response.send(304, answer.contentType, '');
  else response.send(200, answer.contentType, answer.body);
}

/** Whether `If-None-Match` names the tag, so that the client's copy is still right. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*');
}
