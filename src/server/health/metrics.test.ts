import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferedBody } from '../body.ts';
import { parseRequestInfo } from '../filters/request-info.ts';
import { ServerContext } from '../http/context.ts';
import type { ResponseWriter } from '../request.ts';
import { ServerMetrics } from './metrics.ts';

const noPeer = { remoteAddress: '' };
const noBody = new BufferedBody(Buffer.alloc(0));

async function serve(metrics: ServerMetrics, method: string, path: string, statusCode: number): Promise<void> {
  const response: ResponseWriter = {
    headersSent: true,
    statusCode,
    setHeader: () => undefined,
    cut: () => undefined,
    send: () => undefined,
    stream: () => assert.fail('nothing is streamed'),
  };
  const context = new ServerContext({ method, target: path, headers: {}, peer: noPeer, body: noBody, response });
  context.info = parseRequestInfo(method, path, () => context.query);
  await metrics.filter(() => false)(context, () => Promise.resolve());
}

test('requests are counted by what they ask for and by the code of their answer', async () => {
  const metrics = new ServerMetrics();
  await serve(metrics, 'GET', '/api/v1/namespaces/a/pods/x', 200);
  await serve(metrics, 'GET', '/api/v1/namespaces/b/pods/y', 200);
  await serve(metrics, 'GET', '/api/v1/namespaces/b/pods/z', 404);
  await serve(metrics, 'GET', '/apis/apps/v1/namespaces/b/pods/z', 404);
  await serve(metrics, 'GET', '/readyz', 200);
  const lines = metrics.render().split('\n');
  const counted = lines.filter((line) => line.startsWith('apiserver_request_total'));
  const pods = 'verb="GET",group="",version="v1",resource="pods",subresource=""';
  assert.deepEqual(counted, [
    `apiserver_request_total{${pods},code="200"} 2`,
    `apiserver_request_total{${pods},code="404"} 1`,
    `apiserver_request_total{${pods.replace('group=""', 'group="apps"')},code="404"} 1`,
    'apiserver_request_total{verb="GET",group="",version="",resource="",subresource="",code="200"} 1',
  ]);
  assert.ok(lines.includes(`apiserver_request_duration_seconds_count{${pods}} 3`));
});
