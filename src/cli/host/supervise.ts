import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { writePidFile } from '../daemons/daemon-process.ts';

const restartDelayMsMin = 1_000;
const restartDelayMsMax = 30_000;
/** One that ran this long had started well: its next end is a new one. */
const steadyAfterMs = 60_000;

/** `roadstead supervise`: where no systemd is. Runs a command, and again whenever it ends, until SIGTERM. */
export async function supervise(command: readonly string[], { pidFile }: { pidFile: string }): Promise<void> {
  const [program = '', ...args] = command;
  const stop = new AbortController();
  let child: ChildProcess | undefined;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      stop.abort();
      child?.kill('SIGTERM');
    });
  }
  for (let waitMs = restartDelayMsMin; !stop.signal.aborted; ) {
    const startedAt = Date.now();
    const running = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child = running;
    if (running.pid !== undefined) writePidFile(pidFile, running.pid);
    await new Promise<void>((resolve) => {
      running.once('exit', () => resolve());
      running.once('error', (error) => {
        console.error(`roadstead: ${program} could not be started: ${error.message}`);
        resolve();
      });
    });
    if (Date.now() - startedAt > steadyAfterMs) waitMs = restartDelayMsMin;
    await delay(waitMs, undefined, { signal: stop.signal }).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, restartDelayMsMax);
  }
}
