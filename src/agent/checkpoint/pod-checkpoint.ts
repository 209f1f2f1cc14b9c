import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { Logger } from '../../machinery/logger.ts';

export interface CheckpointedPod {
  readonly pod: Pod;
  /** Restart back-off in force, by the key of RestartBackoff. */
  readonly backoff: readonly (readonly [string, { backoffMs: number; lastUpdate: number }])[];
}

/**
 * What the agent must know to go on without the server: the pods of this node as last seen, one file each, replaced
 * atomically. Containers and their restart counts are the runtime's to remember.
 */
export class PodCheckpoint {
  readonly #directory: string;
  readonly #logger: Logger;

  constructor(options: { dataDirectory: string; logger: Logger }) {
    this.#directory = join(options.dataDirectory, 'pods');
    this.#logger = options.logger;
  }

  async save(checkpoint: CheckpointedPod): Promise<void> {
    const directory = join(this.#directory, checkpoint.pod.metadata.uid ?? '');
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const path = join(directory, 'pod.json');
    await writeFile(`${path}.tmp`, JSON.stringify(checkpoint), { mode: 0o600 });
    await rename(`${path}.tmp`, path);
  }

  /** A file that cannot be read is left out and logged: it must not keep the other pods from running. */
  async load(): Promise<CheckpointedPod[]> {
    const found: CheckpointedPod[] = [];
    await mkdir(this.#directory, { recursive: true });
    for (const uid of await readdir(this.#directory)) {
      try {
        const read: unknown = JSON.parse(await readFile(join(this.#directory, uid, 'pod.json'), 'utf8'));
        if (!isCheckpoint(read, uid)) throw new Error('The file does not hold a pod');
        found.push(read);
      } catch (error) {
        // What is left of a pod that ended just then; it goes once the server's list is known.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        this.#logger.warn({ podUid: uid, err: error }, 'Could not read the checkpoint of a pod');
      }
    }
    return found;
  }

  /** Uids with a directory here, whether or not its file can be read. */
  async uids(): Promise<string[]> {
    await mkdir(this.#directory, { recursive: true });
    return readdir(this.#directory);
  }

  async remove(podUid: string): Promise<void> {
    await rm(join(this.#directory, podUid), { recursive: true, force: true });
  }
}

function isCheckpoint(read: unknown, uid: string): read is CheckpointedPod {
  const { pod, backoff } = (read ?? {}) as Partial<CheckpointedPod>;
  return pod?.metadata?.uid === uid && Array.isArray(pod.spec?.containers) && Array.isArray(backoff);
}
