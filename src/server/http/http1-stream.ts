import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ResponseStream } from '../request.ts';

/** Bytes that may wait for one client before it counts as behind. */
const bufferedBytesMax = 256 * 1024;

/** Bytes of small pieces that are written as one chunk. */
const joinedBytes = 256 * 1024;
/** The size line of a joined chunk: as many digits as `joinedBytes` needs, filled up with zeros. */
const sizeDigits = 6;
const sizeLineBytes = sizeDigits + 2;
const lineEnd = '\r\n';

/** The chunk framed last: a fan-out hands the same chunk to every watcher in one go, and it is framed once. */
let last: { readonly chunk: Uint8Array; readonly framed: Buffer } | undefined;

/** A chunk with its size line, as HTTP/1.1 wants it. */
function framed(chunk: Uint8Array): Buffer {
  if (last?.chunk === chunk) return last.framed;
  const size = `${chunk.length.toString(16)}\r\n`;
  const result = Buffer.allocUnsafeSlow(size.length + chunk.length + 2);
  result.write(size, 0, 'latin1');
  result.set(chunk, size.length);
  result.write('\r\n', size.length + chunk.length, 'latin1');
  // Nothing is awaited within a fan-out, so what comes after this turn frames anew.
  if (last === undefined) queueMicrotask(forgetLast);
  last = { chunk, framed: result };
  return result;
}

function forgetLast(): void {
  last = undefined;
}

/**
 * A chunked answer written past node's ServerResponse, which would write four pieces for a chunk and have all of them
 * copied into one before encryption. Node still writes the head and the end.
 */
export class Http1Stream implements ResponseStream {
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  #waiting: Promise<void> | undefined;

  /** The head must be on its way, and the connection this answer's alone. */
  constructor(response: ServerResponse, socket: Socket) {
    this.#response = response;
    this.#socket = socket;
  }

  write(chunk: Uint8Array): boolean {
    const socket = this.#socket;
    if (chunk.length === 0 || this.#isOver()) return true;
    socket.write(framed(chunk));
    return socket.writableLength < bufferedBytesMax;
  }

  /** Joins the pieces in one buffer that is used again and again, since a large answer would fill the heap with them. */
  async writePieces(pieces: readonly Uint8Array[]): Promise<void> {
    const joined = Buffer.allocUnsafeSlow(sizeLineBytes + joinedBytes + lineEnd.length);
    const room = sizeLineBytes + joinedBytes;
    let end = sizeLineBytes;
    for (const piece of pieces) {
      if (end + piece.length > room) {
        await this.#flushJoined(joined, end);
        end = sizeLineBytes;
      }
      if (piece.length > joinedBytes) await this.#written(framed(piece));
      else {
        joined.set(piece, end);
        end += piece.length;
      }
      if (this.#isOver()) return;
    }
    await this.#flushJoined(joined, end);
  }

  /** Also resolves when the peer goes away; the request's signal says so. */
  drained(): Promise<void> {
    const socket = this.#socket;
    if (this.#isOver() || !socket.writableNeedDrain) return Promise.resolve();
    this.#waiting ??= new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        this.#waiting = undefined;
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
    return this.#waiting;
  }

  end(): void {
    if (!this.#response.destroyed) this.#response.end();
  }

  async #flushJoined(joined: Buffer, end: number): Promise<void> {
    const size = end - sizeLineBytes;
    if (size === 0) return;
    joined.write(size.toString(16).padStart(sizeDigits, '0') + lineEnd, 0, 'latin1');
    joined.write(lineEnd, end, 'latin1');
    await this.#written(joined.subarray(0, end + lineEnd.length));
  }

  /** Resolves when the bytes are no longer needed; a write that fails ends the connection, which `#isOver` tells. */
  #written(bytes: Buffer): Promise<void> {
    if (this.#isOver()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.write(bytes, () => resolve());
    });
  }

  #isOver(): boolean {
    return this.#response.destroyed || this.#response.writableEnded || this.#socket.destroyed;
  }
}
