import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from '../contract.ts';

/**
 * Keeps a second process off a data directory. The lock file names the holder by process id and start time, so that a
 * lock left by a killed process is recognised, also when its id was given to another process since.
 */
export class DirectoryLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws `StoreError('locked')` while another process (or another store of this one) holds the directory. */
  static acquire(directory: string): DirectoryLock {
    const path = join(directory, 'owner');
    const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    writeFileSync(draft, `${process.pid} ${startTime(process.pid) ?? ''}\n`, { mode: 0o600 });
    try {
      for (let attempt = 0; attempt < acquireAttemptsMax; attempt++) {
        if (link(draft, path)) return new DirectoryLock(path);
        const holder = readHolder(path);
        if (holder !== undefined) awaitDying(holder);
        if (holder !== undefined && isAlive(holder)) {
          throw new StoreError('locked', `Data directory ${directory} is in use by process ${holder.pid}`);
        }
        removeStale(path, holder);
      }
    } finally {
      rmSync(draft, { force: true });
    }
    throw new StoreError('locked', `Data directory ${directory} is being opened by another process`);
  }

  release(): void {
    rmSync(this.#path, { force: true });
  }
}

const acquireAttemptsMax = 5;
/** A killed process may take this long to let go of its memory and files, in ms. */
const dyingMsMax = 5_000;
const dyingPollMs = 10;

interface Holder {
  readonly pid: number;
  readonly startTime: string;
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    const [pid, started = ''] = readFileSync(path, 'utf8').trim().split(' ');
    return { pid: Number(pid), startTime: started };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moves the lock aside first: of two processes that found it stale, one moves it and the other finds it gone. */
function removeStale(path: string, seen: Holder | undefined): void {
  if (seen === undefined) return;
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(aside);
  // Object.is: a lock that a power failure left empty names no process, and NaN equals nothing.
  const same = moved === undefined || (Object.is(moved.pid, seen.pid) && moved.startTime === seen.startTime);
  if (!same) link(aside, path);
  rmSync(aside, { force: true });
}

function isAlive(holder: Holder): boolean {
  if (!Number.isInteger(holder.pid) || holder.pid <= 0) return false;
  const started = startTime(holder.pid);
  return started !== undefined && (holder.startTime === '' || started === holder.startTime);
}

/** Holds the thread, as opening a store does, for as long as a holder that was killed is still being taken down. */
function awaitDying(holder: Holder): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  const until = Date.now() + dyingMsMax;
  while (isAlive(holder) && isDying(holder.pid) && Date.now() < until) Atomics.wait(nobody, 0, 0, dyingPollMs);
}

const sigkillBit = 1n << 8n;

/** Told to end by SIGKILL, or without memory of its own any more. */
function isDying(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const pending = [...status.matchAll(/^(?:SigPnd|ShdPnd):\t([0-9a-f]+)$/gm)];
    return !/^VmSize:/m.test(status) || pending.some(([, bits = '0']) => (BigInt(`0x${bits}`) & sigkillBit) !== 0n);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return true;
    throw error;
  }
}

/** Clock ticks since boot at which a process started; undefined when it is gone, or only waits to be reaped. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command in parentheses may hold spaces; after it come the state and, as 20th field, the start time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
