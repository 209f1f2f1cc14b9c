import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, isIP } from 'node:net';
import { decode, type Packet } from 'dns-packet';

/** Per server, in ms. */
const timeoutMs = 2_000;
const serversMax = 3;
/** Questions under way to other servers; more are refused. */
const inFlightMax = 1_000;
const cacheEntriesMax = 2_000;
const cacheSecondsMax = 30;
const negativeCacheSeconds = 5;

interface CachedAnswer {
  readonly answer: Buffer;
  /** ms since the epoch */
  readonly expiresAt: number;
}

export interface ForwarderOptions {
  readonly servers: readonly string[];
  readonly now: () => number;
}

/** Passes on what is not the cluster's to the name servers of the host, as it came, and keeps answers for a moment. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new Map<string, CachedAnswer>();
  #inFlight = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The answer to `query` with its id, or undefined when no server gave one. */
  async forward(query: Buffer, question: { name: string; type: string }, tcp: boolean): Promise<Buffer | undefined> {
    const key = `${question.name.toLowerCase()} ${question.type} ${tcp}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.expiresAt > this.#options.now()) return withId(cached.answer, query);
    if (this.#inFlight >= inFlightMax) return undefined;
    this.#inFlight += 1;
    try {
      const answer = await this.#ask(query, tcp);
      if (answer !== undefined) this.#keep(key, answer);
      return answer;
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #ask(query: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    for (const server of this.#options.servers) {
      const answer = await (tcp ? askTcp(server, query) : askUdp(server, query));
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  #keep(key: string, answer: Buffer): void {
    const seconds = cacheSeconds(answer);
    if (seconds <= 0) return;
    const oldest = this.#cache.size >= cacheEntriesMax ? this.#cache.keys().next().value : undefined;
    if (oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.delete(key);
    this.#cache.set(key, { answer, expiresAt: this.#options.now() + seconds * 1000 });
  }
}

/** The name servers of the host, without those that would bring a question back here. */
export function hostNameServers(ownAddress: string, path = '/etc/resolv.conf'): string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
  return servers.filter((server) => isIP(server) !== 0 && server !== ownAddress).slice(0, serversMax);
}

function askUdp(server: string, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(server) === 6 ? 'udp6' : 'udp4');
    const end = (answer: Buffer | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined).close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(undefined), timeoutMs);
    socket.on('error', () => end(undefined));
    socket.on('message', (message) => {
      if (answers(message, query)) end(message);
    });
    // Connected, so that only this server can answer.
    socket.on('connect', () => socket.send(query));
    socket.connect(53, server);
  });
}

function askTcp(server: string, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port: 53, timeout: timeoutMs });
    let received = Buffer.alloc(0);
    const end = (answer: Buffer | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.on('connect', () => socket.write(Buffer.concat([length, query])));
    socket.on('timeout', () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const wanted = received.length < 2 ? undefined : received.readUInt16BE(0) + 2;
      if (wanted !== undefined && received.length >= wanted) end(received.subarray(2, wanted));
    });
  });
}

function answers(message: Buffer, query: Buffer): boolean {
  return message.length >= 12 && message.readUInt16BE(0) === query.readUInt16BE(0);
}

function withId(answer: Buffer, query: Buffer): Buffer {
  const copy = Buffer.from(answer);
  query.copy(copy, 0, 0, 2);
  return copy;
}

/** Truncated answers and failures are not kept. */
function cacheSeconds(answer: Buffer): number {
  let packet: Packet & { readonly flag_tc?: boolean; readonly rcode?: string };
  try {
    packet = decode(answer);
  } catch {
    return 0;
  }
  if (packet.flag_tc === true) return 0;
  if (packet.rcode === 'NXDOMAIN') return negativeCacheSeconds;
  if (packet.rcode !== 'NOERROR') return 0;
  const ttls = (packet.answers ?? []).map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0));
  return ttls.length === 0 ? negativeCacheSeconds : Math.min(cacheSecondsMax, ...ttls);
}
