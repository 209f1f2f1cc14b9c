import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { readBody } from '../body.ts';
import { errorsFilter } from '../filters/errors.ts';
import type { KeyPair } from '../pki/certificates.ts';
import { openPki, type Pki } from '../pki/pki.ts';
import type { RequestContext } from '../request.ts';
import { composeRequestPath } from '../request-path.ts';
import { type Listener, listen } from './listener.ts';
import { createLocalTransport } from './local-transport.ts';

let directory: string;
let pki: Pki;
let admin: KeyPair;
let listener: Listener;
let lastSignal: AbortSignal | undefined;

const handle = composeRequestPath([errorsFilter(silentLogger)], async (context) => {
  switch (context.path) {
    case '/echo':
      context.warnings.push('careful', 'careful', 'with "quotes"');
      context.response.send(200, 'text/plain', await readBody(context, 1000));
      return;
    case '/who':
      context.response.send(200, 'application/json', JSON.stringify(context.clientCertificate ?? null));
      return;
    case '/stream':
      await stream(context);
      return;
    case '/pieces': {
      const out = context.response.stream(200, 'text/plain');
      await out.writePieces?.(pieces);
      out.end();
      return;
    }
    case '/breaks':
      context.response.stream(200, 'text/plain').write(Buffer.from('one\n'));
      throw new Error('the host has gone');
    case '/upgrade':
      context.upgrade?.socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: raw\r\n\r\n');
      context.upgrade?.socket.pipe(context.upgrade.socket);
      return;
    default:
      throw badRequest('no such thing');
  }
});

/** Small ones that share a chunk, one that ends a chunk, and one larger than a chunk. */
const pieces = [...Array.from({ length: 3000 }, (_, index) => 'x'.repeat(index % 200)), 'y'.repeat(600_000), 'z'].map(
  (text) => Buffer.from(text),
);

async function stream({ response, signal }: RequestContext): Promise<void> {
  lastSignal = signal;
  const out = response.stream(200, 'text/plain');
  out.write(Buffer.from('one\n'));
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  out.end();
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'listener-'));
  pki = await openPki({ directory, clusterDomain: 'cluster.local', serviceIp: '10.96.0.1', now: Date.now });
  admin = await pki.adminCredentials();
  listener = await listen({
    address: '127.0.0.1',
    port: 0,
    certificate: pki.serving.certificate,
    key: pki.serving.key,
    clientAuthorities: pki.caCertificate,
    handle,
    logger: silentLogger,
  });
});

after(async () => {
  await listener.close();
  await rm(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function tls(): object {
  return { ca: pki.caCertificate, cert: admin.certificate, key: admin.key };
}

async function http2(path: string, body?: string): Promise<Answer> {
  const session = connect(`https://127.0.0.1:${listener.port}`, tls());
  try {
    const outgoing = session.request({ ':method': body === undefined ? 'GET' : 'POST', ':path': path });
    outgoing.end(body);
    const headers = await new Promise<IncomingHttpHeaders>((resolve, reject) => {
      outgoing.on('response', (got) => resolve(got as IncomingHttpHeaders));
      outgoing.on('error', reject);
    });
    let text = '';
    for await (const chunk of outgoing) text += String(chunk);
    return { status: Number((headers as Record<string, unknown>)[':status']), headers, text };
  } finally {
    session.close();
  }
}

function http1(path: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const outgoing = request(
      { host: '127.0.0.1', port: listener.port, path, method, agent: false, ...tls() },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk) => {
          text += String(chunk);
        });
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers as IncomingHttpHeaders, text }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function local(path: string, body?: string): Promise<Answer> {
  const transport = createLocalTransport(handle, { name: 'me', groups: [] });
  const got = await transport.request({ method: 'POST', path, ...(body === undefined ? {} : { body }) });
  let text = '';
  for await (const chunk of got.body) text += Buffer.from(chunk).toString();
  return { status: got.status, headers: got.headers as IncomingHttpHeaders, text };
}

for (const [name, send] of Object.entries({ http1, http2, local })) {
  test(`${name} carries a body both ways with deduplicated warnings`, async () => {
    const { status, headers, text } = await send('/echo', 'hello');
    assert.deepEqual([status, text], [200, 'hello']);
    const warning = [headers['warning']].flat().join(', ');
    assert.equal(warning, '299 - "careful", 299 - "with \\"quotes\\""');
  });

  test(`${name} is refused a body over the limit with 413`, async () => {
    const { status, text } = await send('/echo', 'x'.repeat(2000));
    assert.equal(status, 413);
    assert.equal(JSON.parse(text).message, 'Request entity too large: limit is 1000');
  });

  test(`${name} gets a thrown error as a Status`, async () => {
    const { status, text } = await send('/nowhere');
    assert.equal(status, 400);
    assert.equal(JSON.parse(text).reason, 'BadRequest');
  });
}

test('the subject of a client certificate is known over HTTP/1.1 and HTTP/2', async () => {
  for (const send of [http1, http2]) {
    const { text } = await send('/who');
    assert.deepEqual(JSON.parse(text), { commonName: 'kubernetes-admin', organizations: ['system:masters'] });
  }
});

test('a body that is refused unread does not hold its stream open', async () => {
  const session = connect(`https://127.0.0.1:${listener.port}`, tls());
  const outgoing = session.request({ ':method': 'POST', ':path': '/refused' });
  outgoing.on('error', () => undefined);
  const closed = new Promise((resolve) => outgoing.once('close', resolve));
  // More than the window of a stream, and never ended.
  outgoing.write(Buffer.alloc(300_000));
  outgoing.resume();
  await closed;
  session.close();
});

test('a client that leaves aborts the signal of its stream', async () => {
  const session = connect(`https://127.0.0.1:${listener.port}`, tls());
  const outgoing = session.request({ ':path': '/stream' });
  await new Promise((resolve) => outgoing.once('data', resolve));
  outgoing.on('error', () => undefined);
  const aborted = new Promise<void>((resolve) =>
    lastSignal?.addEventListener('abort', () => resolve(), { once: true }),
  );
  session.destroy();
  await aborted;
  assert.equal(lastSignal?.aborted, true);
});

test('an answer that fails after its first bytes is cut off, not left open', { timeout: 10_000 }, async () => {
  const over1 = new Promise<boolean>((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port: listener.port, path: '/breaks', ca: pki.caCertificate, agent: false },
      (answer) => answer.resume().once('close', () => resolve(answer.complete)),
    );
    sent.once('error', reject).end();
  });
  assert.equal(await over1, false);
  const session = connect(`https://127.0.0.1:${listener.port}`, { ca: pki.caCertificate });
  const stream = session.request({ ':path': '/breaks' });
  await assert.rejects(stream.toArray(), /NGHTTP2_INTERNAL_ERROR/);
  session.close();
  const transport = createLocalTransport(handle, { name: 'me', groups: [] });
  const local = await transport.request({ method: 'GET', path: '/breaks' });
  await assert.rejects(async () => {
    for await (const _ of local.body);
  }, /the host has gone/);
});

test('an HTTP/1.1 upgrade hands over the raw connection', async () => {
  const echoed = await new Promise<string>((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'raw' };
    const outgoing = request({
      host: '127.0.0.1',
      port: listener.port,
      path: '/upgrade',
      headers,
      agent: false,
      ...tls(),
    });
    outgoing.on('upgrade', (_response, socket) => {
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(String(chunk));
      });
      socket.write('ping');
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  assert.equal(echoed, 'ping');
});

test('an upgrade in process hands over a pair of streams', async () => {
  const transport = createLocalTransport(handle, { name: 'me', groups: [] });
  const socket = await transport.upgrade('/upgrade', 'raw');
  const echoed = new Promise((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
  socket.write('ping');
  assert.equal(await echoed, 'ping');
  socket.destroy();
});

test('an upgrade that is refused gets a Status', async () => {
  const headers = { connection: 'Upgrade', upgrade: 'raw' };
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: listener.port, path: '/no', headers, agent: false, ...tls() },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
  assert.equal(status, 400);
});

test('a taken port is one clear sentence', async () => {
  const taken = listen({
    address: '127.0.0.1',
    port: listener.port,
    certificate: pki.serving.certificate,
    key: pki.serving.key,
    clientAuthorities: pki.caCertificate,
    handle,
    logger: silentLogger,
  });
  await assert.rejects(taken, {
    message: `Port ${listener.port} on 127.0.0.1 is already in use; stop what listens there, or choose another with --port`,
  });
});

test('pieces of any size arrive whole and in order', async () => {
  const { status, text } = await http1('/pieces');
  assert.equal(status, 200);
  assert.equal(text, pieces.join(''));
});
