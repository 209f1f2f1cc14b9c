import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 50;

export interface DaemonOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly pidFile?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a process of its own session that outlives this one; its output is appended to the log file. */
export function startDaemon({ command, args, logFile, pidFile, env }: DaemonOptions): number {
  mkdirSync(path.dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o640);
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env: { ...process.env, ...env } });
  closeSync(log);
  child.unref();
  const pid = child.pid ?? 0;
  if (pidFile !== undefined && pid !== 0) writePidFile(pidFile, pid);
  return pid;
}

/** With when the process started, so that another which gets its number later is told from it. */
export function writePidFile(pidFile: string, pid: number): void {
  mkdirSync(path.dirname(pidFile), { recursive: true });
  writeFileSync(pidFile, `${pid} ${startTime(pid) ?? ''}\n`);
}

/** The process that the file names, if it still is that process: a number used again by another does not count. */
export function runningPid(pidFile: string): number | undefined {
  const [pidText = '', started] = read(pidFile).trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const now = startTime(pid);
  return now !== undefined && (started === undefined || started === '' || started === now) ? pid : undefined;
}

export function isRunning(pidFile: string): boolean {
  return runningPid(pidFile) !== undefined;
}

/** SIGTERM, then SIGKILL after the timeout. Resolves to whether there was anything to stop. */
export async function stopDaemon(pidFile: string, timeoutMs: number): Promise<boolean> {
  const pid = runningPid(pidFile);
  if (pid === undefined) {
    rmSync(pidFile, { force: true });
    return false;
  }
  process.kill(pid, 'SIGTERM');
  const deadline = Date.now() + timeoutMs;
  while (isRunning(pidFile) && Date.now() < deadline) await delay(pollMs);
  if (isRunning(pidFile)) process.kill(pid, 'SIGKILL');
  rmSync(pidFile, { force: true });
  return true;
}

/** Resident memory in bytes; 0 when it is gone. */
export function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`));
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** Memory in bytes with every page that several processes share divided among them, so that sums count it once. */
export function proportionalBytes(pid: number): number {
  const match = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`));
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** Field 22 of /proc/<pid>/stat; undefined when the process is gone or a zombie. */
function startTime(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH')
      return '';
    throw error;
  }
}
