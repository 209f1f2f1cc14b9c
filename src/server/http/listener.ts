import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../machinery/logger.ts';
import { StartupError } from '../../machinery/startup-error.ts';
import type { Handler } from '../request.ts';
import { type Peer, ServerContext } from './context.ts';
import { type AnyWriter, Http1Writer, Http2Writer, UpgradeWriter } from './response.ts';

const headerBytesMax = 64 * 1024;
/** Watches of one client share a connection, so this is a bound against abuse and no more. */
const streamsPerConnectionMax = 1000;
/** MB that nghttp2 may hold for one connection before it refuses new streams. */
const sessionMemoryMbMax = 64;
/** A peer that does not answer an HTTP/2 ping within this time is gone. */
const pingIntervalMs = 30_000;
const pingTimeoutMs = 15_000;
/** HTTP/1.1 connections with no request on them. */
const keepAliveTimeoutMs = 90_000;
const tcpKeepAliveMs = 30_000;
/** From the connection to the end of the TLS handshake. */
const handshakeTimeoutMs = 10_000;
/** From the first byte of an HTTP/1.1 request to the end of its headers. */
const headersTimeoutMs = 20_000;
const headersCheckMs = 5_000;
/** How long a client that is told why it is refused may take to read it. */
const refusalMs = 1_000;
/** How long close() lets answers under way finish. */
const drainMs = 2_000;

export interface ListenerOptions {
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** PEM of the authorities whose client certificates are believed. */
  readonly clientAuthorities: string;
  readonly handle: Handler;
  readonly logger: Logger;
}

export interface Listener {
  readonly port: number;
  /** Takes a renewed serving certificate for new connections. */
  renew(certificate: string, key: string): void;
  /** Stops accepting, lets answers under way finish for a moment, then cuts the rest. */
  close(): Promise<void>;
}

/** One TLS port for HTTP/2, HTTP/1.1 and HTTP/1.1 upgrades. Rejects with one clear sentence when the port is taken. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const tls = {
    cert: options.certificate,
    key: options.key,
    ca: options.clientAuthorities,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2' as const,
  };
  const server = createSecureServer({
    ...tls,
    allowHTTP1: true,
    settings: { maxConcurrentStreams: streamsPerConnectionMax, maxHeaderListSize: headerBytesMax },
    maxSessionMemory: sessionMemoryMbMax,
    maxHeaderListPairs: 256,
    handshakeTimeout: handshakeTimeoutMs,
    http1Options: {
      keepAliveTimeout: keepAliveTimeoutMs,
      // Node's types do not know that these hold here too.
      ...{ headersTimeout: headersTimeoutMs, connectionsCheckingInterval: headersCheckMs },
    },
    ...{ maxHeaderSize: headerBytesMax },
  });
  const connections = new Connections(server, options);
  await bind(server, options);
  server.on('error', (error) => options.logger.error({ err: error }, 'Listener failed'));
  return {
    port: (server.address() as AddressInfo).port,
    renew: (cert, key) => server.setSecureContext({ ...tls, cert, key }),
    close: () => connections.close(),
  };
}

function bind(server: Http2SecureServer, { address, port }: ListenerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const sentence = listenFailure(error.code, address, port);
      reject(sentence === undefined ? error : new StartupError(sentence));
    };
    server.once('error', failed);
    server.listen(port, address, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function listenFailure(code: string | undefined, address: string, port: number): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${address} is already in use; stop what listens there, or choose another with --port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EINVAL':
      return `This host has no address ${address} to listen on; choose another with --address`;
    case 'EACCES':
      return `Permission was denied to listen on port ${port}; run this as root, or choose a port above 1023`;
    default:
      return undefined;
  }
}

/** One for all: every request ends in it, and an Error made for each would cost more than the rest of the end. */
const clientGone = new Error('The client has gone away');

/** Turns what node's server emits into contexts, and knows every open connection so that close() ends them. */
class Connections {
  readonly #server: Http2SecureServer;
  readonly #handle: Handler;
  readonly #logger: Logger;
  readonly #sockets = new Set<Duplex>();
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #contexts = new Set<ServerContext>();
  readonly #peers = new WeakMap<Duplex, Peer>();
  readonly #pings: NodeJS.Timeout;
  readonly #unanswered = new Set<ServerHttp2Session>();

  constructor(server: Http2SecureServer, { handle, logger }: ListenerOptions) {
    this.#server = server;
    this.#handle = handle;
    this.#logger = logger;
    server.on('connection', (socket: Duplex & { setKeepAlive?: (on: boolean, ms: number) => void }) => {
      this.#sockets.add(socket);
      socket.setKeepAlive?.(true, tcpKeepAliveMs);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session) => this.#session(session));
    server.on('request', (request, response) =>
      this.#http1(request as unknown as IncomingMessage, response as unknown as ServerResponse),
    );
    // Asking for 'request' makes node install its HTTP/2 compatibility layer on 'stream'; ours is the faster one.
    server.removeAllListeners('stream');
    server.on('stream', (stream, headers) => this.#http2(stream as ServerHttp2Stream, headers as IncomingHttpHeaders));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    server.on('tlsClientError', (error, socket) => {
      logger.debug({ err: error }, 'TLS handshake failed');
      // For one that took too long, node leaves the socket open.
      socket.destroy();
    });
    server.on('sessionError', (error) => logger.debug({ err: error }, 'HTTP/2 session failed'));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => refuseMalformed(error, socket));
    this.#pings = setInterval(() => this.#pingAll(), pingIntervalMs);
    this.#pings.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#pings);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const context of this.#contexts) context.abort(new Error('The server is shutting down'));
    for (const session of this.#sessions) session.close();
    const cut = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
      for (const socket of this.#sockets) socket.destroy();
    }, drainMs);
    const idle = setInterval(() => {
      if (this.#contexts.size > 0) return;
      for (const socket of this.#sockets) socket.destroy();
    }, 20);
    await closed;
    clearTimeout(cut);
    clearInterval(idle);
  }

  #session(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.setLocalWindowSize(1024 * 1024);
    session.once('close', () => {
      this.#sessions.delete(session);
      this.#unanswered.delete(session);
    });
    session.on('error', (error) => this.#logger.debug({ err: error }, 'HTTP/2 session failed'));
  }

  /** A peer that has not answered the ping of the last round by `pingTimeoutMs` is cut. */
  #pingAll(): void {
    for (const session of this.#sessions) {
      if (session.closed || session.destroyed) continue;
      this.#unanswered.add(session);
      session.ping(() => this.#unanswered.delete(session));
    }
    setTimeout(() => {
      for (const session of this.#unanswered) session.destroy(new Error('The peer does not answer pings'));
      this.#unanswered.clear();
    }, pingTimeoutMs).unref();
  }

  #http2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const session = stream.session;
    if (session === undefined) return;
    const method = String(headers[':method']);
    const writer = new Http2Writer(stream, method);
    const context = new ServerContext({
      method,
      target: String(headers[':path']),
      headers,
      peer: this.#peerOf(session.socket as unknown as TLSSocket),
      body: stream,
      response: writer,
    });
    stream.on('error', (error) => this.#logger.debug({ err: error }, 'HTTP/2 stream failed'));
    stream.once('close', () => this.#ended(context));
    this.#run(context, writer);
  }

  #http1(request: IncomingMessage, response: ServerResponse): void {
    const writer = new Http1Writer(response);
    const context = new ServerContext({
      method: request.method ?? 'GET',
      target: request.url ?? '/',
      headers: request.headers,
      peer: this.#peerOf(request.socket as TLSSocket),
      body: request,
      response: writer,
    });
    response.on('error', (error) => this.#logger.debug({ err: error }, 'HTTP/1.1 answer failed'));
    response.once('close', () => this.#ended(context));
    this.#run(context, writer);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const writer = new UpgradeWriter(socket);
    const context = new ServerContext({
      method: request.method ?? 'GET',
      target: request.url ?? '/',
      headers: request.headers,
      peer: this.#peerOf(request.socket as TLSSocket),
      body: request,
      response: writer,
      upgrade: { socket, head },
    });
    socket.on('error', (error) => this.#logger.debug({ err: error }, 'Upgraded connection failed'));
    socket.once('close', () => this.#ended(context));
    this.#run(context, writer);
  }

  #run(context: ServerContext, writer: AnyWriter): void {
    this.#contexts.add(context);
    writer.warnings = context.warnings;
    this.#handle(context).catch((error: unknown) => {
      // The error filter answers everything; what arrives here is a bug in it.
      this.#logger.error({ err: error, path: context.path }, 'Request ended with an error nobody answered');
      context.abort(new Error('Internal error'));
    });
  }

  #ended(context: ServerContext): void {
    this.#contexts.delete(context);
    context.abort(clientGone);
  }

  #peerOf(socket: TLSSocket): Peer {
    let peer = this.#peers.get(socket);
    if (peer === undefined) {
      peer = describePeer(socket);
      this.#peers.set(socket, peer);
    }
    return peer;
  }
}

const refusals: ReadonlyMap<string, string> = new Map([
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
]);

function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  const status = refusals.get(error.code ?? '') ?? '400 Bad Request';
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
  // Whoever does not read, or does not end its side, would keep the socket otherwise.
  setTimeout(() => socket.destroy(), refusalMs).unref();
}

function describePeer(socket: TLSSocket): Peer {
  const remoteAddress = socket.remoteAddress ?? '';
  const certificate = socket.getPeerCertificate();
  const subject = certificate?.subject as Record<string, string | string[] | undefined> | undefined;
  if (subject === undefined || subject === null) return { remoteAddress };
  if (!socket.authorized) {
    return { remoteAddress, certificateError: String(socket.authorizationError ?? 'unknown authority') };
  }
  const organizations = subject['O'] ?? [];
  const commonName = subject['CN'] ?? '';
  return {
    remoteAddress,
    clientCertificate: {
      commonName: Array.isArray(commonName) ? (commonName[0] ?? '') : commonName,
      organizations: Array.isArray(organizations) ? organizations : [organizations],
    },
  };
}
