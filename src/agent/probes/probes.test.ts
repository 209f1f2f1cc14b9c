import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { test } from 'node:test';
import { probeGrpc } from './grpc-probe.ts';
import { probeHttp } from './http-probe.ts';
import { probeTcp } from './tcp-probe.ts';

async function serving(server: Server, run: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await run((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

test('an HTTP probe judges the status and follows redirects on its own host only', async () => {
  const seen: string[] = [];
  const server = createHttpServer((request, response) => {
    seen.push(`${request.headers['user-agent']} ${request.headers['x-own']}`);
    const path = request.url ?? '';
    if (path === '/away') response.writeHead(302, { location: 'http://192.0.2.1/' }).end();
    else if (path === '/here') response.writeHead(302, { location: '/bad' }).end();
    else if (path === '/slow') setTimeout(() => response.end(), 5_000).unref();
    else response.writeHead(path === '/bad' ? 500 : 200).end('body');
  });
  await serving(server, async (port) => {
    const at = (path: string, timeoutMs = 2_000): Promise<object> =>
      probeHttp({ path, port, httpHeaders: [{ name: 'X-Own', value: 'v' }] }, '127.0.0.1', port, timeoutMs);
    assert.deepEqual(await at('/ok'), { result: 'success', output: 'body' });
    assert.equal(seen[0], 'kube-probe/1.36 v');
    const failed = { result: 'failure', output: 'HTTP probe failed with statuscode: 500' };
    assert.deepEqual(await at('/bad'), failed);
    assert.deepEqual(await at('/here'), failed);
    assert.deepEqual(await at('/away'), { result: 'success', output: '' });
    const slow = (await at('/slow', 50)) as { result: string; output: string };
    assert.equal(slow.result, 'failure');
    assert.match(slow.output, /context deadline exceeded/);
    server.closeAllConnections();
  });
});

test('an HTTP or TCP probe of a closed port fails as upstream words it', async () => {
  let closed = 0;
  await serving(createHttpServer(), async (port) => {
    closed = port;
    assert.deepEqual(await probeTcp('127.0.0.1', port, 1_000), { result: 'success', output: '' });
  });
  const refused = `dial tcp 127.0.0.1:${closed}: connect: connection refused`;
  assert.deepEqual(await probeTcp('127.0.0.1', closed, 1_000), { result: 'failure', output: refused });
  const http = await probeHttp({ path: '/x', port: closed }, '127.0.0.1', closed, 1_000);
  assert.equal(http.output, `Get "http://127.0.0.1:${closed}/x": ${refused}`);
});

test('a gRPC probe reads the health service', async () => {
  const asked: string[] = [];
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const service = Buffer.concat(chunks).subarray(7).toString();
      asked.push(service);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, service === 'sick' ? 2 : 1]));
    });
  });
  await serving(server, async (port) => {
    assert.equal((await probeGrpc('127.0.0.1', port, 'fine', 2_000)).result, 'success');
    const sick = await probeGrpc('127.0.0.1', port, 'sick', 2_000);
    assert.deepEqual(sick, { result: 'failure', output: 'service unhealthy (responded with "NOT_SERVING")' });
    assert.deepEqual(asked, ['fine', 'sick']);
  });
});
