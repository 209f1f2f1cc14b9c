import { open } from 'node:fs/promises';
import type { ServerHttp2Stream } from 'node:http2';
import { isFinished } from '../../api/fleet/v1/host-task.ts';
import { notFound } from '../../machinery/status-error.ts';
import { written } from '../../tunnel/writing.ts';
import { pause } from '../pause.ts';
import { Masker } from './masking.ts';
import type { TaskRecord } from './task-record.ts';

const pollMs = 100;
const pieceBytes = 64 * 1024;

export interface LoggedTask {
  record(): TaskRecord | undefined;
  masked(): readonly string[];
  outputFile(step: number): string;
  readonly uid: string;
}

/** What the steps printed, one after the other; with `follow=true` until the task has ended, `step` for one of them. */
export async function serveTaskLog(
  stream: ServerHttp2Stream,
  query: URLSearchParams,
  signal: AbortSignal,
  task: LoggedTask,
): Promise<void> {
  const follow = query.get('follow') === 'true';
  const only = query.get('step');
  if (task.record() === undefined) throw notFound({ group: 'fleet.roadstead.dev', resource: 'hosttasks' }, task.uid);
  stream.respond({ ':status': 200, 'content-type': 'text/plain' });
  for (let step = 0; !signal.aborted; ) {
    const record = task.record();
    const status = record?.steps[step];
    if (record === undefined || (status === undefined && (!follow || isFinished(record.phase)))) break;
    if (status === undefined) {
      await pause(pollMs, signal);
      continue;
    }
    if (only === null || only === '' || only === status.name) {
      const isRunning = (): boolean => task.record()?.steps[step]?.phase === 'Running';
      await sendFile(stream, task, { file: task.outputFile(step), isRunning, follow, signal });
    }
    step++;
  }
  stream.end();
}

interface Sending {
  readonly file: string;
  readonly isRunning: () => boolean;
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

async function sendFile(stream: ServerHttp2Stream, task: LoggedTask, sending: Sending): Promise<void> {
  const { file, isRunning, follow, signal } = sending;
  const opened = await open(file, 'r').catch(() => undefined);
  // Steps that run no process print nothing, and one that just begins has not printed yet.
  if (opened === undefined) {
    if (!follow || !isRunning() || signal.aborted) return;
    await pause(pollMs, signal);
    return sendFile(stream, task, sending);
  }
  const masker = new Masker(task.masked());
  try {
    for (;;) {
      // Asked before reading: what is written until the end is then read for certain.
      const running = isRunning();
      const { bytesRead, buffer } = await opened.read({ buffer: Buffer.alloc(pieceBytes) });
      if (bytesRead > 0) await written(stream, masker.push(buffer.subarray(0, bytesRead)));
      else if (!follow || !running || signal.aborted) break;
      else await pause(pollMs, signal);
    }
    await written(stream, masker.end());
  } finally {
    await opened.close();
  }
}
