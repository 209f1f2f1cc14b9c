import { type Duplex, duplexPair } from 'node:stream';
import { BufferedBody } from '../body.ts';
import type { Handler, ResponseStream, ResponseWriter, UserInfo } from '../request.ts';
import { type Peer, ServerContext } from './context.ts';
import { formatWarnings, UpgradeWriter } from './response.ts';

/** Bytes a streaming answer may hold for a reader in this process before `write` says to wait. */
const bufferedBytesMax = 1024 * 1024;

const inProcess: Peer = { remoteAddress: '' };
const noBody = new Uint8Array(0);

interface LocalRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
}

interface LocalResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
}

/** The shape of the client's Transport, so that a client can hold one of these in place of a connection. */
export interface LocalTransport {
  request(request: LocalRequest): Promise<LocalResponse>;
  upgrade(path: string, protocol: string, headers?: Record<string, string>, signal?: AbortSignal): Promise<Duplex>;
  close(): Promise<void>;
}

/** Walks requests of this process through the same filters as everyone's, as `user`, without TLS and without copies. */
export function createLocalTransport(handle: Handler, user: UserInfo): LocalTransport {
  const open = new Set<ServerContext>();
  const run = (context: ServerContext): Promise<void> => {
    open.add(context);
    return handle(context).finally(() => open.delete(context));
  };
  return {
    request: (request) => send(run, request, user),
    upgrade: (path, protocol, headers = {}, signal) => upgrade(run, { path, protocol, headers, user }, signal),
    async close() {
      for (const context of open) context.abort(new Error('The in-process client was closed'));
    },
  };
}

type Run = (context: ServerContext) => Promise<void>;

function send(run: Run, request: LocalRequest, user: UserInfo): Promise<LocalResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    const writer = new LocalWriter(resolve);
    const context = new ServerContext({
      method: request.method,
      target: request.path,
      headers: request.headers ?? {},
      peer: inProcess,
      body: new BufferedBody(asBuffer(request.body)),
      response: writer,
      localUser: user,
    });
    writer.warnings = context.warnings;
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const aborted = (): void => {
      const reason: unknown = signal?.reason;
      context.abort(reason instanceof Error ? reason : new Error('The caller aborted the request'));
      writer.abort();
      reject(reason);
    };
    signal?.addEventListener('abort', aborted, { once: true });
    writer.onReaderGone = () => context.abort(new Error('The caller stopped reading'));
    run(context)
      .catch((error: unknown) => {
        writer.abort(error);
        reject(error);
      })
      .finally(() => {
        signal?.removeEventListener('abort', aborted);
        writer.finish();
      });
  });
}

function asBuffer(body: Uint8Array | string | undefined): Buffer {
  if (body === undefined) return Buffer.from(noBody);
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

class LocalWriter implements ResponseWriter {
  headersSent = false;
  statusCode = 0;
  onHead: (() => void) | undefined;
  warnings: readonly string[] = [];
  onReaderGone: () => void = () => undefined;
  readonly #resolve: (response: LocalResponse) => void;
  readonly #headers: Record<string, string | string[]> = {};
  #queue: ChunkQueue | undefined;

  constructor(resolve: (response: LocalResponse) => void) {
    this.#resolve = resolve;
  }

  setHeader(name: string, value: string): void {
    this.#headers[name.toLowerCase()] = value;
  }

  send(statusCode: number, contentType: string, body: Uint8Array | string): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    this.#begin(statusCode, contentType, once(bytes));
  }

  stream(statusCode: number, contentType: string): ResponseStream {
    const queue = new ChunkQueue(() => this.onReaderGone());
    this.#queue = queue;
    this.#begin(statusCode, contentType, queue);
    return queue;
  }

  abort(error?: unknown): void {
    this.#queue?.fail(error);
  }

  cut(reason: Error): void {
    this.abort(reason);
  }

  finish(): void {
    this.#queue?.end();
  }

  #begin(statusCode: number, contentType: string, body: AsyncIterable<Uint8Array>): void {
    if (this.headersSent) throw new Error('The answer has begun already');
    this.headersSent = true;
    this.statusCode = statusCode;
    this.onHead?.();
    if (contentType !== '') this.#headers['content-type'] = contentType;
    if (this.warnings.length > 0) this.#headers['warning'] = formatWarnings(this.warnings);
    this.#resolve({ status: statusCode, headers: this.#headers, body });
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}

/** Chunks from the verb to the caller. Bounded by what `write` answers: a writer that heeds it holds one megabyte. */
class ChunkQueue implements ResponseStream, AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: unknown;
  #wakeReader: (() => void) | undefined;
  #wakeWriters: (() => void)[] = [];
  readonly #onReaderGone: () => void;

  constructor(onReaderGone: () => void) {
    this.#onReaderGone = onReaderGone;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#ended) return true;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake();
    return this.#bytes < bufferedBytesMax;
  }

  drained(): Promise<void> {
    if (this.#bytes < bufferedBytesMax || this.#ended) return Promise.resolve();
    return new Promise((resolve) => this.#wakeWriters.push(resolve));
  }

  end(): void {
    this.#ended = true;
    this.#wake();
    this.#release();
  }

  fail(error: unknown): void {
    this.#error ??= error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      while (true) {
        const chunks = this.#chunks;
        this.#chunks = [];
        this.#bytes = 0;
        this.#release();
        yield* chunks;
        if (this.#chunks.length > 0) continue;
        if (this.#error !== undefined) throw this.#error;
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    } finally {
      if (!this.#ended) {
        this.end();
        this.#onReaderGone();
      }
    }
  }

  #wake(): void {
    const wake = this.#wakeReader;
    this.#wakeReader = undefined;
    wake?.();
  }

  #release(): void {
    const writers = this.#wakeWriters;
    if (writers.length === 0) return;
    this.#wakeWriters = [];
    for (const wake of writers) wake();
  }
}

interface UpgradeAsk {
  readonly path: string;
  readonly protocol: string;
  readonly headers: Record<string, string>;
  readonly user: UserInfo;
}

const headBytesMax = 64 * 1024;

/** An upgrade over a pair of streams: the server's end speaks HTTP/1.1 as on a socket, so its handlers see no difference. */
function upgrade(run: Run, ask: UpgradeAsk, signal: AbortSignal | undefined): Promise<Duplex> {
  const [near, far] = duplexPair();
  const context = new ServerContext({
    method: 'GET',
    target: ask.path,
    headers: { ...lowerCase(ask.headers), connection: 'Upgrade', upgrade: ask.protocol },
    peer: inProcess,
    body: new BufferedBody(Buffer.from(noBody)),
    response: new UpgradeWriter(far),
    upgrade: { socket: far, head: Buffer.alloc(0) },
    localUser: ask.user,
  });
  far.once('close', () => context.abort(new Error('The caller has gone away')));
  signal?.addEventListener('abort', () => near.destroy(), { once: true });
  return new Promise((resolve, reject) => {
    run(context).catch(reject);
    readHead(near).then((status) => {
      if (status === 101) resolve(near);
      else {
        near.destroy();
        reject(new Error(`Upgrade to ${ask.protocol} was refused with status ${status}`));
      }
    }, reject);
  });
}

function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Reads up to the blank line, puts back what follows it, and gives the status code. */
function readHead(socket: Duplex): Promise<number> {
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = Buffer.concat([seen, chunk]);
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0 && seen.length < headBytesMax) return;
      socket.off('readable', onReadable);
      if (end < 0) {
        reject(new Error('The answer to an upgrade has no end of its head'));
        return;
      }
      if (seen.length > end + 4) socket.unshift(seen.subarray(end + 4));
      resolve(Number(seen.toString('latin1', 9, 12)));
    };
    socket.on('readable', onReadable);
    socket.once('close', () => reject(new Error('The connection closed before the upgrade was answered')));
  });
}
