import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Logger } from '../machinery/logger.ts';
import type { Status } from '../machinery/meta-types.generated.ts';
import { ApiError, apiError, serviceUnavailable } from '../machinery/status-error.ts';
import type { HostGateway, HostRequest, HostResponse } from './contract.ts';
import { keepAlive, sessionMemoryMegabytes, streamWindowBytes } from './keep-alive.ts';

/** The server's end of every host's tunnel. */
export interface Gateway extends HostGateway {
  /** Takes over a connection that a host has dialled; an older one of the same host ends. */
  accept(host: string, socket: Duplex): void;
  close(): void;
}

/** The most of an error answer that is read. */
const errorBodyBytesMax = 64 * 1024;

export function createGateway({ logger }: { readonly logger: Logger }): Gateway {
  const sessions = new Map<string, ClientHttp2Session>();

  function accept(host: string, socket: Duplex): void {
    const older = sessions.get(host);
    const session = connect('http://host', {
      createConnection: () => socket,
      maxSessionMemory: sessionMemoryMegabytes,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    });
    sessions.set(host, session);
    keepAlive(session);
    session.on('error', (error) => logger.debug({ host, err: error }, 'Tunnel failed'));
    session.once('close', () => {
      socket.destroy();
      if (sessions.get(host) !== session) return;
      sessions.delete(host);
      logger.info({ host }, 'Host disconnected');
    });
    older?.destroy();
    logger.info({ host, replaced: older !== undefined }, 'Host connected');
  }

  return {
    hosts: () => [...sessions.keys()],
    isConnected: (host) => sessions.has(host),
    accept,
    async open(host, request) {
      const session = sessions.get(host);
      if (session === undefined || session.destroyed || session.closed) {
        throw serviceUnavailable(`host "${host}" is not connected`);
      }
      return openStream(session, host, request);
    },
    close() {
      for (const session of sessions.values()) session.destroy();
    },
  };
}

async function openStream(session: ClientHttp2Session, host: string, request: HostRequest): Promise<HostResponse> {
  request.signal.throwIfAborted();
  const stream = session.request(
    { ...request.headers, ':method': request.method, ':path': request.path },
    { endStream: request.method === 'GET' },
  );
  const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
  request.signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => request.signal.removeEventListener('abort', abort));
  // A stream that fails later says so by ending early; its user sees `close` without the end of the data.
  stream.on('error', () => undefined);
  const { status, headers } = await responseOf(stream, host);
  if (status >= 200 && status < 300) return { status, headers, stream };
  throw await errorOf(stream, host, status);
}

function responseOf(
  stream: ClientHttp2Stream,
  host: string,
): Promise<{ status: number; headers: Record<string, string> }> {
  return new Promise((resolve, reject) => {
    stream.once('response', (head) => {
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(head)) {
        if (!name.startsWith(':') && value !== undefined) headers[name] = String(value);
      }
      resolve({ status: head[':status'] ?? 500, headers });
    });
    stream.once('close', () => reject(serviceUnavailable(`host "${host}" disconnected before it answered`)));
  });
}

async function errorOf(stream: Duplex, host: string, code: number): Promise<Error> {
  let body = '';
  for await (const chunk of stream) {
    body += String(chunk);
    if (body.length > errorBodyBytesMax) break;
  }
  try {
    return new ApiError(JSON.parse(body) as Status);
  } catch {
    // Not a Status: the words are all there is.
    return apiError(code, 'InternalError', body === '' ? `host "${host}" answered ${code}` : body);
  }
}
