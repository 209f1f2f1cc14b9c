import type { WebSocket } from 'ws';
import type { Status } from '../../machinery/meta-types.generated.ts';
import type { RequestContext } from '../request.ts';
import { type CommandClient, type CommandInput, type CommandStreams, parseTerminalSize } from './command-client.ts';
import { acceptWebSocket, sendMessage } from './upgrade.ts';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

const protocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
];

/** How long the client may take to close after it was told the end. */
const closeTimeoutMs = 10_000;

/** Upstream's channel protocols over WebSocket: the first byte (or digit, in base64) of a message is its channel. */
export async function acceptWebSocketCommand(context: RequestContext, streams: CommandStreams): Promise<CommandClient> {
  const { webSocket, protocol } = await acceptWebSocket(context, protocols);
  const client = new WebSocketCommandClient(webSocket, protocol);
  // An empty message tells the client that the command is under way.
  const first = streams.stdout ? channels.stdout : streams.stderr ? channels.stderr : channels.error;
  await client.send(first, Buffer.alloc(0));
  return client;
}

class WebSocketCommandClient implements CommandClient {
  readonly closed: AbortSignal;
  readonly #webSocket: WebSocket;
  readonly #base64: boolean;
  readonly #statusAsJson: boolean;
  #pending = 0;
  #handling = Promise.resolve();

  constructor(webSocket: WebSocket, protocol: string) {
    this.#webSocket = webSocket;
    this.#base64 = protocol.includes('base64');
    this.#statusAsJson = protocol.startsWith('v');
    const gone = new AbortController();
    this.closed = gone.signal;
    webSocket.once('close', () => gone.abort(new Error('The client has gone away')));
    webSocket.pause();
  }

  onInput(accept: (input: CommandInput) => Promise<void>): void {
    this.#webSocket.on('message', (message: Buffer) => {
      const input = this.#inputOf(message);
      if (input === undefined) return;
      this.#pending++;
      this.#webSocket.pause();
      this.#handling = this.#handling
        .then(() => accept(input))
        .catch(() => undefined) // Whoever takes the input has ended; what still comes has no reader.
        .then(() => {
          this.#pending--;
          if (this.#pending === 0) this.#webSocket.resume();
        });
    });
    this.#webSocket.resume();
  }

  write(channel: 'stdout' | 'stderr', chunk: Buffer): Promise<void> {
    return this.send(channels[channel], chunk);
  }

  async finish(status: Status): Promise<void> {
    if (this.#statusAsJson) await this.send(channels.error, Buffer.from(JSON.stringify(status)));
    else if (status.status !== 'Success') await this.send(channels.error, Buffer.from(status.message ?? ''));
    this.#webSocket.close(1000);
    const timer = setTimeout(() => this.#webSocket.terminate(), closeTimeoutMs);
    this.#webSocket.once('close', () => clearTimeout(timer));
    // The client's answer to the close must be read.
    this.#webSocket.resume();
  }

  send(channel: number, chunk: Buffer): Promise<void> {
    if (this.#base64) return sendMessage(this.#webSocket, `${channel}${chunk.toString('base64')}`);
    const message = Buffer.allocUnsafe(chunk.byteLength + 1);
    message.writeUInt8(channel, 0);
    chunk.copy(message, 1);
    return sendMessage(this.#webSocket, message);
  }

  #inputOf(message: Buffer): CommandInput | undefined {
    if (message.byteLength === 0) return undefined;
    const channel = this.#base64 ? message.readUInt8(0) - 0x30 : message.readUInt8(0);
    const payload = this.#base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (channel === channels.stdin) return payload.byteLength === 0 ? undefined : { type: 'stdin', chunk: payload };
    if (channel === channels.close) return payload[0] === channels.stdin ? { type: 'stdinEnd' } : undefined;
    if (channel !== channels.resize) return undefined;
    const size = parseTerminalSize(payload.toString());
    return size === undefined ? undefined : { type: 'resize', size };
  }
}
