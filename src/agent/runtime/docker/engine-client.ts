import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { RuntimeError, type RuntimeErrorCode } from '../contract.ts';

/** Answers larger than this are refused: nothing the engine says in one JSON document comes near. */
const answerBytesMax = 64 * 1024 * 1024;

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD';
  /** Below the API version, with the query: `/containers/json?all=1`. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Hijacked {
  readonly socket: Socket;
  /** Bytes that came together with the answer's head. */
  readonly head: Buffer;
}

/** The Docker Engine API over its unix socket: keep-alive connections, JSON, streams and upgraded connections. */
export class EngineClient {
  readonly #socketPath: string;
  readonly #prefix: string;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' });

  constructor(options: { socketPath: string; apiVersion: string }) {
    this.#socketPath = options.socketPath;
    this.#prefix = `/v${options.apiVersion}`;
  }

  async json<T>(request: EngineRequest): Promise<T> {
    const text = await this.#text(request);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async send(request: EngineRequest): Promise<void> {
    await this.#text(request);
  }

  async #text(request: EngineRequest): Promise<string> {
    const response = await this.#open(request);
    const text = await readAll(response);
    throwIfFailed(response, text);
    return text;
  }

  /** The body as it comes; the caller ends it by `destroy`. */
  async stream(request: EngineRequest): Promise<IncomingMessage> {
    const response = await this.#open(request);
    if ((response.statusCode ?? 500) >= 300) throwIfFailed(response, await readAll(response));
    return response;
  }

  /** Turns the connection into a raw one (exec, attach). */
  hijack(request: EngineRequest): Promise<Hijacked> {
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        socketPath: this.#socketPath,
        method: request.method,
        path: this.#prefix + request.path,
        agent: false,
        headers: {
          host: 'docker',
          connection: 'Upgrade',
          upgrade: 'tcp',
          ...(payload === undefined
            ? { 'content-length': '0' }
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
        },
      });
      outgoing.on('upgrade', (_response, socket, head) => resolve({ socket: socket as Socket, head }));
      outgoing.on('response', (response) => {
        readAll(response).then((text) => {
          try {
            throwIfFailed(response, text);
            reject(new RuntimeError('other', `Docker did not upgrade the connection of ${request.path}`));
          } catch (error) {
            reject(error);
          }
        }, reject);
      });
      outgoing.on('error', (error) => reject(unavailable(error)));
      outgoing.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(request: EngineRequest): Promise<IncomingMessage> {
    const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        socketPath: this.#socketPath,
        method: request.method,
        path: this.#prefix + request.path,
        agent: this.#agent,
        headers: {
          host: 'docker',
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) }),
          ...request.headers,
        },
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      outgoing.on('response', resolve);
      outgoing.on('error', (error) => {
        // A kept connection that the engine had closed: nothing was read of the request, so it is sent once more.
        if (outgoing.reusedSocket && isReset(error)) this.#open(request).then(resolve, reject);
        else reject(request.signal?.aborted === true ? error : unavailable(error));
      });
      outgoing.end(payload);
    });
  }
}

function isReset(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function unavailable(cause: Error): RuntimeError {
  return new RuntimeError('unavailable', `Docker does not answer: ${cause.message}`, { cause });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerBytesMax) throw new RuntimeError('other', 'Docker answered with too many bytes');
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof RuntimeError ? error : unavailable(error as Error);
  }
  return Buffer.concat(chunks).toString();
}

function throwIfFailed(response: IncomingMessage, text: string): void {
  const status = response.statusCode ?? 500;
  // 304: already started or already stopped, which is what was asked for.
  if (status < 300 || status === 304) return;
  throw new RuntimeError(codeOf(status), messageOf(text, status));
}

function codeOf(status: number): RuntimeErrorCode {
  if (status === 404) return 'notFound';
  if (status === 409) return 'conflict';
  return 'other';
}

function messageOf(text: string, status: number): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string' && message !== '') return message;
  } catch {
    return text.trim() === '' ? `Docker answered with status ${status}` : text.trim();
  }
  return `Docker answered with status ${status}`;
}
