import type { encodeWatchFrame } from '../../api/schema/protobuf-encoding.ts';
import type { JsonObject } from '../../machinery/json.ts';
import type { ResponseStream } from '../request.ts';

const lineEnd = 0x0a;

/** Turns a watch that is written as lines of JSON into protobuf frames, for the rare client that reads nothing else. */
export class ProtobufStream implements ResponseStream {
  readonly #out: ResponseStream;
  readonly #encode: typeof encodeWatchFrame;

  constructor(out: ResponseStream, encode: typeof encodeWatchFrame) {
    this.#out = out;
    this.#encode = encode;
  }

  /** `chunk` holds whole lines. */
  write(chunk: Uint8Array): boolean {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const frames: Buffer[] = [];
    for (let start = 0; start < text.length; ) {
      const end = text.indexOf(lineEnd, start);
      const line = text.subarray(start, end < 0 ? text.length : end).toString();
      start = end < 0 ? text.length : end + 1;
      const { type, object } = JSON.parse(line) as { type: string; object: JsonObject };
      const frame = this.#encode(type, object);
      if (frame !== undefined) frames.push(frame);
    }
    return this.#out.write(Buffer.concat(frames));
  }

  drained(): Promise<void> {
    return this.#out.drained();
  }

  end(): void {
    this.#out.end();
  }
}
