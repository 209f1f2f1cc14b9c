import { Agent } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import { type Authorization, bearerAuthorization } from './bearer-token.ts';
import type { RawRequest, RawResponse, Transport } from './contract.ts';
import { type Http1Target, requestHttp1, upgradeHttp1 } from './http1-requests.ts';
import { Http2Sessions } from './http2-sessions.ts';
import type { TransportOptions } from './transport-options.ts';

export interface HttpsTransport extends Transport {
  /** Has new connections show this certificate (PEM); requests under way go on as who they were. */
  useCertificate(certificate: string, key: string): void;
}

/**
 * A server reached over TLS: requests share HTTP/2 connections, upgrades get an HTTP/1.1 connection each. Connections
 * are made when first needed and again after a loss, so a transport outlives restarts of its server.
 */
export function createHttpsTransport(options: TransportOptions): HttpsTransport {
  const target = targetOf(options);
  const authorize = bearerAuthorization(options);
  return target.base.protocol === 'http:' ? plainTransport(target, authorize) : secureTransport(target, authorize);
}

function secureTransport(target: Http1Target, authorize: Authorization): HttpsTransport {
  const sessions = new Http2Sessions(target.base.origin, { ...target.tls });
  const prefix = target.base.pathname.replace(/\/$/, '');
  return {
    async request(request) {
      const headers = await withAuthorization(request.headers, authorize);
      const { session, release } = await sessions.acquire();
      return requestHttp2(session, release, { ...request, path: prefix + request.path }, headers);
    },
    upgrade: upgradeWith(target, authorize),
    useCertificate(cert, key) {
      target.tls = { ...target.tls, cert, key };
      sessions.useOptions({ ...target.tls });
    },
    async close() {
      sessions.close();
    },
  };
}

function plainTransport(target: Http1Target, authorize: Authorization): HttpsTransport {
  const agent = new Agent({ keepAlive: true });
  return {
    async request(request) {
      return requestHttp1(target, request, await withAuthorization(request.headers, authorize), agent);
    },
    upgrade: upgradeWith(target, authorize),
    // Without TLS nobody is shown a certificate.
    useCertificate: () => undefined,
    async close() {
      agent.destroy();
    },
  };
}

function upgradeWith(target: Http1Target, authorize: Authorization): Transport['upgrade'] {
  return async (path, protocol, headers, signal) =>
    upgradeHttp1(target, path, protocol, await withAuthorization(headers, authorize), signal);
}

/** Takes over `release`: the slot is free again when the stream has closed. */
function requestHttp2(
  session: ClientHttp2Session,
  release: () => void,
  request: RawRequest,
  headers: Record<string, string>,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const stream = openStream(session, release, request, headers);
    const stopListening = abortWith(stream, request.signal);
    let answered = false;
    stream.once('response', (head) => {
      answered = true;
      const status = Number(head[constants.HTTP2_HEADER_STATUS]);
      resolve({ status, headers: head as RawResponse['headers'], body: stream });
    });
    // Stays for the stream's life: an error after the head also ends the body's iteration, which reports it.
    stream.on('error', reject);
    stream.once('close', () => {
      stopListening();
      release();
      if (!answered) reject(new Error('The connection closed before the server answered'));
    });
    if (request.body !== undefined) stream.end(request.body);
  });
}

function openStream(
  session: ClientHttp2Session,
  release: () => void,
  request: RawRequest,
  headers: Record<string, string>,
): ClientHttp2Stream {
  try {
    const head = {
      ...headers,
      [constants.HTTP2_HEADER_METHOD]: request.method,
      [constants.HTTP2_HEADER_PATH]: request.path,
    };
    // Said outright, since by itself node ends every DELETE without a body.
    return session.request(head, { endStream: request.body === undefined });
  } catch (error) {
    release();
    throw error;
  }
}

function abortWith(stream: ClientHttp2Stream, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => undefined;
  const abort = (): void => {
    stream.close(constants.NGHTTP2_CANCEL);
    stream.destroy(asError(signal.reason));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return () => signal.removeEventListener('abort', abort);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was aborted', { cause: reason });
}

async function withAuthorization(
  headers: Readonly<Record<string, string>> | undefined,
  authorize: Authorization,
): Promise<Record<string, string>> {
  const authorization = await authorize();
  return authorization === undefined ? { ...headers } : { authorization, ...headers };
}

function targetOf(options: TransportOptions): Http1Target {
  return {
    base: new URL(options.server),
    tls: {
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.cert === undefined ? {} : { cert: options.cert }),
      ...(options.key === undefined ? {} : { key: options.key }),
      ...(options.serverName === undefined ? {} : { servername: options.serverName }),
      rejectUnauthorized: options.insecureSkipTlsVerify !== true,
    },
  };
}
