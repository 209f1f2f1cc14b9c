/** One frame of the stream Docker multiplexes stdout and stderr into when there is no tty. */
export interface OutputFrame {
  readonly stream: 'stdout' | 'stderr';
  readonly payload: Buffer;
}

const headerBytes = 8;

/**
 * Cuts Docker's multiplexed stream: a header of one byte stream number, three zero bytes, four bytes length, then the
 * payload. A large frame is handed on in the pieces in which it comes, so nothing is held but half a header.
 */
export class FrameDecoder {
  #header = Buffer.alloc(0);
  #left = 0;
  #stream: OutputFrame['stream'] = 'stdout';

  decode(chunk: Buffer): OutputFrame[] {
    const frames: OutputFrame[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, offset + this.#left);
        frames.push({ stream: this.#stream, payload: chunk.subarray(offset, end) });
        this.#left -= end - offset;
        offset = end;
        continue;
      }
      const wanted = headerBytes - this.#header.length;
      this.#header = Buffer.concat([this.#header, chunk.subarray(offset, offset + wanted)]);
      offset += wanted;
      if (this.#header.length < headerBytes) break;
      this.#stream = this.#header[0] === 2 ? 'stderr' : 'stdout';
      this.#left = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    return frames;
  }
}
