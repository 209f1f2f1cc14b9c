import { Readable } from 'node:stream';
import { requestEntityTooLarge } from '../machinery/status-error.ts';
import type { RequestContext } from './request.ts';

/** Upstream's limit for the body of one request, in bytes. */
export const bodyBytesMax = 3 * 1024 * 1024;

/** A body that is already in memory: what the in-process transport hands over, so that reading it copies nothing. */
export class BufferedBody extends Readable {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.bytes = bytes;
  }

  override _read(): void {
    this.push(this.bytes.length === 0 ? null : this.bytes);
    this.push(null);
  }
}

const emptyBody = Buffer.alloc(0);

/** The whole body. Throws 413 past `limit` bytes, and the abort reason when the client goes away before its end. */
export function readBody(context: Pick<RequestContext, 'body' | 'headers'>, limit = bodyBytesMax): Promise<Buffer> {
  const { body } = context;
  if (body instanceof BufferedBody) {
    return body.bytes.length > limit ? Promise.reject(tooLarge(limit)) : Promise.resolve(body.bytes);
  }
  const declared = Number(context.headers['content-length'] ?? Number.NaN);
  if (declared > limit) return Promise.reject(tooLarge(limit));
  if (declared === 0) {
    body.resume();
    return Promise.resolve(emptyBody);
  }
  return declared === body.readableLength ? Promise.resolve(takeBuffered(body)) : collect(body, limit);
}

/** A small body most often came with its head: then it is all there, and listening for it would cost more than it. */
function takeBuffered(body: Readable): Buffer {
  const bytes: unknown = body.read();
  if (!Buffer.isBuffer(bytes)) throw new Error('The body was taken by another reader');
  // Its end is still to be read, which is what lets the connection go on to the next request.
  body.resume();
  return bytes;
}

function collect(body: Readable, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    body.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        body.removeAllListeners('data');
        body.resume();
        reject(tooLarge(limit));
      } else if (first === undefined) first = chunk;
      else {
        rest ??= [first];
        rest.push(chunk);
      }
    });
    body.once('end', () => resolve(rest === undefined ? (first ?? emptyBody) : Buffer.concat(rest, size)));
    body.once('error', reject);
    body.once('close', () => reject(new Error('The client closed the request before its body ended')));
  });
}

function tooLarge(limit: number): Error {
  return requestEntityTooLarge(`Request entity too large: limit is ${limit}`);
}
