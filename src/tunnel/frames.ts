import type { Readable, Writable } from 'node:stream';
import { chunksOf, written } from './writing.ts';

/**
 * How exec and attach share one stream of the tunnel: frames of `[channel u8][length u32 big-endian][payload]`.
 * From the server come stdin, its end and sizes of the terminal; from the host come stdout, stderr and, last, the exit.
 */
export const channels = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** JSON `ExitReport`; the host ends the stream after it. */
  exit: 3,
  /** JSON `TerminalSize` */
  resize: 4,
  /** No payload: stdin has ended. */
  stdinEnd: 5,
} as const;

export interface ExitReport {
  readonly exitCode: number;
  /** The command could not be run to its end; the exit code says nothing. */
  readonly error?: string;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

const headerBytes = 5;
/** The largest control frame (exit, resize) that is read. */
const controlBytesMax = 64 * 1024;

/** Resolves when the stream takes more; rejects when it is closed. */
export function writeFrame(stream: Writable, channel: number, payload: Uint8Array): Promise<void> {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt8(channel, 0);
  header.writeUInt32BE(payload.byteLength, 1);
  if (payload.byteLength === 0) return written(stream, header);
  stream.cork();
  stream.write(header);
  const done = written(stream, payload);
  stream.uncork();
  return done;
}

/**
 * Hands over what arrives, in order, and reads on only when `accept` has resolved. Stdin, stdout and stderr come in the
 * pieces in which they arrive, so that nothing is gathered; the other channels come as whole frames.
 */
export async function readFrames(
  stream: Readable,
  accept: (channel: number, payload: Buffer) => Promise<void> | void,
): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  let channel = -1;
  let remaining = 0;
  for await (const chunk of chunksOf(stream)) {
    let data = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = Buffer.alloc(0);
    for (;;) {
      if (channel < 0) {
        if (data.byteLength < headerBytes) break;
        channel = data.readUInt8(0);
        remaining = data.readUInt32BE(1);
        data = data.subarray(headerBytes);
        if (!isData(channel) && remaining > controlBytesMax)
          throw new Error(`Frame of ${remaining} bytes is too large`);
      }
      if (isData(channel)) {
        const piece = data.subarray(0, remaining);
        if (piece.byteLength > 0) await accept(channel, piece);
        remaining -= piece.byteLength;
        data = data.subarray(piece.byteLength);
        if (remaining > 0) break;
      } else {
        if (data.byteLength < remaining) break;
        await accept(channel, data.subarray(0, remaining));
        data = data.subarray(remaining);
      }
      channel = -1;
    }
    rest = data;
  }
}

function isData(channel: number): boolean {
  return channel <= channels.stderr;
}
