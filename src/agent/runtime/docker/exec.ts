import { PassThrough } from 'node:stream';
import type { ExecSession } from '../contract.ts';
import type { EngineClient, Hijacked } from './engine-client.ts';
import { hangUpExec, inspectExec } from './exec-process.ts';
import { FrameDecoder } from './stdcopy.ts';

/** The streams of an upgraded connection as an ExecSession; `finish` is asked once the output has ended. */
export function sessionOver(
  { socket, head }: Hijacked,
  options: {
    tty: boolean;
    stdin: boolean;
    finish: () => Promise<number>;
    resize: (columns: number, rows: number) => Promise<void>;
    /** Called when the session is closed before its output has ended: nobody is there for it any more. */
    abandoned?: () => void;
  },
): ExecSession {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const decoder = new FrameDecoder();
  const ended = Promise.withResolvers<void>();

  const take = (chunk: Buffer): void => {
    if (options.tty) {
      pass(stdout, chunk);
      return;
    }
    for (const { stream, payload } of decoder.decode(chunk)) pass(stream === 'stdout' ? stdout : stderr, payload);
  };
  // A reader that does not read stops the socket, so a stuck client cannot make memory grow.
  const full = new Set<PassThrough>();
  const pass = (target: PassThrough, payload: Buffer): void => {
    if (target.destroyed || target.write(payload) || full.has(target)) return;
    const goOn = (): void => {
      target.off('drain', goOn).off('close', goOn);
      full.delete(target);
      if (full.size === 0) socket.resume();
    };
    full.add(target);
    socket.pause();
    target.on('drain', goOn).on('close', goOn);
  };
  let over = false;
  const end = (): void => {
    over = true;
    stdout.end();
    stderr.end();
    ended.resolve();
  };

  socket.on('data', take);
  socket.on('end', end);
  socket.on('close', end);
  socket.on('error', end);
  if (head.length > 0) take(head);
  socket.resume();

  const exitCode = ended.promise.then(options.finish);
  // Nobody is bound to ask for the exit code; who does still sees the failure.
  exitCode.catch(() => undefined);
  return {
    ...(options.stdin ? { stdin: socket } : {}),
    stdout,
    stderr,
    resize: options.resize,
    exitCode,
    close: () => {
      if (!over) options.abandoned?.();
      socket.destroy();
    },
  };
}

export interface ExecStart {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
}

export async function startExec(
  engine: EngineClient,
  containerId: string,
  options: ExecStart,
): Promise<{ execId: string; session: ExecSession }> {
  const created = await engine.json<{ Id: string }>({
    method: 'POST',
    path: `/containers/${containerId}/exec`,
    body: {
      AttachStdin: options.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Tty: options.tty,
      Cmd: options.command,
    },
  });
  const execId = created.Id;
  const hijacked = await engine.hijack({
    method: 'POST',
    path: `/exec/${execId}/start`,
    body: { Detach: false, Tty: options.tty },
  });
  const session = sessionOver(hijacked, {
    tty: options.tty,
    stdin: options.stdin,
    finish: async () => (await inspectExec(engine, execId)).ExitCode ?? 0,
    resize: (columns, rows) => engine.send({ method: 'POST', path: `/exec/${execId}/resize?w=${columns}&h=${rows}` }),
    // An engine that is away has nothing to end; the process is then left to its container.
    abandoned: () => void hangUpExec(engine, execId).catch(() => undefined),
  });
  return { execId, session };
}
