import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, performServerHandshake } from 'node:http2';
import { type AddressInfo, connect, createServer } from 'node:net';
import { duplexPair, PassThrough, type Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { channels, readFrames, writeFrame } from '../../tunnel/frames.ts';
import { chunksOf } from '../../tunnel/writing.ts';
import type { FoundContainer, PodLookup } from '../pods/lookup.ts';
import type { ContainerRuntime, ExecSession, LogLine } from '../runtime/contract.ts';
import { createStreamHandler } from './stream-handler.ts';

const containers = new Map<string, FoundContainer>([
  ['a', { containerId: 'id-a', running: true, tty: false, stdin: true, previousContainerId: 'id-before' }],
  ['waiting', { running: false, tty: false, stdin: false, waitingReason: 'PodInitializing' }],
  ['pulling', { running: false, tty: false, stdin: false, waitingReason: 'ImagePullBackOff' }],
  ['exited', { containerId: 'id-x', running: false, tty: false, stdin: false }],
]);

const lookup: PodLookup = {
  find: (namespace, name) =>
    namespace === 'ns' && name === 'p' ? { uid: '1', sandboxId: 's', containers, defaultContainer: 'a' } : undefined,
};

/** The session of a `cat` that tells its size on stderr and ends with 7 when its input does. */
function catSession(): ExecSession & { readonly closed: Promise<void> } {
  const stdin = new PassThrough();
  const stderr = new PassThrough();
  const exit = Promise.withResolvers<number>();
  const closed = Promise.withResolvers<void>();
  stdin.once('end', () => {
    stderr.end();
    exit.resolve(7);
  });
  return {
    stdin,
    stdout: stdin,
    stderr,
    resize: async (columns, rows) => {
      stderr.write(`${columns}x${rows}`);
    },
    exitCode: exit.promise,
    close: () => {
      stdin.destroy();
      stderr.destroy();
      exit.resolve(137);
      closed.resolve();
    },
    closed: closed.promise,
  };
}

async function* linesOf(id: string): AsyncIterable<LogLine> {
  for (const text of ['one', 'two', 'three']) {
    yield { stream: 'stdout', time: '2026-01-02T03:04:05.000000006Z', content: Buffer.from(`${id} ${text}\n`) };
  }
}

interface Host {
  request(
    method: string,
    path: string,
  ): Promise<{ status: number; stream: ReturnType<ReturnType<typeof connectHttp2>['request']> }>;
  readonly sessions: ReturnType<typeof catSession>[];
}

async function host(t: TestContext): Promise<Host> {
  const sessions: ReturnType<typeof catSession>[] = [];
  const begin = async (): Promise<ExecSession> => {
    const session = catSession();
    sessions.push(session);
    return session;
  };
  const runtime = {
    exec: begin,
    attach: begin,
    logs: linesOf,
    containerStatus: async () => undefined,
    portForward: async (_sandbox: string, port: number) => {
      if (port === 9) throw new Error('connect ECONNREFUSED 127.0.0.1:9');
      const [near, far] = duplexPair();
      (async () => {
        let text = '';
        for await (const chunk of chunksOf(far)) text += String(chunk);
        far.end(`${port} got ${text}`);
      })().catch(() => far.destroy());
      return near;
    },
    containerStats: async () => [],
  } as unknown as ContainerRuntime;
  const handler = createStreamHandler({ runtime, lookup, logger: silentLogger, nodeName: 'n1' });
  const server = createServer((socket) => {
    const session = performServerHandshake(socket);
    session.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      handler(stream, headers);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connectHttp2('http://host', {
    createConnection: () => connect((server.address() as AddressInfo).port, '127.0.0.1'),
  });
  t.after(() => {
    session.destroy();
    server.close();
  });
  return {
    sessions,
    async request(method, path) {
      const stream = session.request({ ':method': method, ':path': path }, { endStream: method === 'GET' });
      stream.on('error', () => undefined);
      const [head] = (await once(stream, 'response')) as [{ ':status': number }];
      return { status: head[':status'], stream };
    },
  };
}

async function text(stream: Readable): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

describe('exec on the host', { timeout: 20_000 }, () => {
  it('carries input, output, sizes and the exit code', async (t) => {
    const { request } = await host(t);
    const { stream } = await request('POST', '/exec/ns/p/a?command=cat&stdin=true&stdout=true&stderr=true');
    await writeFrame(stream, channels.resize, Buffer.from('{"columns":80,"rows":24}'));
    await writeFrame(stream, channels.stdin, Buffer.alloc(200_000, 'x'));
    await writeFrame(stream, channels.stdinEnd, Buffer.alloc(0));
    const got = new Map<number, string>();
    await readFrames(stream, (channel, payload) => {
      got.set(channel, (got.get(channel) ?? '') + payload.toString());
    });
    assert.equal(got.get(channels.stdout)?.length, 200_000);
    assert.equal(got.get(channels.stderr), '80x24');
    assert.equal(got.get(channels.exit), '{"exitCode":7}');
  });

  it('lets go of the process when the server goes away', async (t) => {
    const { request, sessions } = await host(t);
    const { stream } = await request('POST', '/attach/ns/p/a?stdin=true&stdout=true');
    stream.close();
    await sessions[0]?.closed;
  });

  for (const [path, status, expected] of [
    ['/exec/ns/p/exited?command=x', 500, /container not found \("exited"\)/],
    ['/exec/ns/p/none?command=x', 500, /container not found \("none"\)/],
    ['/exec/ns/q/a?command=x', 404, /pods "q" not found/],
    ['/nothing/ns/p/a', 404, /could not find the requested resource/],
  ] as const) {
    it(`refuses ${path}`, async (t) => {
      const { request } = await host(t);
      const answer = await request('POST', path);
      assert.equal(answer.status, status);
      assert.match((JSON.parse(await text(answer.stream)) as { message: string }).message, expected);
    });
  }
});

describe('logs on the host', { timeout: 20_000 }, () => {
  for (const [query, expected] of [
    ['', 'id-a one\nid-a two\nid-a three\n'],
    ['?follow=true', 'id-a one\nid-a two\nid-a three\n'],
    ['?previous=true&limitBytes=12', 'id-before on'],
    ['?timestamps=true&limitBytes=40', '2026-01-02T03:04:05.000000006Z id-a one\n'],
  ] as const) {
    it(`answers ${query === '' ? 'all' : query}`, async (t) => {
      const { request } = await host(t);
      assert.equal(await text((await request('GET', `/logs/ns/p/a${query}`)).stream), expected);
    });
  }

  for (const [path, expected] of [
    ['waiting', 'container "waiting" in pod "p" is waiting to start: PodInitializing'],
    ['pulling', 'container "pulling" in pod "p" is trying and failing to pull image'],
    ['exited?previous=true', 'previous terminated container "exited" in pod "p" not found'],
    ['none', 'container none is not valid for pod p'],
  ] as const) {
    it(`refuses ${path}`, async (t) => {
      const { request } = await host(t);
      const { status, stream } = await request('GET', `/logs/ns/p/${path}`);
      assert.equal(status, 400);
      assert.equal((JSON.parse(await text(stream)) as { message: string }).message, expected);
    });
  }
});

describe('port-forward on the host', { timeout: 20_000 }, () => {
  it('keeps each direction open until its own end', async (t) => {
    const { request } = await host(t);
    const { stream } = await request('POST', '/portforward/ns/p/80');
    stream.end('hello');
    assert.equal(await text(stream), '80 got hello');
  });

  it('says why it cannot connect', async (t) => {
    const { request } = await host(t);
    const { status, stream } = await request('POST', '/portforward/ns/p/9');
    assert.equal(status, 500);
    assert.match(await text(stream), /connect ECONNREFUSED 127\.0\.0\.1:9/);
  });
});
