import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { type RequestOptions as HttpsRequestOptions, request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { apiError } from '../machinery/status-error.ts';
import type { RawRequest, RawResponse } from './contract.ts';
import { errorOfResponse } from './response-error.ts';

export interface Http1Target {
  readonly base: URL;
  tls: Pick<HttpsRequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;
}

/** One request over HTTP/1.1, for servers without TLS (a local proxy). Resolves with the head of the answer. */
export function requestHttp1(
  target: Http1Target,
  request: RawRequest,
  headers: Record<string, string>,
  agent: Agent,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const outgoing = open(target, {
      method: request.method,
      path: target.base.pathname.replace(/\/$/, '') + request.path,
      headers,
      agent,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    outgoing.once('response', (incoming) => resolve(responseOf(incoming)));
    outgoing.once('error', reject);
    outgoing.end(request.body);
  });
}

/** Asks for `Upgrade: protocol` and hands over the raw connection once the server has switched. */
export function upgradeHttp1(
  target: Http1Target,
  path: string,
  protocol: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const outgoing = open(target, {
      method: 'POST',
      path: target.base.pathname.replace(/\/$/, '') + path,
      headers: { ...headers, connection: 'Upgrade', upgrade: protocol },
      // A connection of its own: it never goes back to a pool.
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.once('upgrade', (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once('response', (incoming) => {
      const refused = errorOfResponse(responseOf(incoming), `Cannot upgrade ${path} to ${protocol}`);
      refused.then(reject, reject);
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

function open(target: Http1Target, options: RequestOptions): ClientRequest {
  const host = target.base.hostname.replace(/^\[|\]$/g, '');
  const port = target.base.port;
  if (target.base.protocol === 'http:') return requestHttp({ ...options, host, port });
  if (target.base.protocol === 'https:') return requestHttps({ ...target.tls, ...options, host, port });
  throw apiError(400, 'BadRequest', `unsupported scheme of the server address: ${target.base.protocol}`);
}

function responseOf(incoming: IncomingMessage): RawResponse {
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming };
}
