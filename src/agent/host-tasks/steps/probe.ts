import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { connect } from 'node:net';
import type { UnitStep, WaitStep } from '../../../api/fleet/v1/host-task.ts';
import { pause } from '../../pause.ts';
import { StepError } from '../step-error.ts';

const attemptTimeoutMs = 5_000;
const unitTimeoutMs = 90_000;

/** Resolves once what is waited for is so; ends when `signal` aborts, by throwing. */
export async function doWait(step: WaitStep, signal: AbortSignal): Promise<string> {
  const intervalMs = (step.intervalSeconds ?? 1) * 1000;
  for (;;) {
    signal.throwIfAborted();
    if (await isSo(step)) return 'It is so';
    await pause(intervalMs, signal);
  }
}

async function isSo({ tcp, http, path, command }: WaitStep): Promise<boolean> {
  if (tcp !== undefined) return takesConnection(tcp);
  if (http !== undefined) {
    const answer = await fetch(http, { signal: AbortSignal.timeout(attemptTimeoutMs) }).catch(() => undefined);
    await answer?.body?.cancel();
    return answer !== undefined && answer.status < 400;
  }
  if (path !== undefined) return exists(path);
  if (command !== undefined) return succeeds(command);
  throw new StepError('A wait needs one of tcp, http, path and command');
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export async function succeeds(command: readonly string[]): Promise<boolean> {
  return (await run(command, attemptTimeoutMs)).code === 0;
}

function takesConnection(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port)) throw new StepError(`"${address}" is not an address; write host:port`);
  return new Promise((resolve) => {
    const socket = connect({ host: address.slice(0, colon), port, timeout: attemptTimeoutMs });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

const verbs = { started: 'start', stopped: 'stop', restarted: 'restart', reloaded: 'reload' } as const;

/** Asks systemd; answers the unit's states as they are afterwards. */
export async function doUnit({ name, state, enabled }: UnitStep): Promise<string> {
  if (!(await exists('/run/systemd/system'))) throw new StepError('systemd does not run on this host');
  if (!/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$/.test(name)) throw new StepError(`"${name}" is not the name of a unit`);
  await systemctl('daemon-reload');
  if (enabled !== undefined) await systemctl(enabled ? 'enable' : 'disable', name);
  if (state !== undefined) await systemctl(verbs[state], name);
  return systemctl('show', '--property=LoadState,ActiveState,SubState,UnitFileState,StateChangeTimestamp', name);
}

async function systemctl(...args: string[]): Promise<string> {
  const { code, output } = await run(['systemctl', '--no-pager', ...args], unitTimeoutMs);
  if (code !== 0) throw new StepError(`systemctl ${args.join(' ')} failed: ${output.trim()}`);
  return output;
}

function run(command: readonly string[], timeoutMs: number): Promise<{ code: number; output: string }> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    execFile(program, args, { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ code, output: stdout + (error !== null && stderr === '' ? error.message : stderr) });
    });
  });
}
