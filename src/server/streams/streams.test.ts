import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { UnknownObject } from '../../machinery/meta.ts';
import { isApiError, serviceUnavailable } from '../../machinery/status-error.ts';
import type { HostGateway, HostRequest } from '../../tunnel/contract.ts';
import { channels, readFrames, writeFrame } from '../../tunnel/frames.ts';
import { chunksOf } from '../../tunnel/writing.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';
import { serveCommand, statusOf } from './command.ts';
import { servePortForward } from './port-forward.ts';
import { splitProxyPath } from './proxy.ts';
import { rewriteLinks } from './proxy-links.ts';
import { parseProxyName } from './proxy-target.ts';
import { headerDictionary } from './spdy/dictionary.ts';
import { HeaderCodec } from './spdy/header-codec.ts';

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns' },
  spec: { nodeName: 'n1', containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] },
} as UnknownObject;

const objects = {
  get: (_of: object, namespace: string, name: string) => (namespace === 'ns' && name === 'p' ? pod : undefined),
  getFresh: async () => undefined,
} as unknown as ObjectAccess;

/** What the host does with one request: its end of the stream. */
type Host = (stream: Duplex, request: HostRequest) => Promise<void>;

function gatewayTo(host: Host): HostGateway {
  return {
    hosts: () => ['n1'],
    isConnected: () => true,
    open: async (_name, request) => {
      const [near, far] = duplexPair();
      far.on('error', () => undefined);
      near.on('error', () => undefined);
      if (request.path.endsWith('/9')) throw serviceUnavailable('connection refused');
      host(far, request).catch(() => far.destroy());
      request.signal.addEventListener('abort', () => near.destroy());
      return { status: 200, headers: {}, stream: near };
    },
  };
}

/** A server that knows nothing but one subresource of pods; answers its port. */
async function serverFor(t: TestContext, host: Host): Promise<number> {
  const gateway = gatewayTo(host);
  const server = createServer();
  server.on('upgrade', (request, socket, head) => {
    const context = contextOf(request, socket, head);
    const done = request.url?.includes('/portforward')
      ? servePortForward(context, { objects, gateway })
      : serveCommand(context, 'exec', { objects, gateway });
    done.catch((error: unknown) => {
      const code = isApiError(error) ? error.code : 500;
      socket.end(`HTTP/1.1 ${code} Refused\r\ncontent-length: 0\r\nx-message: ${String(error)}\r\n\r\n`);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function contextOf(request: IncomingMessage, socket: Duplex, head: Buffer): RequestContext {
  const url = new URL(request.url ?? '/', 'http://x');
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.on('error', () => undefined);
  return {
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    signal: gone.signal,
    upgrade: { socket, head },
    info: { namespace: 'ns', name: 'p' },
  } as unknown as RequestContext;
}

/** A host that runs `cat`: what comes on stdin goes to stdout, a size to stderr; it exits with 3 when stdin ends. */
const cat: Host = async (stream) => {
  await readFrames(stream, async (channel, payload) => {
    if (channel === channels.stdin) await writeFrame(stream, channels.stdout, payload);
    else if (channel === channels.resize) await writeFrame(stream, channels.stderr, payload);
    else if (channel === channels.stdinEnd) {
      await writeFrame(stream, channels.exit, Buffer.from('{"exitCode":3}'));
      stream.end();
    }
  });
};

const execPath = '/api/v1/namespaces/ns/pods/p/exec?container=a&command=cat&stdin=1&stdout=1&stderr=1';

interface Received {
  readonly webSocket: WebSocket;
  readonly channels: Map<number, Buffer>;
  readonly closed: Promise<unknown>;
}

async function openWebSocket(port: number, path: string, protocol: string): Promise<Received> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol);
  const received = new Map<number, Buffer>();
  webSocket.on('message', (message: Buffer) => {
    const channel = message.readUInt8(0);
    received.set(channel, Buffer.concat([received.get(channel) ?? Buffer.alloc(0), message.subarray(1)]));
  });
  const closed = once(webSocket, 'close');
  await once(webSocket, 'open');
  return { webSocket, channels: received, closed };
}

describe('exec over WebSocket', { timeout: 20_000 }, () => {
  it('carries all channels of v5 and ends with the exit code', async (t) => {
    const port = await serverFor(t, cat);
    const client = await openWebSocket(port, execPath, 'v5.channel.k8s.io');
    const input = Buffer.alloc(500_000, 'x');
    client.webSocket.send(Buffer.from('\x04{"Width":80,"Height":24}\n'));
    for (let at = 0; at < input.byteLength; at += 32_000) {
      client.webSocket.send(Buffer.concat([Buffer.from([0]), input.subarray(at, at + 32_000)]));
    }
    client.webSocket.send(Buffer.from([255, 0]));
    await client.closed;
    assert.ok(client.channels.get(1)?.equals(input));
    assert.equal(client.channels.get(2)?.toString(), '{"columns":80,"rows":24}');
    assert.deepEqual(JSON.parse(client.channels.get(3)?.toString() ?? ''), {
      metadata: {},
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: 'command terminated with non-zero exit code: command terminated with exit code 3',
      details: { causes: [{ reason: 'ExitCode', message: '3' }] },
    });
  });

  it('stops the host when the client does not read', async (t) => {
    let sent = 0;
    const port = await serverFor(t, async (stream) => {
      const chunk = Buffer.alloc(64 * 1024);
      for (; sent < 500_000_000; sent += chunk.byteLength) await writeFrame(stream, channels.stdout, chunk);
    });
    const client = await openWebSocket(port, execPath, 'v4.channel.k8s.io');
    client.webSocket.pause();
    let before = -1;
    while (sent !== before) {
      before = sent;
      await delay(200);
    }
    assert.ok(sent < 50_000_000, `${sent} bytes were taken without a reader`);
    client.webSocket.terminate();
  });

  it('lets go of the host when the client goes away', async (t) => {
    const ended = Promise.withResolvers<void>();
    const port = await serverFor(t, async (stream) => {
      stream.resume();
      stream.once('close', () => ended.resolve());
      stream.once('end', () => ended.resolve());
    });
    const client = await openWebSocket(port, execPath, 'v4.channel.k8s.io');
    client.webSocket.terminate();
    await ended.promise;
  });

  const refusals: [string, RegExp][] = [
    ['container=a&stdout=1', /at least one command/],
    ['container=a&command=x', /you must specify at least 1 of stdin, stdout, stderr/],
    ['container=z&command=x&stdout=1', /container z is not valid for pod p/],
    [
      'command=x&stdout=1',
      /a container name must be specified for pod p, choose one of: \[a b\] or one of the init containers: \[i\]/,
    ],
  ];
  for (const [query, expected] of refusals) {
    it(`refuses ${query}`, async (t) => {
      const port = await serverFor(t, cat);
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}/exec?${query}`, 'v4.channel.k8s.io');
      webSocket.on('error', () => undefined);
      const [, response] = (await once(webSocket, 'unexpected-response')) as [unknown, IncomingMessage];
      assert.equal(response.statusCode, 400);
      assert.match(String(response.headers['x-message']), expected);
      response.destroy();
    });
  }
});

/** As much of a SPDY client as kubectl is. */
class SpdyClient {
  readonly received = new Map<number, Buffer>();
  readonly ended = new Set<number>();
  readonly #socket: Duplex;
  readonly #codec = new HeaderCodec();
  #changed = Promise.withResolvers<void>();
  #nextId = 1;

  constructor(socket: Duplex) {
    this.#socket = socket;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.byteLength >= 8 && rest.byteLength >= 8 + rest.readUIntBE(5, 3)) {
        const end = 8 + rest.readUIntBE(5, 3);
        this.#frame(rest.subarray(0, end));
        rest = rest.subarray(end);
      }
    });
  }

  async open(headers: Record<string, string>): Promise<number> {
    const id = this.#nextId;
    this.#nextId += 2;
    const block = await this.#codec.pack(new Map(Object.entries(headers)));
    const frame = Buffer.alloc(18 + block.byteLength);
    frame.writeUInt32BE(0x80030001, 0);
    frame.writeUIntBE(10 + block.byteLength, 5, 3);
    frame.writeUInt32BE(id, 8);
    block.copy(frame, 18);
    this.#socket.write(frame);
    return id;
  }

  send(id: number, payload: Buffer, fin = false): void {
    const header = Buffer.alloc(8);
    header.writeUInt32BE(id, 0);
    header.writeUInt8(fin ? 1 : 0, 4);
    header.writeUIntBE(payload.byteLength, 5, 3);
    this.#socket.write(Buffer.concat([header, payload]));
  }

  async untilEnded(...ids: number[]): Promise<void> {
    while (!ids.every((id) => this.ended.has(id))) await this.#changed.promise;
  }

  text(id: number): string {
    return this.received.get(id)?.toString() ?? '';
  }

  close(): void {
    this.#codec.close();
    this.#socket.destroy();
  }

  #frame(frame: Buffer): void {
    if ((frame.readUInt8(0) & 0x80) !== 0) return;
    const id = frame.readUInt32BE(0);
    this.received.set(id, Buffer.concat([this.received.get(id) ?? Buffer.alloc(0), frame.subarray(8)]));
    if ((frame.readUInt8(4) & 1) === 1) this.ended.add(id);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

async function openSpdy(port: number, path: string, protocols: string): Promise<{ client: SpdyClient; head: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocols}\r\n\r\n`,
  );
  let head = '';
  while (!head.endsWith('\r\n\r\n')) {
    const byte: Buffer | null = socket.read(1);
    if (byte === null) await once(socket, 'readable');
    else head += byte.toString();
  }
  return { client: new SpdyClient(socket), head };
}

describe('SPDY', { timeout: 20_000 }, () => {
  it('has the dictionary that every peer has', () => {
    assert.equal(headerDictionary().byteLength, 1423);
  });

  it('carries exec with the best protocol of both', async (t) => {
    const port = await serverFor(t, cat);
    const { client, head } = await openSpdy(port, execPath, 'v9.channel.k8s.io, v4.channel.k8s.io, channel.k8s.io');
    assert.match(head, /^HTTP\/1\.1 101 .*X-Stream-Protocol-Version: v4\.channel\.k8s\.io\r\n/s);
    const error = await client.open({ streamtype: 'error' });
    const stdin = await client.open({ streamtype: 'stdin' });
    const stdout = await client.open({ streamtype: 'stdout' });
    const stderr = await client.open({ streamtype: 'stderr' });
    const input = Buffer.alloc(300_000, 'y');
    client.send(stdin, input);
    client.send(stdin, Buffer.from('!'), true);
    await client.untilEnded(stdout, stderr, error);
    assert.equal(client.text(stdout), `${input.toString()}!`);
    assert.equal(JSON.parse(client.text(error)).details.causes[0].message, '3');
    client.close();
  });

  it('forwards ports, and says why it cannot', async (t) => {
    const port = await serverFor(t, async (stream) => {
      for await (const chunk of chunksOf(stream)) stream.write(`<${String(chunk)}>`);
      stream.end();
    });
    const { client } = await openSpdy(port, '/portforward', 'portforward.k8s.io');
    const error = await client.open({ streamtype: 'error', port: '80', requestid: '0' });
    const data = await client.open({ streamtype: 'data', port: '80', requestid: '0' });
    client.send(error, Buffer.alloc(0), true);
    client.send(data, Buffer.from('hello'), true);
    await client.untilEnded(data, error);
    assert.equal(client.text(data), '<hello>');
    assert.equal(client.text(error), '');
    const failed = await client.open({ streamtype: 'error', port: '9', requestid: '1' });
    await client.open({ streamtype: 'data', port: '9', requestid: '1' });
    await client.untilEnded(failed);
    assert.equal(client.text(failed), 'error forwarding port 9 to pod: connection refused');
    client.close();
  });
});

describe('port-forward over WebSocket channels', { timeout: 20_000 }, () => {
  it('opens with the port numbers and carries data both ways', async (t) => {
    const port = await serverFor(t, async (stream) => {
      for await (const chunk of chunksOf(stream)) stream.write(`<${String(chunk)}>`);
    });
    const client = await openWebSocket(port, '/portforward?ports=80&ports=81', 'v4.channel.k8s.io');
    client.webSocket.send(Buffer.from('\x02two'));
    while ((client.channels.get(2)?.byteLength ?? 0) < 7) await once(client.webSocket, 'message');
    assert.deepEqual(client.channels.get(0), Buffer.from([80, 0]));
    assert.deepEqual(client.channels.get(1), Buffer.from([80, 0]));
    assert.deepEqual(client.channels.get(2), Buffer.concat([Buffer.from([81, 0]), Buffer.from('<two>')]));
    client.webSocket.close();
    await client.closed;
  });
});

describe('statusOf', () => {
  it('tells success, an exit code and a failure to run apart', () => {
    assert.deepEqual(statusOf({ exitCode: 0 }), { metadata: {}, status: 'Success' });
    assert.equal(statusOf({ exitCode: 1 }).reason, 'NonZeroExitCode');
    assert.equal(
      statusOf({ exitCode: -1, error: 'no' }).message,
      'Internal error occurred: error executing command in container: no',
    );
    assert.equal(statusOf(undefined).code, 500);
  });
});

describe('proxy', () => {
  it('reads scheme, name and port', () => {
    assert.deepEqual(parseProxyName('a'), { scheme: 'http', name: 'a', port: '' });
    assert.deepEqual(parseProxyName('a:http'), { scheme: 'http', name: 'a', port: 'http' });
    assert.deepEqual(parseProxyName('https:a:443'), { scheme: 'https', name: 'a', port: '443' });
    assert.deepEqual(parseProxyName('https:a:'), { scheme: 'https', name: 'a', port: '' });
    assert.throws(() => parseProxyName('ftp:a:1'), { code: 400 });
  });

  it('splits its path where the pod begins', () => {
    assert.deepEqual(splitProxyPath('/api/v1/namespaces/a/pods/proxy/proxy/x/proxy/'), {
      prefix: '/api/v1/namespaces/a/pods/proxy/proxy',
      rest: '/x/proxy/',
    });
    assert.equal(splitProxyPath('/api/v1/namespaces/a/pods/b/proxy').rest, '');
    assert.deepEqual(splitProxyPath('/api/v1/nodes/n/proxy/stats'), {
      prefix: '/api/v1/nodes/n/proxy',
      rest: '/stats',
    });
  });

  it('rewrites links of pages from the root only', async () => {
    async function* page(): AsyncIterable<Buffer> {
      yield Buffer.from(`<a href="/x">é</a><img src='/y'><a href="//h/x"><a href="x">`);
    }
    const rewritten = await rewriteLinks(page(), '/p');
    assert.equal(rewritten.toString(), `<a href="/p/x">é</a><img src='/p/y'><a href="//h/x"><a href="x">`);
  });
});
