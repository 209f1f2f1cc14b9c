import { spawn } from 'node:child_process';

/** Output beyond this is cut; the tools used here answer in a few kilobytes. */
const outputBytesMax = 8 * 1024 * 1024;
const timeoutMs = 20_000;
/** nft repeats every line it rejects; the first ones tell what is wrong. */
const errorLengthMax = 2_000;

/** A tool of the system ended badly; `stderr` is what it said. */
export class CommandError extends Error {
  readonly stderr: string;

  constructor(command: string, args: readonly string[], stderr: string) {
    super(`${command} ${args.join(' ')} failed: ${stderr.slice(0, errorLengthMax).trim()}`);
    this.name = 'CommandError';
    this.stderr = stderr.slice(0, errorLengthMax);
  }
}

/** Runs a program with `input` on its stdin; resolves to its stdout, throws CommandError when it does not exit with 0. */
export function runCommand(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout.length < outputBytesMax) stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < errorLengthMax) stderr += text;
    });
    child.on('error', (err) => reject(new CommandError(command, args, err.message)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new CommandError(command, args, stderr === '' ? `it ended with ${code ?? signal}` : stderr));
    });
    // A program that ends before it has read its input says why by its exit status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Applies an nftables script in one transaction: all of it or nothing. */
export async function applyNft(script: string): Promise<void> {
  await runCommand('nft', ['-f', '-'], script);
}

/** Runs `ip` commands in order, one process for all, stopping at the first that fails. */
export async function runIp(lines: readonly string[]): Promise<void> {
  await runCommand('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}

/** As `runIp`, inside a network namespace given by path. */
export async function runIpIn(namespacePath: string, lines: readonly string[]): Promise<void> {
  await runCommand('nsenter', [`--net=${namespacePath}`, 'ip', '-batch', '-'], `${lines.join('\n')}\n`);
}
