import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  localVolumeDirectoryAnnotation,
  localVolumeFinalizer,
  localVolumeNodeLabel,
} from '../../api/core/v1/local-storage.ts';
import type { Node, PersistentVolume } from '../../api/core/v1/types.generated.ts';
import { nodes, persistentVolumes } from '../../api/resource-types.ts';
import type { Client, Informer, InformerFactory } from '../../client/contract.ts';
import { runController } from '../../client/controller-runner.ts';
import { createWorkQueue } from '../../client/work-queue.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isNotFound } from '../../machinery/status-error.ts';

/** Anyone may write: which user a pod runs as is not known when the directory is made. */
const directoryMode = 0o777;

/** Where this node keeps the volumes that were made on it. */
export function localVolumeDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'volumes');
}

/** Makes the directory of a volume of this node; one that lies elsewhere is the user's own, and is left alone. */
export async function makeLocalVolume(dataDirectory: string, path: string): Promise<void> {
  if (dirname(path) !== localVolumeDirectory(dataDirectory)) return;
  await mkdir(dirname(path), { recursive: true });
  const created = await mkdir(path, { recursive: true, mode: directoryMode });
  // The process's umask takes bits away.
  if (created !== undefined) await chmod(path, directoryMode);
}

export interface LocalVolumesOptions {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly nodeInformer: Informer<Node>;
  readonly nodeName: string;
  readonly dataDirectory: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Says on the Node where its local volumes lie, and removes the directories of those that were deleted; see
 * `api/core/v1/local-storage.ts`. Ends when the signal aborts.
 */
export async function keepLocalVolumes(options: LocalVolumesOptions): Promise<void> {
  const { informers, nodeInformer, nodeName, dataDirectory, logger, signal } = options;
  const directory = localVolumeDirectory(dataDirectory);
  const queue = createWorkQueue();
  const volumes = informers.informer(persistentVolumes, { labelSelector: `${localVolumeNodeLabel}=${nodeName}` });
  const announce = (node: Node): void => {
    if (node.metadata.annotations?.[localVolumeDirectoryAnnotation] !== directory) queue.add(nodeKey);
  };
  nodeInformer.addHandler({ added: announce, updated: (_old, node) => announce(node) });
  const doomed = (volume: PersistentVolume): void => {
    if (isDoomed(volume)) queue.add(volume.metadata.name);
  };
  volumes.addHandler({ added: doomed, updated: (_old, volume) => doomed(volume) });
  informers.start(signal);
  await runController(
    {
      name: 'local-volumes',
      queue,
      workers: 1,
      logger,
      synced: (waiting) => informers.synced(waiting),
      async reconcile(key) {
        if (key === nodeKey) {
          const body = { metadata: { annotations: { [localVolumeDirectoryAnnotation]: directory } } };
          await options.client.resource(nodes).patch({ name: nodeName }, { type: 'merge', body });
          return undefined;
        }
        const volume = volumes.get(key);
        if (volume !== undefined && isDoomed(volume)) await remove(options, volume);
        return undefined;
      },
    },
    signal,
  );
}

/** Not a name that an object can have. */
const nodeKey = '#node';

function isDoomed({ metadata }: PersistentVolume): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(localVolumeFinalizer) === true;
}

async function remove({ client, dataDirectory, logger }: LocalVolumesOptions, volume: PersistentVolume): Promise<void> {
  const { name, uid, finalizers = [] } = volume.metadata;
  const path = volume.spec?.local?.path ?? '';
  // The path is what the API says: only what this node made itself is ever removed.
  if (path === join(localVolumeDirectory(dataDirectory), name)) await rm(path, { recursive: true, force: true });
  else logger.warn({ volume: name, path }, 'Volume was let go, but its directory is not ours and stays');
  const body = { metadata: { uid, finalizers: finalizers.filter((finalizer) => finalizer !== localVolumeFinalizer) } };
  try {
    await client.resource(persistentVolumes).patch({ name }, { type: 'merge', body });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
