import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { BufferedBody } from '../body.ts';
import { ServerContext } from '../http/context.ts';
import type { ResponseWriter } from '../request.ts';
import { deadlineFilter } from './deadline.ts';

interface Recorded {
  readonly context: ServerContext;
  readonly done: string[];
}

function contextWith(headersSent: boolean): Recorded {
  const done: string[] = [];
  const response: ResponseWriter = {
    headersSent,
    statusCode: 200,
    setHeader: () => undefined,
    send: (statusCode) => done.push(`sent ${statusCode}`),
    stream: () => assert.fail('nothing is streamed'),
    cut: () => done.push('cut'),
  };
  const body = new BufferedBody(Buffer.alloc(0));
  const parts = { method: 'GET', target: '/api/v1/pods', headers: {}, peer: { remoteAddress: '' }, body, response };
  return { context: new ServerContext(parts), done };
}

/** A stage that ends only when the request is aborted. */
async function hang({ context }: Recorded): Promise<void> {
  await deadlineFilter(silentLogger, 1)(
    context,
    () => new Promise((resolve) => context.signal.addEventListener('abort', () => resolve(), { once: true })),
  );
  await new Promise((resolve) => setImmediate(resolve));
}

test('a request that takes too long is answered with 504', async () => {
  const recorded = contextWith(false);
  await hang(recorded);
  assert.deepEqual(recorded.done, ['sent 504']);
});

test('an answer that takes too long to be read is cut', async () => {
  const recorded = contextWith(true);
  await hang(recorded);
  assert.deepEqual(recorded.done, ['cut']);
});
