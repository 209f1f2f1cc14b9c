import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const timeoutMsDefault = 60_000;

/** Runs a program to its end, whatever its exit code. */
export function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? timeoutMsDefault,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? 1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A command that ends without reading its input is no failure of the test.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stdin.end(options.input ?? '');
  });
}

/** kubectl to the end, whatever its exit code. */
export function tryKubectl(args: readonly string[], options?: CommandOptions): Promise<CommandResult> {
  return command('kubectl', args, options);
}

/** kubectl that must succeed; its standard output. */
export async function kubectl(args: readonly string[], options?: CommandOptions): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(args, options);
  assert.equal(code, 0, `kubectl ${args.join(' ')} exited ${code}\n${stderr}${stdout}`);
  return stdout;
}

/** kubectl that must fail; what it said. */
export async function kubectlFails(args: readonly string[], options?: CommandOptions): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(args, options);
  assert.notEqual(code, 0, `kubectl ${args.join(' ')} succeeded although it should not\n${stdout}`);
  return stderr + stdout;
}

export async function kubectlJson<T = Record<string, unknown>>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl([...args, '-o', 'json'])) as T;
}

/** A kubectl that goes on (`logs -f`, `port-forward`): what it printed so far, and the way to end it. */
export interface RunningKubectl {
  readonly process: ChildProcess;
  output(): string;
  stop(): Promise<void>;
}

export function startKubectl(args: readonly string[]): RunningKubectl {
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return {
    process: child,
    output: () => printed,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Waits until the check gives something other than false or undefined; a check that throws counts as not yet. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | false | undefined> | T | false | undefined,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const result = await check();
      if (result !== false && result !== undefined) return result;
    } catch (error) {
      last = error;
    }
    await delay(100);
  } while (Date.now() < deadline);
  throw new Error(`Waited ${timeoutMs} ms for ${what} in vain`, { cause: last });
}

/** A namespace for one test file; `remove` deletes it without waiting. */
export async function createNamespace(name: string): Promise<{ readonly name: string; remove(): Promise<void> }> {
  const unique = `${name}-${randomBytes(3).toString('hex')}`;
  await kubectl(['create', 'namespace', unique]);
  await eventually('the default service account', () => kubectl(['get', 'serviceaccount', 'default', '-n', unique]));
  return { name: unique, remove: async () => void (await tryKubectl(['delete', 'namespace', unique, '--wait=false'])) };
}
