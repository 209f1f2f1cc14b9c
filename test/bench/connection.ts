/**
 * A client that costs little, since it shares two cores with the server it measures: HTTP/1.1 over one TLS connection,
 * one request at a time, bodies counted and not kept unless asked for.
 */
import { connect, type TLSSocket } from 'node:tls';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Answer {
  readonly status: number;
  readonly bytes: number;
  /** Empty for a success unless the request said `keep`. */
  readonly text: string;
}

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');

/** Bytes of one body as they come: `chunk` may be a part of anything. */
type BodySink = (chunk: Buffer) => void;

/** Reads the answers of one connection: heads, then bodies by length or in chunks. */
class AnswerReader {
  #rest: Buffer | undefined;
  /** Bytes of body still to come of this chunk or answer; -1: a head or a chunk's size line comes next. */
  #left = -1;
  #chunked = false;
  #inBody = false;
  readonly #onHead: (status: number) => void;
  readonly #onBody: BodySink;
  readonly #onEnd: () => void;

  constructor(onHead: (status: number) => void, onBody: BodySink, onEnd: () => void) {
    this.#onHead = onHead;
    this.#onBody = onBody;
    this.#onEnd = onEnd;
  }

  read(received: Buffer): void {
    let data = received;
    if (this.#rest !== undefined) {
      data = Buffer.concat([this.#rest, received]);
      this.#rest = undefined;
    }
    let at = 0;
    while (at < data.length) {
      if (this.#left > 0) {
        const end = Math.min(data.length, at + this.#left);
        this.#onBody(data.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#bodyPartEnded();
        continue;
      }
      const next = this.#inBody ? this.#readSize(data, at) : this.#readHead(data, at);
      if (next < 0) {
        this.#rest = data.subarray(at);
        return;
      }
      at = next;
    }
  }

  #bodyPartEnded(): void {
    this.#left = -1;
    if (this.#chunked) return;
    this.#inBody = false;
    this.#onEnd();
  }

  #readHead(data: Buffer, at: number): number {
    const end = data.indexOf(headEnd, at);
    if (end < 0) return -1;
    const head = data.toString('latin1', at, end).toLowerCase();
    this.#onHead(Number(head.slice(9, 12)));
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    this.#chunked = length === undefined && head.includes('\r\ntransfer-encoding: chunked');
    this.#inBody = this.#chunked || Number(length ?? 0) > 0;
    this.#left = this.#chunked || !this.#inBody ? -1 : Number(length);
    if (!this.#inBody) this.#onEnd();
    return end + headEnd.length;
  }

  /** `\r\n` of the chunk before, if any, then the size of the next in hexadecimal. */
  #readSize(data: Buffer, from: number): number {
    const at = data[from] === 0x0d ? from + lineEnd.length : from;
    const end = data.indexOf(lineEnd, at);
    if (end < 0) return -1;
    const size = Number.parseInt(data.toString('latin1', at, end), 16);
    if (size > 0) {
      this.#left = size;
      return end + lineEnd.length;
    }
    if (data.length < end + headEnd.length) return -1;
    this.#inBody = false;
    this.#chunked = false;
    this.#onEnd();
    return end + headEnd.length;
  }
}

export class Connection {
  readonly #socket: TLSSocket;
  readonly #host: string;
  readonly #reader: AnswerReader;
  #status = 0;
  #bytes = 0;
  #kept: Buffer[] = [];
  #keep = false;
  #sink: BodySink | undefined;
  #onHead: (() => void) | undefined;
  #resolve: ((answer: Answer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket, host: string) {
    this.#socket = socket;
    this.#host = host;
    this.#reader = new AnswerReader(
      (status) => this.#head(status),
      (chunk) => this.#body(chunk),
      () => this.#end(),
    );
    socket.on('data', (data: Buffer) => this.#reader.read(data));
    socket.on('error', (error) => this.#reject?.(error));
    socket.on('close', () => this.#reject?.(new Error('The server closed the connection')));
  }

  static open({ host, port, cert, key }: Endpoint): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, cert, key, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket, `${host}:${port}`));
      });
    });
  }

  request(method: string, path: string, body?: string, type = 'application/json', keep = false): Promise<Answer> {
    this.#keep = keep;
    this.#sink = undefined;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#send(method, path, body, type);
    });
  }

  /** A watch: `sink` gets the body as it comes; resolves once the server has begun to answer. */
  watch(path: string, sink: BodySink): Promise<void> {
    this.#sink = sink;
    return new Promise((resolve, reject) => {
      this.#onHead = resolve;
      this.#reject = reject;
      this.#send('GET', path, undefined, '');
    });
  }

  close(): void {
    this.#reject = undefined;
    this.#socket.destroy();
  }

  #send(method: string, path: string, body: string | undefined, type: string): void {
    const start = `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\naccept: application/json\r\n`;
    const about = body === undefined ? '' : `content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
    this.#socket.write(`${start}${about}\r\n${body ?? ''}`);
  }

  #head(status: number): void {
    this.#status = status;
    this.#bytes = 0;
    if (status >= 300) {
      this.#keep = true;
      this.#sink = undefined;
    }
    this.#onHead?.();
    this.#onHead = undefined;
  }

  #body(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#sink !== undefined) this.#sink(chunk);
    else if (this.#keep) this.#kept.push(Buffer.from(chunk));
  }

  #end(): void {
    const text = Buffer.concat(this.#kept).toString();
    this.#kept = [];
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.({ status: this.#status, bytes: this.#bytes, text });
  }
}
