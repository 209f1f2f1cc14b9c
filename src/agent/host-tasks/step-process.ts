import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { pause } from '../pause.ts';
import type { Account } from './account.ts';

/** Of the output, this much is kept from its start, and so much from its end. */
export const outputHeadBytes = 4 * 1024 * 1024;
export const outputTailBytes = 256 * 1024;
const pollMs = 50;
/** A process that does not heed SIGTERM for this long gets SIGKILL. */
const graceMs = 5_000;
/** How long output may still come once the process itself has ended, in ms. */
const outputGraceMs = 500;
export const markVariable = 'ROADSTEAD_HOST_TASK_STEP';

/**
 * Runs "$@" with what it prints bounded, and writes to descriptor 3 who it is and how it ended. The agent may die
 * meanwhile: what it needs to go on is in the file behind that descriptor. (Not head, which holds back what it read.)
 */
const wrapper = `head=$1 tail=$2
shift 2
echo "pid $$" >&3
{ "$@" 3>&-; echo "exit $?" >&3; } 2>&1 | { exec 3>&-; dd bs=65536 count="$head" iflag=count_bytes status=none; exec tail -c "$tail"; }`;

export interface ProcessFiles {
  /** Gets what is printed, both streams in their order. */
  readonly output: string;
  /** Gets the two lines of the wrapper. */
  readonly outcome: string;
}

export interface ProcessStart {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly account?: Account | undefined;
  /** A file; default /dev/null. */
  readonly stdin?: string | undefined;
  /** Recognises the process among others: unique to this step of this task. */
  readonly mark: string;
}

export type ProcessState =
  | { readonly state: 'absent' }
  | { readonly state: 'running'; readonly pid: number }
  | { readonly state: 'ended'; readonly pid: number; readonly exitCode: number }
  /** Begun, gone, and nobody knows how it ended. */
  | { readonly state: 'lost' };

/** Starts the process in a group of its own, which outlives this one. Rejects when it cannot be started. */
export async function startProcess(start: ProcessStart, files: ProcessFiles): Promise<void> {
  const stdin = await open(start.stdin ?? '/dev/null', 'r');
  const output = await open(files.output, 'w', 0o600);
  const outcome = await open(files.outcome, 'w', 0o600);
  try {
    const argv = ['-c', wrapper, 'sh', String(outputHeadBytes), String(outputTailBytes), ...start.argv];
    const child: ChildProcess = spawn('/bin/sh', argv, {
      cwd: start.cwd,
      env: { ...start.env, [markVariable]: start.mark },
      detached: true,
      stdio: [stdin.fd, output.fd, output.fd, outcome.fd],
      ...(start.account === undefined ? {} : { uid: start.account.uid, gid: start.account.gid }),
    });
    child.unref();
    await once(child, 'spawn');
  } finally {
    await Promise.all([stdin.close(), output.close(), outcome.close()]);
  }
}

export async function processState(outcomeFile: string, mark: string): Promise<ProcessState> {
  const lines = await linesOf(outcomeFile);
  const pid = numberAfter(lines, 'pid');
  if (pid === undefined) return { state: 'absent' };
  const exitCode = numberAfter(lines, 'exit');
  if (exitCode !== undefined) return { state: 'ended', pid, exitCode };
  if (await isAlive(pid, mark)) return { state: 'running', pid };
  // It may have ended between the two looks.
  const late = numberAfter(await linesOf(outcomeFile), 'exit');
  return late === undefined ? { state: 'lost' } : { state: 'ended', pid, exitCode: late };
}

export interface ProcessEnd {
  /** Absent: it is not known. */
  readonly exitCode?: number;
  readonly stoppedBy?: 'timeout' | 'cancel';
}

/**
 * Waits for the end of a process that was started now or by an earlier agent. `cancel` and `deadline` (ms since the
 * epoch) end it; `signal` only ends the waiting, and rejects.
 */
export async function waitForProcess(
  files: ProcessFiles,
  options: { readonly mark: string; readonly deadline: number; readonly cancel: AbortSignal },
  signal: AbortSignal,
): Promise<ProcessEnd> {
  const { mark, deadline, cancel } = options;
  let stoppedBy: ProcessEnd['stoppedBy'];
  let killAt = Number.POSITIVE_INFINITY;
  // The file stays empty for the moment until the wrapper runs.
  const bornBy = Date.now() + graceMs;
  for (;;) {
    signal.throwIfAborted();
    const found = await processState(files.outcome, mark);
    if (found.state === 'ended') {
      if (stoppedBy !== undefined) killGroup(found.pid, 'SIGKILL');
      await outputWritten(found.pid, mark);
      return { exitCode: found.exitCode, ...(stoppedBy === undefined ? {} : { stoppedBy }) };
    }
    if (found.state === 'lost' || (found.state === 'absent' && Date.now() > bornBy)) {
      return stoppedBy === undefined ? {} : { stoppedBy };
    }
    if (found.state === 'running') {
      if (stoppedBy === undefined && (cancel.aborted || Date.now() >= deadline)) {
        stoppedBy = cancel.aborted ? 'cancel' : 'timeout';
        killGroup(found.pid, 'SIGTERM');
        killAt = Date.now() + graceMs;
      } else if (Date.now() >= killAt) killGroup(found.pid, 'SIGKILL');
    }
    await pause(pollMs, signal);
  }
}

/** The group's leader goes once all output is written, unless the process left others behind that hold it. */
async function outputWritten(pid: number, mark: string): Promise<void> {
  const until = Date.now() + outputGraceMs;
  while (Date.now() < until && (await isAlive(pid, mark))) await pause(10, AbortSignal.timeout(outputGraceMs));
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Gone meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The mark in its environment tells it from a later process of the same number. */
async function isAlive(pid: number, mark: string): Promise<boolean> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
    return environment.split('\0').includes(`${markVariable}=${mark}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}

async function linesOf(file: string): Promise<string[]> {
  try {
    // What is not ended by a line feed is not all there yet.
    return (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function numberAfter(lines: readonly string[], word: string): number | undefined {
  const line = lines.find((one) => one.startsWith(`${word} `));
  return line === undefined ? undefined : Number(line.slice(word.length + 1));
}
