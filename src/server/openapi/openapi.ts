import { apiError } from '../../machinery/status-error.ts';
import type { RowCatalog } from '../contract.ts';
import { matchesEtag } from '../discovery/discovery.ts';
import type { Handler, RequestContext } from '../request.ts';
import type { Prose } from './definitions.ts';
import { type Document, documentAddress, OpenApiDocuments } from './documents.ts';
import { swaggerProtobufTypes } from './swagger-protobuf.ts';

/** Publishes the schema of everything served: `/openapi/v2` whole, `/openapi/v3` by group and version. */
export interface OpenApi {
  matches(path: string): boolean;
  readonly handler: Handler;
}

const v2Path = '/openapi/v2';
const v3Path = '/openapi/v3';
/** What a client may do with a document whose address carries its hash. */
const immutable = 'public, immutable, max-age=31536000';

/** `loadProse` reads the descriptions from where they lie; they are large and not kept. */
export function createOpenApi(rows: RowCatalog, loadProse: () => Promise<Prose>): OpenApi {
  const documents = new OpenApiDocuments(rows, loadProse);
  return {
    matches: (path) => path === v2Path || path === v3Path || path.startsWith(`${v3Path}/`),
    handler: async (context) => {
      if (context.method !== 'GET' && context.method !== 'HEAD') {
        throw apiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
      }
      const { path, headers } = context;
      const takesJson = acceptsJson(headers.accept);
      if (path === v2Path && !takesJson && acceptsProtobuf(headers.accept)) {
        await send(context, await documents.whole('protobuf'));
        return;
      }
      if (!takesJson) {
        throw apiError(406, 'NotAcceptable', 'only the following media types are accepted: application/json');
      }
      if (path === v2Path) await send(context, await documents.whole('json'));
      else if (path === v3Path || path === `${v3Path}/`) {
        context.response.send(200, 'application/json', await documents.index());
      } else await sendGroupVersion(context, documents, path.slice(v3Path.length + 1));
    },
  };
}

async function sendGroupVersion(context: RequestContext, documents: OpenApiDocuments, path: string): Promise<void> {
  const { query, response } = context;
  const document = await documents.groupVersion(path);
  if (document === undefined) throw apiError(404, 'NotFound', 'the server could not find the requested resource');
  const asked = query.get('hash');
  if (asked !== null && asked !== document.hash) {
    response.setHeader('location', documentAddress(path, document.hash));
    response.send(301, document.contentType, '');
    return;
  }
  if (asked !== null) response.setHeader('cache-control', immutable);
  await send(context, document);
}

async function send({ headers, response }: RequestContext, document: Document): Promise<void> {
  const { contentType, hash } = document;
  const etag = `"${hash}"`;
  response.setHeader('etag', etag);
  response.setHeader('vary', 'Accept');
  if (matchesEtag(headers['if-none-match'], etag)) response.send(304, contentType, '');
  else response.send(200, contentType, await document.body());
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept === '') return true;
  return accept.includes('application/json') || accept.includes('*/*') || accept.includes('application/*');
}

function acceptsProtobuf(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.includes(swaggerProtobufTypes.asked) || accept.includes(swaggerProtobufTypes.answered);
}
