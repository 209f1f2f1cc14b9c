/** What the tests need of the machine: Docker Engine running, busybox for the base image, and a stock kubectl. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ensureDockerEngine, findExecutable } from '../src/cli/daemons/docker-engine.ts';

export async function prepareHost(): Promise<void> {
  if (findExecutable('kubectl') === undefined) {
    throw new Error('kubectl is not on the PATH; install kubectl 1.27 or later, the tests drive it');
  }
  if (!existsSync('/bin/busybox')) aptInstall('busybox');
  await ensureDockerEngine({ logDirectory: '/var/log/roadstead', say: console.log });
}

function aptInstall(...packages: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) throw new Error(`apt-get ${args[0]} failed: ${stderr.trim().split('\n').at(-1)}`);
  }
}
