import { createSocket, type Socket as UdpSocket } from 'node:dgram';
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

/** Listens on UDP and TCP; resolves when both do. */
export async function listenDns(options: DnsServerOptions): Promise<{ close(): Promise<void> }> {
  const udp = await listenUdp(options);
  const tcp = await listenTcp(options);
  return {
    async close() {
      await Promise.all([new Promise<void>((resolve) => udp.close(() => resolve())), tcp.close()]);
    },
  };
}

async function listenUdp({ address, port, answerer, logger }: DnsServerOptions): Promise<UdpSocket> {
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
  return socket;
}

async function listenTcp({ address, port, answerer }: DnsServerOptions): Promise<{ close(): Promise<void> }> {
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
