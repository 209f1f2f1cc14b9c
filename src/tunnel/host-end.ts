import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../client/contract.ts';
import type { Logger } from '../machinery/logger.ts';
import { OutageLog } from '../machinery/outage-log.ts';
import { keepAlive, sessionMemoryMegabytes, streamWindowBytes } from './keep-alive.ts';

export const tunnelProtocol = 'roadstead-tunnel';

/** Answers one request that the server sends down the tunnel. Never throws. */
export type TunnelHandler = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export interface DialOptions {
  readonly client: Client;
  readonly hostName: string;
  readonly handler: TunnelHandler;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const retryDelayMsMin = 250;
const retryDelayMsMax = 10_000;
/** A connection that held this long was a good one: the next loss starts again with a short delay. */
const steadyAfterMs = 30_000;
const streamsMax = 1000;

/**
 * Keeps this host's tunnel to the server: dials out, serves HTTP/2 on the connection, dials again when it is lost.
 * Resolves, never rejects, once `signal` aborts.
 */
export async function dialServer(options: DialOptions): Promise<void> {
  const { logger, signal } = options;
  const outage = new OutageLog(logger, {
    failed: 'Tunnel could not be opened',
    recovered: 'Tunnel could be opened again',
  });
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = Date.now();
    try {
      const socket = await options.client.upgrade(pathOf(options.hostName), tunnelProtocol, {}, signal);
      outage.succeeded();
      logger.info({}, 'Tunnel opened');
      await serve(socket, options);
      if (!signal.aborted) logger.info({}, 'Tunnel closed');
    } catch (error) {
      if (!signal.aborted) outage.failed(error);
    }
    failures = Date.now() - startedAt > steadyAfterMs ? 0 : failures + 1;
    const delayMs = Math.min(retryDelayMsMax, retryDelayMsMin * 2 ** Math.min(failures, 10));
    await delay(delayMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  }
}

function pathOf(hostName: string): string {
  return `/apis/tunnel.roadstead.dev/v1/hosts/${encodeURIComponent(hostName)}/connect`;
}

function serve(socket: Duplex, { handler, logger, signal }: DialOptions): Promise<void> {
  return new Promise((resolve) => {
    const session: ServerHttp2Session = performServerHandshake(socket, {
      maxSessionMemory: sessionMemoryMegabytes,
      settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: streamsMax },
    });
    const end = (): void => session.destroy();
    signal.addEventListener('abort', end, { once: true });
    keepAlive(session);
    session.on('error', (error) => logger.debug({ err: error }, 'Tunnel failed'));
    session.on('stream', (stream, headers) => {
      stream.on('error', (error) => logger.debug({ err: error, path: headers[':path'] }, 'Tunnel stream failed'));
      handler(stream, headers);
    });
    session.once('close', () => {
      signal.removeEventListener('abort', end);
      socket.destroy();
      resolve();
    });
  });
}
