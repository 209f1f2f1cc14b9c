import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { sessionOver } from './exec.ts';

function session(tty = true): {
  socket: PassThrough;
  opened: ReturnType<typeof sessionOver>;
  abandoned: () => number;
} {
  const socket = new PassThrough();
  let abandoned = 0;
  const opened = sessionOver(
    { socket: socket as unknown as Socket, head: Buffer.alloc(0) },
    {
      tty,
      stdin: false,
      finish: async () => 0,
      resize: async () => undefined,
      abandoned: () => {
        abandoned++;
      },
    },
  );
  return { socket, opened, abandoned: () => abandoned };
}

test('a reader that does not read stops the connection, at the price of one listener', async () => {
  const { socket, opened } = session();
  const listeners = opened.stdout.listenerCount('drain');
  const chunk = Buffer.alloc(64 * 1024);
  for (let written = 0; written < 32; written++) {
    socket.emit('data', chunk);
  }
  assert.equal(opened.stdout.listenerCount('drain'), listeners + 1);
  assert.ok(socket.isPaused());
  opened.stdout.resume();
  await turn();
  await turn();
  assert.equal(opened.stdout.listenerCount('drain'), listeners);
  assert.ok(!socket.isPaused());
});

test('a session closed while its process runs is abandoned, one closed after its end is not', async () => {
  const running = session();
  running.opened.close();
  assert.equal(running.abandoned(), 1);
  const ended = session();
  ended.socket.end();
  ended.opened.stdout.resume();
  await ended.opened.exitCode;
  ended.opened.close();
  assert.equal(ended.abandoned(), 0);
});
