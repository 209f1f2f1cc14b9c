import type { KubeObject } from '../machinery/meta.ts';
import type { Status } from '../machinery/meta-types.generated.ts';
import { ApiError } from '../machinery/status-error.ts';
import type { WatchEvent } from './contract.ts';

/** One event longer than this is not an object of ours: the stream is broken. */
const frameBytesMax = 64 * 1024 * 1024;
const newline = 10;

/**
 * Reads the body of a watch: one JSON event a line, cut anywhere by the transport. Half a line at the end is dropped,
 * since the stream broke and whoever resumes gets the event again. An ERROR event is thrown as the ApiError it carries.
 */
export async function* decodeWatch<T extends KubeObject>(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const bytes of body) {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end < 0) break;
      let line = chunk.toString('utf8', start, end);
      if (restBytes > 0) {
        // Joined as bytes: a cut can fall inside a character.
        line = Buffer.concat([...rest, chunk.subarray(start, end)]).toString('utf8');
        rest = [];
        restBytes = 0;
      }
      start = end + 1;
      if (line !== '') yield parseEvent<T>(line);
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      restBytes += chunk.length - start;
      if (restBytes > frameBytesMax) throw new Error(`A watch event is longer than ${frameBytesMax} bytes`);
    }
  }
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const event = JSON.parse(line) as { type: string; object: unknown };
  if (event.type === 'ERROR') throw new ApiError(event.object as Status);
  return event as WatchEvent<T>;
}
