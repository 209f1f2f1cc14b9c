import { Duplex } from 'node:stream';
import { written } from '../../../tunnel/writing.ts';
import { HeaderCodec } from './header-codec.ts';

const version = 0x8003;
const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;
const finFlag = 1;
const frameHeaderBytes = 8;
const frameBytesMax = 1024 * 1024;
const streamsMax = 1024;
/** How much of one stream is kept while its reader is busy; then the whole connection waits, as nothing finer exists. */
const streamBufferBytes = 256 * 1024;

/**
 * The server's end of SPDY/3.1 as kubectl speaks it: streams that the client opens, with no flow control on what is
 * sent (client-go's library sends no window updates), so that the connection itself carries the back-pressure.
 */
export class SpdySession {
  readonly #socket: Duplex;
  readonly #headers = new HeaderCodec();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #onStream: (stream: SpdyStream) => void;

  constructor(socket: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#socket = socket;
    this.#onStream = onStream;
  }

  /** Reads until the connection ends; rejects when it breaks or speaks something else. */
  async run(): Promise<void> {
    try {
      let rest: Buffer = Buffer.alloc(0);
      for await (const chunk of this.#socket as AsyncIterable<Buffer>) {
        rest = await this.#consume(rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]));
      }
    } finally {
      for (const stream of this.#streams.values()) stream.destroy();
      this.#streams.clear();
      this.#headers.close();
    }
  }

  /** Says goodbye and closes once everything is written. */
  close(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    const payload = Buffer.alloc(8);
    this.#socket.end(Buffer.concat([controlHeader(frameTypes.goAway, payload.byteLength), payload]));
  }

  sendData(id: number, payload: Buffer, fin: boolean): Promise<void> {
    const header = Buffer.alloc(frameHeaderBytes);
    header.writeUInt32BE(id, 0);
    header.writeUInt8(fin ? finFlag : 0, 4);
    header.writeUIntBE(payload.byteLength, 5, 3);
    if (payload.byteLength === 0) return written(this.#socket, header);
    if (this.#socket.destroyed || this.#socket.writableEnded) return Promise.reject(new Error('The session is closed'));
    this.#socket.cork();
    this.#socket.write(header);
    const done = written(this.#socket, payload);
    this.#socket.uncork();
    return done;
  }

  forget(id: number): void {
    this.#streams.delete(id);
  }

  async #consume(data: Buffer): Promise<Buffer> {
    let at = 0;
    while (data.byteLength - at >= frameHeaderBytes) {
      const length = data.readUIntBE(at + 5, 3);
      if (length > frameBytesMax) throw new Error(`SPDY frame of ${length} bytes is too large`);
      const end = at + frameHeaderBytes + length;
      if (data.byteLength < end) break;
      const payload = data.subarray(at + frameHeaderBytes, end);
      const flags = data.readUInt8(at + 4);
      if ((data.readUInt8(at) & 0x80) === 0) await this.#data(data.readUInt32BE(at), payload, flags);
      else await this.#control(data.readUInt16BE(at + 2), payload, flags);
      at = end;
    }
    return data.subarray(at);
  }

  async #data(id: number, payload: Buffer, flags: number): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (payload.byteLength > 0) {
      await stream.receive(payload);
      await this.#sendWindowUpdate(id, payload.byteLength);
    }
    if ((flags & finFlag) !== 0) stream.receiveEnd();
  }

  async #control(type: number, payload: Buffer, flags: number): Promise<void> {
    switch (type) {
      case frameTypes.synStream:
        return this.#open(payload, flags);
      case frameTypes.rstStream:
        this.#streams.get(payload.readUInt32BE(0))?.destroy();
        return;
      case frameTypes.ping:
        // Odd ids are the client's; it wants them back.
        if ((payload.readUInt32BE(0) & 1) === 1) await this.#send(frameTypes.ping, payload);
        return;
      case frameTypes.headers:
        await this.#headers.unpack(payload.subarray(4));
        if ((flags & finFlag) !== 0) this.#streams.get(payload.readUInt32BE(0) & 0x7fffffff)?.receiveEnd();
        return;
    }
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const headers = await this.#headers.unpack(payload.subarray(10));
    if (this.#streams.size >= streamsMax) throw new Error('Too many SPDY streams on one connection');
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    const reply = Buffer.alloc(4);
    reply.writeUInt32BE(id);
    await this.#send(frameTypes.synReply, Buffer.concat([reply, await this.#headers.pack(new Map())]));
    this.#onStream(stream);
    if ((flags & finFlag) !== 0) stream.receiveEnd();
  }

  #sendWindowUpdate(id: number, bytes: number): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(id, 0);
    payload.writeUInt32BE(bytes, 4);
    return this.#send(frameTypes.windowUpdate, payload);
  }

  #send(type: number, payload: Buffer): Promise<void> {
    return written(this.#socket, Buffer.concat([controlHeader(type, payload.byteLength), payload]));
  }
}

export class SpdyStream extends Duplex {
  readonly id: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly #session: SpdySession;
  #wake: (() => void) | undefined;

  constructor(session: SpdySession, id: number, headers: ReadonlyMap<string, string>) {
    super({ allowHalfOpen: true, readableHighWaterMark: streamBufferBytes });
    this.#session = session;
    this.id = id;
    this.headers = headers;
    this.on('error', () => undefined); // Whoever reads or writes is told by the close.
  }

  /** Resolves when there is room for more. */
  async receive(payload: Buffer): Promise<void> {
    if (this.destroyed || this.readableEnded || this.push(payload)) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  receiveEnd(): void {
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#session.sendData(this.id, chunk, false).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#session.sendData(this.id, Buffer.alloc(0), true).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#session.forget(this.id);
    this._read();
    done(error);
  }
}

function controlHeader(type: number, length: number): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt16BE(version, 0);
  header.writeUInt16BE(type, 2);
  header.writeUIntBE(length, 5, 3);
  return header;
}
