import { constants, createDeflate, createInflate } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';

/** The most that the headers of one stream may unpack to. */
const headerBytesMax = 64 * 1024;

/** Packs and unpacks header blocks. One a session: both directions keep their zlib state between blocks. */
export class HeaderCodec {
  readonly #inflate = createInflate({ dictionary: headerDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  readonly #deflate = createDeflate({ dictionary: headerDictionary() });
  #inflated: Buffer[] = [];
  #deflated: Buffer[] = [];

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => this.#inflated.push(chunk));
    this.#deflate.on('data', (chunk: Buffer) => this.#deflated.push(chunk));
    // Also told to the callback of the write that failed.
    this.#inflate.on('error', () => undefined);
  }

  /** Calls must not overlap. */
  async unpack(block: Buffer): Promise<Map<string, string>> {
    this.#inflated = [];
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject);
      this.#inflate.write(block, () => {
        this.#inflate.flush(constants.Z_SYNC_FLUSH, () => {
          this.#inflate.off('error', reject);
          resolve();
        });
      });
    });
    return parseHeaders(Buffer.concat(this.#inflated));
  }

  /** Calls must not overlap. */
  async pack(headers: ReadonlyMap<string, string>): Promise<Buffer> {
    this.#deflated = [];
    const block = formatHeaders(headers);
    await new Promise<void>((resolve) => {
      this.#deflate.write(block, () => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    });
    return Buffer.concat(this.#deflated);
  }

  close(): void {
    this.#inflate.close();
    this.#deflate.close();
  }
}

function parseHeaders(block: Buffer): Map<string, string> {
  if (block.byteLength > headerBytesMax) throw new Error('SPDY headers are too large');
  const headers = new Map<string, string>();
  let at = 4;
  const next = (): string => {
    const length = block.readUInt32BE(at);
    const start = at + 4;
    at = start + length;
    return block.toString('utf8', start, at);
  };
  for (let count = block.readUInt32BE(0); count > 0; count--) {
    const name = next().toLowerCase();
    headers.set(name, next());
  }
  return headers;
}

function formatHeaders(headers: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [uint32(headers.size)];
  for (const pair of headers) {
    for (const text of pair) {
      const bytes = Buffer.from(text);
      parts.push(uint32(bytes.byteLength), bytes);
    }
  }
  return Buffer.concat(parts);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
