import type { ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { channels, type ExitReport, readFrames, type TerminalSize, writeFrame } from '../../tunnel/frames.ts';
import { written } from '../../tunnel/writing.ts';
import type { ExecSession } from '../runtime/contract.ts';
import { type PodRequest, runningContainer } from './pod-request.ts';

export async function serveExec(request: PodRequest): Promise<void> {
  const { containerId } = runningContainer(request);
  const { query, runtime } = request;
  const session = await runtime.exec(containerId, {
    command: query.getAll('command'),
    tty: query.get('tty') === 'true',
    stdin: query.get('stdin') === 'true',
  });
  await bridge(request, session);
}

export async function serveAttach(request: PodRequest): Promise<void> {
  const { containerId, tty, stdin } = runningContainer(request);
  const session = await request.runtime.attach(containerId, {
    tty,
    stdin: stdin && request.query.get('stdin') === 'true',
  });
  await bridge(request, session);
}

/** Output goes out as fast as the server takes it; input is read as fast as the process takes it. */
async function bridge({ stream, query, signal }: PodRequest, session: ExecSession): Promise<void> {
  stream.respond({ ':status': 200, 'content-type': 'application/octet-stream' });
  const close = (): void => session.close();
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
  // When the process dies with input still coming, the rest of it has no reader and its loss is no failure.
  const input = feedInput(stream, session).catch(() => undefined);
  try {
    const outputs = Promise.all([
      sendOutput(stream, channels.stdout, session.stdout, query.get('stdout') === 'true'),
      sendOutput(stream, channels.stderr, session.stderr, query.get('stderr') === 'true'),
    ]);
    // Awaited below; a server that goes away before the process ends must not count as unhandled until then.
    outputs.catch(() => undefined);
    const report = await reportOf(session);
    await outputs;
    await writeFrame(stream, channels.exit, Buffer.from(JSON.stringify(report)));
    stream.end();
  } finally {
    signal.removeEventListener('abort', close);
    session.close();
  }
  stream.resume();
  await input;
}

async function reportOf(session: ExecSession): Promise<ExitReport> {
  try {
    return { exitCode: await session.exitCode };
  } catch (error) {
    return { exitCode: -1, error: error instanceof Error ? error.message : String(error) };
  }
}

/** Output that nobody asked for is read and dropped, or the process would block on it. */
async function sendOutput(stream: ServerHttp2Stream, channel: number, from: Readable, wanted: boolean): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) if (wanted) await writeFrame(stream, channel, chunk);
}

async function feedInput(stream: ServerHttp2Stream, session: ExecSession): Promise<void> {
  await readFrames(stream, async (channel, payload) => {
    switch (channel) {
      case channels.stdin:
        if (session.stdin !== undefined) await written(asWritable(session.stdin), payload);
        break;
      case channels.stdinEnd:
        session.stdin?.end();
        break;
      case channels.resize: {
        const { columns, rows } = JSON.parse(payload.toString()) as TerminalSize;
        await session.resize(columns, rows).catch(() => undefined); // The process may just have ended.
        break;
      }
    }
  });
}

function asWritable(stream: NodeJS.WritableStream): import('node:stream').Writable {
  return stream as import('node:stream').Writable;
}
