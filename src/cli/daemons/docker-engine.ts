import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../user-error.ts';
import { isRunning, startDaemon } from './daemon-process.ts';

export const defaultDockerSocket = '/var/run/docker.sock';
const startTimeoutMs = 60_000;
const pollMs = 100;

export interface DockerEngineOptions {
  readonly socketPath?: string;
  /** Where the log of a dockerd that we start goes. */
  readonly logDirectory: string;
  /** Where its process id is kept; absent: not kept. */
  readonly pidFile?: string;
  say(line: string): void;
}

/** Makes sure that a Docker Engine answers on this host: installs and starts one where there is none. */
export async function ensureDockerEngine(options: DockerEngineOptions): Promise<string> {
  const socketPath = options.socketPath ?? defaultDockerSocket;
  const running = await engineVersion(socketPath);
  if (running !== undefined) return running;
  if (findExecutable('dockerd') === undefined) install(options);
  start(options);
  return await waitForEngine(socketPath, options.logDirectory);
}

/** Root's own programs (nft, ip, dockerd) lie where the PATH of `su` or of a unit may not reach. */
export function extendPath(): void {
  const folders = (process.env['PATH'] ?? '').split(':');
  const missing = ['/usr/local/sbin', '/usr/sbin', '/sbin'].filter((folder) => !folders.includes(folder));
  process.env['PATH'] = [...folders, ...missing].join(':');
}

/** The engine's version, or undefined when nothing answers on the socket. */
export function engineVersion(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path: '/_ping', timeout: 2000 }, (response) => {
      response.resume();
      const server = String(response.headers['server'] ?? '');
      resolve(response.statusCode === 200 ? (/Docker\/(\S+)/.exec(server)?.[1] ?? 'unknown') : undefined);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(undefined));
    outgoing.end();
  });
}

function install({ say }: DockerEngineOptions): void {
  const apt = findExecutable('apt-get');
  if (apt === undefined) {
    throw new UserError(
      'No Docker Engine here and no apt-get to install one; install Docker Engine 20.10 or later and try again',
    );
  }
  if (process.getuid?.() !== 0) throw new UserError('Installing Docker Engine needs root; run this as root');
  say('Installing Docker Engine (docker.io, nftables, iproute2)');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apply = (args: string[]): void => {
    const { status, stderr } = spawnSync(apt, args, { env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    if (status !== 0)
      throw new UserError(`apt-get ${args[0]} failed: ${lastLine(stderr)}; install docker.io by hand and try again`);
  };
  apply(['update', '-qq']);
  apply([
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    'docker.io',
    'nftables',
    'iproute2',
    'iptables',
    'ca-certificates',
  ]);
}

function start({ say, logDirectory, pidFile }: DockerEngineOptions): void {
  if (existsSync('/run/systemd/system')) {
    say('Starting Docker Engine (systemctl start docker)');
    spawnSync('systemctl', ['start', 'docker'], { stdio: 'ignore' });
    return;
  }
  const dockerd = findExecutable('dockerd');
  if (dockerd === undefined)
    throw new UserError('dockerd is not on the PATH after its installation; start Docker Engine by hand');
  if (pidFile !== undefined && isRunning(pidFile)) return;
  say('Starting dockerd itself, since there is no systemd here');
  mkdirSync(logDirectory, { recursive: true });
  startDaemon({
    command: dockerd,
    args: [],
    logFile: path.join(logDirectory, 'dockerd.log'),
    ...(pidFile === undefined ? {} : { pidFile }),
  });
}

async function waitForEngine(socketPath: string, logDirectory: string): Promise<string> {
  const deadline = Date.now() + startTimeoutMs;
  while (Date.now() < deadline) {
    const version = await engineVersion(socketPath);
    if (version !== undefined) return version;
    await delay(pollMs);
  }
  throw new UserError(
    `Docker Engine did not answer on ${socketPath} within ${startTimeoutMs / 1000} s; see ${logDirectory}/dockerd.log`,
  );
}

/** The path of a program on the PATH or in the administrator's folders, which a user's PATH may lack. */
export function findExecutable(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
