import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { Client } from '../client/contract.ts';
import { silentLogger } from '../machinery/logger.ts';
import { notFound } from '../machinery/status-error.ts';
import { channels, readFrames, writeFrame } from './frames.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { dialServer, type TunnelHandler } from './host-end.ts';

interface Tunnel {
  readonly gateway: Gateway;
  /** The server's ends of all connections so far. */
  readonly sockets: Socket[];
  readonly signal: AbortSignal;
}

/** A host `n1` that dials in over real sockets, without the HTTP upgrade before it. */
async function tunnel(t: TestContext, handler: TunnelHandler): Promise<Tunnel> {
  const gateway = createGateway({ logger: silentLogger });
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    gateway.accept('n1', socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = new AbortController();
  const client = {
    upgrade: async () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    },
  } as unknown as Client;
  const dialled = dialServer({ client, hostName: 'n1', handler, logger: silentLogger, signal: stop.signal });
  t.after(async () => {
    stop.abort();
    await dialled;
    gateway.close();
    server.close();
  });
  await until(() => gateway.isConnected('n1'));
  return { gateway, sockets, signal: stop.signal };
}

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    if (holds()) return;
    await delay(10);
  }
  assert.fail('never held');
}

const echo: TunnelHandler = (stream, headers) => {
  stream.respond({ ':status': 200, 'x-path': String(headers[':path']) });
  stream.pipe(stream);
};

describe('tunnel', { timeout: 20_000 }, () => {
  it('carries requests both ways, many at once', async (t) => {
    const { gateway, signal } = await tunnel(t, echo);
    const sizes = [0, 1, 70_000, 3_000_000];
    await Promise.all(
      sizes.map(async (size) => {
        const { headers, stream } = await gateway.open('n1', { method: 'POST', path: `/x/${size}`, signal });
        assert.equal(headers['x-path'], `/x/${size}`);
        stream.end(Buffer.alloc(size, 1));
        let bytes = 0;
        for await (const chunk of stream) bytes += (chunk as Buffer).byteLength;
        assert.equal(bytes, size);
      }),
    );
  });

  it('answers 503 for a host that is not there and passes on what a host refuses', async (t) => {
    const { gateway, signal } = await tunnel(t, (stream) => {
      const { status, code } = notFound({ group: '', resource: 'pods' }, 'x');
      stream.respond({ ':status': code });
      stream.end(JSON.stringify(status));
    });
    await assert.rejects(gateway.open('n2', { method: 'GET', path: '/', signal }), {
      code: 503,
      message: 'host "n2" is not connected',
    });
    await assert.rejects(gateway.open('n1', { method: 'GET', path: '/', signal }), {
      code: 404,
      message: 'pods "x" not found',
    });
  });

  it('dials again after a loss', async (t) => {
    const { gateway, sockets, signal } = await tunnel(t, echo);
    sockets[0]?.destroy();
    await until(() => sockets.length === 2 && gateway.isConnected('n1'));
    const { stream } = await gateway.open('n1', { method: 'POST', path: '/', signal });
    stream.end('again');
    assert.equal(String((await once(stream, 'data'))[0]), 'again');
  });

  it('lets a newer connection of a host replace the older one', async (t) => {
    const { gateway, sockets } = await tunnel(t, echo);
    const [far, near] = await socketPair(t);
    far.resume();
    gateway.accept('n1', near);
    await until(() => sockets[0]?.destroyed === true);
    assert.ok(gateway.isConnected('n1'));
  });

  it('cancels a request at the host when the signal aborts', async (t) => {
    const closed = Promise.withResolvers<void>();
    const { gateway } = await tunnel(t, (stream) => {
      stream.respond({ ':status': 200 });
      stream.once('close', () => closed.resolve());
    });
    const abort = new AbortController();
    await gateway.open('n1', { method: 'GET', path: '/', signal: abort.signal });
    abort.abort();
    await closed.promise;
  });

  it('stops the host when nobody reads', async (t) => {
    let sent = 0;
    const { gateway, signal } = await tunnel(t, (stream) => {
      stream.respond({ ':status': 200 });
      const chunk = Buffer.alloc(64 * 1024);
      const push = (): void => {
        while (sent < 200_000_000) {
          sent += chunk.byteLength;
          if (!stream.write(chunk)) break;
        }
      };
      stream.on('drain', push);
      push();
    });
    await gateway.open('n1', { method: 'GET', path: '/', signal });
    let before = -1;
    await until(() => {
      const still = sent === before && sent > 0;
      before = sent;
      return still;
    });
    assert.ok(sent < 20_000_000, `${sent} bytes were taken without a reader`);
  });
});

const flood: TunnelHandler = (stream, headers) => {
  if (headers[':path'] === '/echo') {
    echo(stream, headers);
    return;
  }
  stream.respond({ ':status': 200 });
  const chunk = Buffer.alloc(64 * 1024);
  const push = (): void => {
    while (!stream.destroyed && stream.write(chunk));
  };
  stream.on('drain', push);
  push();
};

describe('a tunnel with many stuck readers', { timeout: 20_000 }, () => {
  it('goes on serving others', async (t) => {
    const { gateway, signal } = await tunnel(t, flood);
    for (let index = 0; index < 40; index++) {
      const { stream } = await gateway.open('n1', { method: 'GET', path: '/flood', signal });
      await once(stream, 'readable');
    }
    await delay(300);
    const { stream } = await gateway.open('n1', { method: 'POST', path: '/echo', signal });
    stream.end('still here');
    assert.equal(String((await once(stream, 'data'))[0]), 'still here');
  });
});

async function socketPair(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    far.destroy();
    server.close();
  });
  return [far, near];
}

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', async () => {
    const frame = fc.record({
      channel: fc.constantFrom(...Object.values(channels)),
      payload: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 })),
        async (frames, cuts) => {
          const whole = new PassThrough();
          for (const { channel, payload } of frames) await writeFrame(whole, channel, payload);
          whole.end();
          const bytes = Buffer.concat((await whole.toArray()) as Buffer[]);
          const pieces = new PassThrough();
          let at = 0;
          for (const cut of [...cuts, bytes.byteLength]) {
            if (at < bytes.byteLength) pieces.write(bytes.subarray(at, at + cut));
            at += cut;
          }
          pieces.end();
          const got: { channel: number; payload: string }[] = [];
          await readFrames(pieces, (channel, payload) => {
            const last = got.at(-1);
            // Data comes in pieces; what counts is their order and sum.
            if (channel <= channels.stderr && last?.channel === channel) last.payload += payload.toString('hex');
            else got.push({ channel, payload: payload.toString('hex') });
          });
          const expected: typeof got = [];
          for (const { channel, payload } of frames) {
            const hex = Buffer.from(payload).toString('hex');
            const last = expected.at(-1);
            if (channel <= channels.stderr && hex === '') continue;
            if (channel <= channels.stderr && last?.channel === channel) last.payload += hex;
            else expected.push({ channel, payload: hex });
          }
          assert.deepEqual(got, expected);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('refuse a control frame that is too large', async () => {
    const stream = new PassThrough();
    stream.end(Buffer.from([channels.exit, 0x7f, 0, 0, 0]));
    await assert.rejects(
      readFrames(stream, () => undefined),
      /is too large/,
    );
  });
});
