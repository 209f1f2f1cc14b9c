import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { purgeNetwork } from '../../agent/network/purge.ts';
import { createDockerRuntime } from '../../agent/runtime/docker/docker-runtime.ts';
import type { DataDirectory } from '../data-directory.ts';
import { engineVersion } from './docker-engine.ts';

/** Removes what this cluster has put on the machine outside its data directory: containers, mounts, network. */
export async function removeLocalTraces(files: DataDirectory, dockerSocket: string): Promise<void> {
  if ((await engineVersion(dockerSocket)) !== undefined) await removeContainers(files, dockerSocket);
  unmountBelow(files.root);
  await purgeNetwork();
}

/** Which of the engine's containers are this cluster's: those that its agent has marked with its own directory. */
export function containerOwner(files: DataDirectory): string {
  return files.agent;
}

async function removeContainers(files: DataDirectory, dockerSocket: string): Promise<void> {
  const runtime = createDockerRuntime({ socketPath: dockerSocket, owner: containerOwner(files) });
  try {
    const sandboxes = await runtime.listPodSandboxes();
    await Promise.all(
      sandboxes.map(async ({ id }) => {
        await runtime.stopPodSandbox(id);
        await runtime.removePodSandbox(id);
      }),
    );
    for (const { id } of await runtime.listContainers()) await runtime.removeContainer(id);
  } finally {
    await runtime.close();
  }
}

/** Memory-backed volumes are mounts; a directory with a mount in it cannot be removed. Deepest first. */
function unmountBelow(directory: string): void {
  const points = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point.startsWith(`${directory}/`))
    .sort()
    .reverse();
  for (const point of points) spawnSync('umount', ['-l', point], { stdio: 'ignore' });
}
