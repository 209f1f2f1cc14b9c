import type { Readable, Writable } from 'node:stream';

/** Writes, and resolves when the stream takes more; rejects when it has closed. Nothing piles up behind a slow reader. */
export function written(stream: Writable, chunk: Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.reject(new Error('The stream is closed'));
  return stream.write(chunk) ? Promise.resolve() : drained(stream);
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.off('drain', settle);
      stream.off('close', settle);
      stream.off('error', settle);
      if (stream.destroyed) reject(new Error('The stream closed while it was written to'));
      else resolve();
    };
    stream.on('drain', settle);
    stream.on('close', settle);
    stream.on('error', settle);
  });
}

/** What arrives, to the end. Unlike plain iteration it leaves the writing half of a duplex open when reading is done. */
export function chunksOf(stream: Readable): AsyncIterable<Buffer> {
  return stream.iterator({ destroyOnReturn: false });
}

/** Copies until `from` ends, then ends `to`. Rejects when either breaks. */
export async function copy(from: Readable, to: Writable): Promise<void> {
  for await (const chunk of chunksOf(from)) await written(to, chunk);
  to.end();
}
