import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineClient } from './engine-client.ts';

/** Between SIGHUP and SIGKILL, in ms. */
const hangUpMs = 2_000;

export interface ExecProcess {
  readonly ExitCode: number | null;
  readonly Running: boolean;
  /** Of the process as this machine sees it. */
  readonly Pid: number;
  readonly ContainerID: string;
}

export function inspectExec(engine: EngineClient, execId: string): Promise<ExecProcess> {
  return engine.json({ method: 'GET', path: `/exec/${execId}/json` });
}

/** Docker has no call that ends an exec; its process is an ordinary one of this machine. */
export async function killExec(engine: EngineClient, execId: string): Promise<void> {
  signalExec(await inspectExec(engine, execId), 'SIGKILL');
}

/** Ends the process of an exec whose client has gone: as a lost terminal would, then by force. */
export async function hangUpExec(engine: EngineClient, execId: string): Promise<void> {
  const found = await inspectExec(engine, execId);
  if (!signalExec(found, 'SIGHUP')) return;
  await delay(hangUpMs, undefined, { ref: false });
  signalExec(await inspectExec(engine, execId), 'SIGKILL');
}

/** Whether there was something to signal. Only what is still in the container is touched: ids are used again. */
function signalExec({ Running, Pid, ContainerID }: ExecProcess, signal: NodeJS.Signals): boolean {
  if (!Running || Pid <= 1 || !read(`/proc/${Pid}/cgroup`).includes(ContainerID)) return false;
  try {
    process.kill(leadsGroup(Pid) ? -Pid : Pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** The engine starts each exec in a session of its own, so its group is what it started. */
function leadsGroup(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] === String(pid);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return '';
    throw error;
  }
}
