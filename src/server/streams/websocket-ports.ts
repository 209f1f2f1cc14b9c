import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { chunksOf, written } from '../../tunnel/writing.ts';
import type { OpenPort } from './port-forward.ts';
import { sendMessage } from './upgrade.ts';

export interface PortChannelsOptions {
  readonly webSocket: WebSocket;
  readonly base64: boolean;
  readonly ports: readonly number[];
  readonly openPort: OpenPort;
  readonly signal: AbortSignal;
}

/**
 * The older port-forward over WebSocket: one connection a port, port `i` with its data on channel `2i` and its errors on
 * `2i+1`; each channel opens with the port's number, little-endian.
 */
export async function servePortChannels({
  webSocket,
  base64,
  ports,
  openPort,
  signal,
}: PortChannelsOptions): Promise<void> {
  const send = (channel: number, chunk: Buffer): Promise<void> =>
    sendMessage(
      webSocket,
      base64 ? `${channel}${chunk.toString('base64')}` : Buffer.concat([Buffer.from([channel]), chunk]),
    );
  const closed = new Promise<void>((resolve) => webSocket.once('close', () => resolve()));
  webSocket.pause();
  const connections = new Map<number, Duplex>();
  const outputs: Promise<void>[] = [];
  for (const [index, port] of ports.entries()) {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    await send(index * 2, number);
    await send(index * 2 + 1, number);
    try {
      const connection = await openPort(port, signal);
      connections.set(index * 2, connection);
      outputs.push(forwardOutput(connection, (chunk) => send(index * 2, chunk)));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await send(index * 2 + 1, Buffer.from(`error forwarding port ${port} to pod: ${why}`));
    }
  }
  forwardInput(webSocket, base64, connections);
  webSocket.resume();
  await Promise.race([closed, Promise.all(outputs)]);
  for (const connection of connections.values()) connection.destroy();
  webSocket.close(1000);
  webSocket.resume();
  await closed;
}

/** A connection that breaks has ended; nobody is left to tell. */
async function forwardOutput(connection: Duplex, send: (chunk: Buffer) => Promise<void>): Promise<void> {
  try {
    for await (const chunk of chunksOf(connection)) await send(chunk);
  } catch {
    connection.destroy();
  }
}

function forwardInput(webSocket: WebSocket, base64: boolean, connections: ReadonlyMap<number, Duplex>): void {
  let pending = 0;
  let handling = Promise.resolve();
  webSocket.on('message', (message: Buffer) => {
    if (message.byteLength === 0) return;
    const connection = connections.get(base64 ? message.readUInt8(0) - 0x30 : message.readUInt8(0));
    if (connection === undefined) return;
    const chunk = base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    pending++;
    webSocket.pause();
    handling = handling
      .then(() => written(connection, chunk))
      .catch(() => undefined) // The pod has closed its end; what still comes has no reader.
      .then(() => {
        pending--;
        if (pending === 0) webSocket.resume();
      });
  });
}
