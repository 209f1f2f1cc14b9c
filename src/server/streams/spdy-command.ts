import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Status } from '../../machinery/meta-types.generated.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { chunksOf, written } from '../../tunnel/writing.ts';
import type { RequestContext } from '../request.ts';
import { type CommandClient, type CommandInput, type CommandStreams, parseTerminalSize } from './command-client.ts';
import { SpdySession, type SpdyStream } from './spdy/session.ts';
import { negotiate, switchProtocols, takeSocket } from './upgrade.ts';

const protocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];

const streamsTimeoutMs = 30_000;
/** How long the client may take to close after it was told the end. */
const closeTimeoutMs = 10_000;
/** One size is a few dozen bytes; a client that never ends its line is cut off. */
const resizeLineMax = 1024;

/** exec and attach over SPDY/3.1: the client opens one stream for each of error, stdin, stdout, stderr and resize. */
export async function acceptSpdyCommand(context: RequestContext, streams: CommandStreams): Promise<CommandClient> {
  const offered = context.headers['x-stream-protocol-version'];
  const protocol = offered === undefined ? 'channel.k8s.io' : negotiate(offered, protocols);
  if (protocol === undefined)
    throw badRequest(`unable to upgrade: unable to negotiate protocol: client supports ${String(offered)}`);
  const withResize = streams.tty && protocol !== 'channel.k8s.io' && protocol !== 'v2.channel.k8s.io';
  const wanted = new Set(
    [
      'error',
      streams.stdin ? 'stdin' : '',
      streams.stdout ? 'stdout' : '',
      streams.stderr && !streams.tty ? 'stderr' : '',
      withResize ? 'resize' : '',
    ].filter((type) => type !== ''),
  );
  const socket = takeSocket(context);
  await switchProtocols(socket, 'SPDY/3.1', { 'X-Stream-Protocol-Version': protocol });
  const opened = await openedStreams(socket, wanted);
  return new SpdyCommandClient({ socket, protocol, ...opened });
}

interface OpenedStreams {
  readonly session: SpdySession;
  readonly streams: ReadonlyMap<string, SpdyStream>;
  readonly closed: AbortSignal;
}

async function openedStreams(socket: Duplex, wanted: ReadonlySet<string>): Promise<OpenedStreams> {
  const streams = new Map<string, SpdyStream>();
  const gone = new AbortController();
  const complete = Promise.withResolvers<void>();
  const session = new SpdySession(socket, (stream) => {
    const type = stream.headers.get('streamtype') ?? '';
    if (!wanted.has(type) || streams.has(type)) {
      stream.destroy();
      return;
    }
    streams.set(type, stream);
    if (streams.size === wanted.size) complete.resolve();
  });
  const ended = (): void => {
    gone.abort(new Error('The client has gone away'));
    complete.reject(new Error('The connection closed before all streams were opened'));
    socket.destroy();
  };
  session.run().then(ended, ended);
  const timeout = setTimeout(() => {
    complete.reject(new Error('The client did not open all streams in time'));
    socket.destroy();
  }, streamsTimeoutMs);
  try {
    await complete.promise;
  } finally {
    clearTimeout(timeout);
  }
  return { session, streams, closed: gone.signal };
}

class SpdyCommandClient implements CommandClient {
  readonly closed: AbortSignal;
  readonly #socket: Duplex;
  readonly #session: SpdySession;
  readonly #streams: ReadonlyMap<string, SpdyStream>;
  readonly #statusAsJson: boolean;

  constructor(options: OpenedStreams & { readonly socket: Duplex; readonly protocol: string }) {
    this.closed = options.closed;
    this.#socket = options.socket;
    this.#session = options.session;
    this.#streams = options.streams;
    this.#statusAsJson = options.protocol.startsWith('v4') || options.protocol.startsWith('v5');
  }

  onInput(accept: (input: CommandInput) => Promise<void>): void {
    const stdin = this.#streams.get('stdin');
    const resize = this.#streams.get('resize');
    // Input that can no longer be delivered is dropped: the command has ended, or the client has.
    if (stdin !== undefined) readStdin(stdin, accept).catch(() => stdin.resume());
    if (resize !== undefined) readSizes(resize, accept).catch(() => resize.resume());
  }

  async write(channel: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    const stream = this.#streams.get(channel);
    if (stream !== undefined) await written(stream, chunk);
  }

  async finish(status: Status): Promise<void> {
    const error = this.#streams.get('error');
    const text = this.#statusAsJson
      ? JSON.stringify(status)
      : status.status === 'Success'
        ? ''
        : (status.message ?? '');
    this.#streams.get('stdout')?.end();
    this.#streams.get('stderr')?.end();
    if (text === '') error?.end();
    else error?.end(Buffer.from(text));
    await Promise.race([
      new Promise<void>((resolve) => this.closed.addEventListener('abort', () => resolve(), { once: true })),
      delay(closeTimeoutMs, undefined, { signal: this.closed }).catch(() => undefined),
    ]);
    this.#socket.once('finish', () => this.#socket.destroy());
    this.#session.close();
  }
}

async function readStdin(stdin: SpdyStream, accept: (input: CommandInput) => Promise<void>): Promise<void> {
  for await (const chunk of chunksOf(stdin)) await accept({ type: 'stdin', chunk });
  await accept({ type: 'stdinEnd' });
}

async function readSizes(resize: SpdyStream, accept: (input: CommandInput) => Promise<void>): Promise<void> {
  let line = '';
  for await (const chunk of chunksOf(resize)) {
    line += chunk.toString();
    let end = line.indexOf('}');
    while (end >= 0) {
      const size = parseTerminalSize(line.slice(0, end + 1));
      if (size !== undefined) await accept({ type: 'resize', size });
      line = line.slice(end + 1);
      end = line.indexOf('}');
    }
    if (line.length > resizeLineMax) throw new Error('Terminal size is too long');
  }
}
