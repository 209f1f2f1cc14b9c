import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Duplex, Writable } from 'node:stream';
import type { ResponseStream, ResponseWriter } from '../request.ts';
import { Http1Stream } from './http1-stream.ts';

/** Upstream's bound on all `Warning` headers of one answer, in bytes; what is over it is left out. */
const warningBytesMax = 4 * 1024;

/** A body above this is held until the peer has read it, so a peer that reads nothing for `stalledMs` is cut. */
const largeBodyBytes = 64 * 1024;
const stalledMs = 60_000;

/** Collects headers until the first byte; how the bytes go out is the subclass's. */
abstract class Writer implements ResponseWriter {
  headersSent = false;
  statusCode = 0;
  onHead: (() => void) | undefined;
  protected headers: OutgoingHttpHeaders | undefined;
  /** Set by the context's owner: read when the head is written. */
  warnings: readonly string[] = [];

  setHeader(name: string, value: string): void {
    this.headers ??= {};
    this.headers[name.toLowerCase()] = value;
  }

  send(statusCode: number, contentType: string, body: Uint8Array | string): void {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const head = this.head(statusCode, contentType);
    if (statusCode !== 304 && statusCode !== 204) head['content-length'] = length;
    this.sendWhole(statusCode, head, body, length);
  }

  stream(statusCode: number, contentType: string): ResponseStream {
    return this.streamOn(this.open(statusCode, this.head(statusCode, contentType)));
  }

  private head(statusCode: number, contentType: string): OutgoingHttpHeaders {
    if (this.headersSent) throw new Error('The answer has begun already');
    this.headersSent = true;
    this.statusCode = statusCode;
    this.onHead?.();
    const head = this.headers ?? {};
    if (contentType !== '') head['content-type'] = contentType;
    head['cache-control'] ??= 'no-cache, private';
    if (this.warnings.length > 0) (head as Record<string, unknown>)['warning'] = formatWarnings(this.warnings);
    return head;
  }

  abstract cut(reason: Error): void;

  protected abstract sendWhole(
    statusCode: number,
    head: OutgoingHttpHeaders,
    body: Uint8Array | string,
    length: number,
  ): void;
  protected abstract open(statusCode: number, head: OutgoingHttpHeaders): Writable;

  protected streamOn(out: Writable): ResponseStream {
    return new WritableResponse(out);
  }
}

/** `299 - "text"`, each text once, as k8s.io/apiserver/pkg/endpoints/filters/warning.go. */
export function formatWarnings(warnings: readonly string[]): string[] {
  const seen = new Set<string>();
  let left = warningBytesMax;
  for (const warning of warnings) {
    const text = `299 - "${warning.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}"`;
    if (seen.has(text)) continue;
    left -= text.length;
    if (left < 0) break;
    seen.add(text);
  }
  return [...seen];
}

class WritableResponse implements ResponseStream {
  readonly #out: Writable;
  #waiting: Promise<void> | undefined;

  constructor(out: Writable) {
    this.#out = out;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#out.destroyed || this.#out.writableEnded) return true;
    return this.#out.write(chunk);
  }

  /** Also resolves when the peer goes away; the request's signal says so. */
  drained(): Promise<void> {
    const out = this.#out;
    if (out.destroyed || !out.writableNeedDrain) return Promise.resolve();
    this.#waiting ??= new Promise((resolve) => {
      const done = (): void => {
        out.off('drain', done);
        out.off('close', done);
        this.#waiting = undefined;
        resolve();
      };
      out.on('drain', done);
      out.on('close', done);
    });
    return this.#waiting;
  }

  end(): void {
    if (!this.#out.destroyed) this.#out.end();
  }
}

export class Http2Writer extends Writer {
  readonly #stream: ServerHttp2Stream;
  readonly #headOnly: boolean;

  constructor(stream: ServerHttp2Stream, method: string) {
    super();
    this.#stream = stream;
    this.#headOnly = method === 'HEAD';
  }

  protected sendWhole(statusCode: number, head: OutgoingHttpHeaders, body: Uint8Array | string, length: number): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    head[':status'] = statusCode;
    // A body that nobody will read must not hold the stream open.
    if (!stream.endAfterHeaders && !stream.readableEnded) {
      stream.resume();
      stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
    }
    if (length === 0 || this.#headOnly) {
      stream.respond(head, { endStream: true });
      return;
    }
    stream.respond(head);
    stream.end(body);
    if (length > largeBodyBytes) stream.setTimeout(stalledMs, () => stream.destroy());
  }

  protected open(statusCode: number, head: OutgoingHttpHeaders): Writable {
    head[':status'] = statusCode;
    if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.respond(head);
    return this.#stream;
  }

  cut(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

export class Http1Writer extends Writer {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    super();
    this.#response = response;
  }

  protected sendWhole(statusCode: number, head: OutgoingHttpHeaders, body: Uint8Array | string, length: number): void {
    this.#response.writeHead(statusCode, head);
    this.#response.end(body);
    if (length > largeBodyBytes) this.#response.setTimeout(stalledMs, () => this.#response.destroy());
  }

  protected open(statusCode: number, head: OutgoingHttpHeaders): Writable {
    this.#response.writeHead(statusCode, head);
    this.#response.flushHeaders();
    return this.#response;
  }

  cut(): void {
    this.#response.destroy();
  }

  protected override streamOn(out: Writable): ResponseStream {
    const { req, socket } = this.#response;
    const chunked = req.httpVersion === '1.1' && req.method !== 'HEAD';
    // No socket: a pipelined request whose turn to be answered has not come.
    return chunked && socket !== null ? new Http1Stream(this.#response, socket) : super.streamOn(out);
  }
}

/** Answers an upgrade request that is refused: the connection has left node's HTTP, so the head is written by hand. */
export class UpgradeWriter extends Writer {
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    super();
    this.#socket = socket;
  }

  protected sendWhole(statusCode: number, head: OutgoingHttpHeaders, body: Uint8Array | string): void {
    const socket = this.open(statusCode, head);
    socket.end(body);
  }

  protected open(statusCode: number, head: OutgoingHttpHeaders): Writable {
    const lines = [`HTTP/1.1 ${statusCode} ${statusCode < 400 ? 'OK' : 'Refused'}`, 'connection: close'];
    for (const [name, value] of Object.entries(head)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        lines.push(`${name}: ${String(one).replace(/[\r\n]+/g, ' ')}`);
      }
    }
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    return this.#socket;
  }

  cut(): void {
    this.#socket.destroy();
  }
}

export type AnyWriter = Http2Writer | Http1Writer | UpgradeWriter;
