import { createSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../../../machinery/logger.ts';
import type { Answerer } from './answerer.ts';

const connectionsMax = 256;
const idleMs = 10_000;

export interface DnsServerOptions {
  readonly address: string;
  readonly port: number;
  readonly answerer: Answerer;
  readonly logger: Logger;
}

interface Listener {
  close(): Promise<void>;
}

/** DNS on UDP and TCP. An address that is not free (an agent before this one still ends) is tried for again. */
export class NodeDns {
  readonly #options: DnsServerOptions;
  #listeners: readonly Listener[] = [];

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** Listens, unless it does already; a failure is logged, since pods can run without names. */
  async ensure(): Promise<void> {
    if (this.#listeners.length > 0) return;
    const { address, logger } = this.#options;
    const results = await Promise.allSettled([listenUdp(this.#options), listenTcp(this.#options)]);
    const listeners = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure === undefined) {
      this.#listeners = listeners;
      return;
    }
    logger.error({ err: failure.reason, address }, 'Listening for DNS failed');
    await Promise.all(listeners.map((listener) => listener.close()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    this.#listeners = [];
  }
}

async function listenUdp({ address, port, answerer, logger }: DnsServerOptions): Promise<Listener> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (query, from) => {
    // `answer` never throws, and a lost answer is asked for again.
    void answerer.answer(query, false).then((answer) => {
      if (answer !== undefined) socket.send(answer, from.port, from.address, () => undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      socket.on('error', (err) => logger.warn({ err }, 'DNS socket failed'));
      resolve();
    });
  });
  return { close: () => new Promise((resolve) => socket.close(() => resolve())) };
}

async function listenTcp({ address, port, answerer }: DnsServerOptions): Promise<Listener> {
  const connections = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    void serveConnection(socket, answerer);
  });
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

/** Queries one after the other, each with its length before it. */
async function serveConnection(socket: Socket, answerer: Answerer): Promise<void> {
  let received = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      for (let end = frameEnd(received); end !== undefined; end = frameEnd(received)) {
        const answer = await answerer.answer(received.subarray(2, end), true);
        received = received.subarray(end);
        if (answer === undefined) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      }
    }
  } catch {
    // The peer went away; so does what is left of its connection.
    socket.destroy();
  }
}

function frameEnd(received: Buffer): number | undefined {
  if (received.length < 2) return undefined;
  const end = received.readUInt16BE(0) + 2;
  return received.length < end ? undefined : end;
}
