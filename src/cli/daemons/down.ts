import { rmSync } from 'node:fs';
import { dataDirectory } from '../data-directory.ts';
import { stopDaemon } from './daemon-process.ts';
import { defaultDockerSocket, engineVersion } from './docker-engine.ts';
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
  for (const daemon of ['agent', 'server']) {
    const stopped = await stopDaemon(files.pidFile(daemon), stopTimeoutMs);
    console.log(stopped ? `Stopped the ${daemon}` : `The ${daemon} was not running`);
  }
  if (!purge) {
    console.log(`State stays in ${files.root}; pods go on. "down --purge" (make down PURGE=1) removes both`);
    return;
  }
  if ((await engineVersion(defaultDockerSocket)) === undefined) {
    console.log('Docker Engine does not answer, so no container was removed; start it and repeat to be sure');
  }
  await removeLocalTraces(files, defaultDockerSocket);
  if (await stopDaemon(files.pidFile('dockerd'), stopTimeoutMs))
    console.log('Stopped the dockerd that "up" had started');
  rmSync(files.root, { recursive: true, force: true });
  console.log(`Removed containers, network and ${files.root}`);
}
