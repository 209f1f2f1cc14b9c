import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { type DataDirectory, dataDirectory } from '../data-directory.ts';
import { stopDaemon } from './daemon-process.ts';
import { defaultDockerSocket, engineVersion, extendPath } from './docker-engine.ts';
import { removeLocalTraces } from './purge.ts';

const stopTimeoutMs = 10_000;

export interface DownOptions {
  readonly dataDir: string;
  readonly purge?: boolean;
}

/**
 * `roadstead down`: stops agent and server; pods' containers go on, and the next `up` finds them. With `--purge` the
 * containers, the network and the state go too. Safe to repeat.
 */
export async function down({ dataDir, purge = false }: DownOptions): Promise<void> {
  const files = dataDirectory(dataDir);
  extendPath();
  for (const daemon of ['agent', 'server']) {
    const stopped = await stopDaemon(files.pidFile(daemon), stopTimeoutMs);
    console.log(stopped ? `Stopped the ${daemon}` : `The ${daemon} was not running`);
  }
  if (!purge) {
    console.log(`State stays in ${files.root}; pods go on. "down --purge" (make down PURGE=1) removes both`);
    return;
  }
  if (!existsSync(files.server) && !existsSync(files.agent)) {
    // The network may be another cluster's: one that was never here, or is gone already, has no say over it.
    console.log(`Nothing is left to remove in ${files.root}`);
    return;
  }
  if ((await engineVersion(defaultDockerSocket)) === undefined) {
    console.log('Docker Engine does not answer, so no container was removed; start it and repeat to be sure');
  }
  await removeLocalTraces(files, defaultDockerSocket);
  if (await stopDaemon(files.pidFile('dockerd'), stopTimeoutMs))
    console.log('Stopped the dockerd that "up" had started');
  removeState(files);
  console.log(`Removed containers, network and ${existsSync(files.root) ? 'the state in ' : ''}${files.root}`);
}

/** Takes away what a cluster writes and nothing else, for the directory may be one that holds a person's files too. */
export function removeState(files: DataDirectory): void {
  for (const part of [files.kubeconfig, files.logs, files.run, files.agent, files.server]) {
    rmSync(part, { recursive: true, force: true });
  }
  if (!existsSync(files.root) || readdirSync(files.root).length > 0) return;
  try {
    rmdirSync(files.root);
  } catch (error) {
    // A file system of its own is mounted there, which is not ours to take away.
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
  }
}
