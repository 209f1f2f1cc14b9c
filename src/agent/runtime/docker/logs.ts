import type { LogLine, LogOptions } from '../contract.ts';
import type { EngineClient } from './engine-client.ts';
import { FrameDecoder } from './stdcopy.ts';

/** Docker cuts at 16 KiB itself; this bounds a line when it does not. */
const lineBytesMax = 1024 * 1024;
const newline = 0x0a;

export async function* readLogs(
  engine: EngineClient,
  containerId: string,
  tty: boolean,
  options: LogOptions,
  signal: AbortSignal,
): AsyncIterable<LogLine> {
  const query = new URLSearchParams({
    stdout: options.stream === 'stderr' ? '0' : '1',
    stderr: options.stream === 'stdout' ? '0' : '1',
    timestamps: '1',
    follow: options.follow ? '1' : '0',
  });
  if (options.tailLines !== undefined) query.set('tail', String(options.tailLines));
  if (options.since !== undefined) query.set('since', (options.since / 1000).toFixed(3));
  const path = `/containers/${containerId}/logs?${query}`;
  const body = await engine.stream({ method: 'GET', path, signal });
  const decoder = new FrameDecoder();
  const cutters = { stdout: new LineCutter(), stderr: new LineCutter() };
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const frames = tty ? [{ stream: 'stdout' as const, payload: chunk }] : decoder.decode(chunk);
      for (const { stream, payload } of frames) {
        for (const line of cutters[stream].cut(payload)) yield { stream, ...splitTime(line) };
      }
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      const last = cutters[stream].rest();
      if (last.length > 0) yield { stream, ...splitTime(last) };
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    body.destroy();
  }
}

class LineCutter {
  #held: Buffer[] = [];
  #size = 0;

  *cut(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      yield this.#take(chunk.subarray(start, end + 1));
      start = end + 1;
    }
    if (start === chunk.length) return;
    this.#held.push(chunk.subarray(start));
    this.#size += chunk.length - start;
    if (this.#size > lineBytesMax) yield this.rest();
  }

  rest(): Buffer {
    return this.#take(Buffer.alloc(0));
  }

  #take(tail: Buffer): Buffer {
    if (this.#held.length === 0) return tail;
    const whole = Buffer.concat([...this.#held, tail]);
    this.#held = [];
    this.#size = 0;
    return whole;
  }
}

function splitTime(line: Buffer): { time: string; content: Buffer } {
  const space = line.indexOf(0x20);
  if (space < 0) return { time: '', content: line };
  return { time: line.toString('latin1', 0, space), content: line.subarray(space + 1) };
}
