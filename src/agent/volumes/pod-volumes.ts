import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PersistentVolume, Pod, Volume } from '../../api/core/v1/types.generated.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { quantityToNumber } from '../../machinery/quantity.ts';
import type { DownwardFacts } from '../pods/downward-fields.ts';
import type { ObjectReferences } from '../pods/object-references.ts';
import { askServer, ServerAwayError } from '../server-away.ts';
import { isWritten, writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { makeLocalVolume } from './local-volumes.ts';
import { giveToGroup } from './ownership.ts';
import { projectedFiles } from './projected-files.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';
import { mountTmpfs, unmountBelow } from './tmpfs.ts';

export interface PodVolumesOptions {
  readonly client: Client;
  readonly references: ObjectReferences;
  /** Sees that an image is on the machine; answers its id. */
  readonly ensureImage: (pod: Pod, volume: Volume) => Promise<string>;
  readonly exportImage: (imageId: string, directory: string) => Promise<void>;
  /** Holds `pods/<uid>/volumes` and `memory/<uid>`. */
  readonly dataDirectory: string;
}

/** One volume of a pod, ready to be mounted into its containers. */
export interface PreparedVolume {
  readonly path: string;
  readonly readOnly: boolean;
}

/** A volume that could not be set up; `volume` is for the FailedMount Event. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly volume: string;

  constructor(volume: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.volume = volume;
  }
}

/** Makes the volumes of pods on this machine, keeps their contents current and takes them away. */
export class PodVolumes {
  readonly #client: Client;
  readonly #options: PodVolumesOptions;
  readonly #references: ObjectReferences;
  readonly #dataDirectory: string;
  readonly #podsDirectory: string;
  readonly #memoryDirectory: string;
  readonly #tokens: ServiceAccountTokens;
  /** Volumes made since the start, `uid/name`: what need not be looked at again. */
  readonly #made = new Set<string>();
  #memoryMounted: Promise<void> | undefined;

  constructor(options: PodVolumesOptions) {
    this.#client = options.client;
    this.#options = options;
    this.#references = options.references;
    this.#dataDirectory = options.dataDirectory;
    this.#podsDirectory = join(options.dataDirectory, 'pods');
    this.#memoryDirectory = join(options.dataDirectory, 'memory');
    this.#tokens = new ServiceAccountTokens(options.client);
  }

  /** Safe to repeat; a repeated call brings configMap, secret, token and downward contents up to date. */
  async setUp(pod: Pod, facts: DownwardFacts): Promise<Map<string, PreparedVolume>> {
    const prepared = new Map<string, PreparedVolume>();
    const volumes = pod.spec?.volumes ?? [];
    await Promise.all(
      volumes.map(async (volume) => {
        try {
          prepared.set(volume.name, await this.#prepare(pod, volume, facts));
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error);
          throw new VolumeError(volume.name, `MountVolume.SetUp failed for volume "${volume.name}" : ${message}`, {
            cause: error,
          });
        }
      }),
    );
    return prepared;
  }

  /** Where an emptyDir lies, whether or not it was made. */
  emptyDirectory(podUid: string, volume: string): string {
    return join(this.#podsDirectory, podUid, 'volumes', 'empty-dir', volume);
  }

  /** Safe to repeat and for a pod never set up. */
  async tearDown(podUid: string): Promise<void> {
    this.#tokens.forget(podUid);
    for (const key of this.#made) if (key.startsWith(`${podUid}/`)) this.#made.delete(key);
    const directory = join(this.#podsDirectory, podUid, 'volumes');
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true });
    await rm(join(this.#memoryDirectory, podUid), { recursive: true, force: true });
  }

  async #prepare(pod: Pod, volume: Volume, facts: DownwardFacts): Promise<PreparedVolume> {
    const uid = pod.metadata.uid ?? '';
    const namespace = pod.metadata.namespace ?? '';
    const group = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath !== undefined) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type);
      return { path: volume.hostPath.path, readOnly: false };
    }
    if (volume.emptyDir !== undefined) return this.#emptyDirectory(pod, volume, volume.emptyDir);
    if (volume.persistentVolumeClaim !== undefined) {
      return this.#claim(pod, volume.persistentVolumeClaim.claimName, volume.persistentVolumeClaim.readOnly === true);
    }
    if (volume.image !== undefined) return this.#imageFiles(pod, volume);
    if (volume.ephemeral !== undefined) return this.#claim(pod, `${pod.metadata.name}-${volume.name}`, false);
    const path = await this.#projectedPath(uid, volume);
    try {
      const files = await projectedFiles(pod, volume, {
        configMap: (name) => this.#references.configMap(uid, namespace, name),
        secret: (name) => this.#references.secret(uid, namespace, name),
        token: (source) => this.#tokens.token(pod, source),
        facts,
      });
      if (files === undefined) throw new Error('no volume plugin matched');
      await writeAtomically(path, files, group);
    } catch (error) {
      // What an earlier run of the agent wrote is better than a pod that cannot start.
      if (!(error instanceof ServerAwayError) || !(await isWritten(path))) throw error;
    }
    return { path, readOnly: true };
  }

  async #emptyDirectory(pod: Pod, volume: Volume, source: NonNullable<Volume['emptyDir']>): Promise<PreparedVolume> {
    const uid = pod.metadata.uid ?? '';
    const path = this.emptyDirectory(uid, volume.name);
    const key = `${uid}/${volume.name}`;
    if (this.#made.has(key)) return { path, readOnly: false };
    const created = await mkdir(path, { recursive: true });
    if (source.medium === 'Memory') await mountTmpfs(path, quantityToNumber(source.sizeLimit), '0777');
    // One that an earlier run of the agent made belongs to the pod by now, modes and all.
    if (created !== undefined) {
      await chmod(path, 0o777);
      const group = pod.spec?.securityContext?.fsGroup;
      if (group !== undefined) await giveToGroup(path, group, onRootMismatch(pod));
    }
    this.#made.add(key);
    return { path, readOnly: false };
  }

  /** A copy of the image's files, whole or not there at all. */
  async #imageFiles(pod: Pod, volume: Volume): Promise<PreparedVolume> {
    const parent = join(this.#podsDirectory, pod.metadata.uid ?? '', 'volumes', 'image');
    const path = join(parent, volume.name);
    if (!existsSync(path)) {
      const imageId = await this.#options.ensureImage(pod, volume);
      const partial = join(parent, `.${volume.name}`);
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      await this.#options.exportImage(imageId, partial);
      await rename(partial, path);
    }
    return { path, readOnly: true };
  }

  /** Secrets and tokens stay in memory; the rest goes to disk. */
  async #projectedPath(uid: string, volume: Volume): Promise<string> {
    if (volume.configMap !== undefined) return join(this.#podsDirectory, uid, 'volumes', 'projected', volume.name);
    this.#memoryMounted ??= this.#mountMemory();
    try {
      await this.#memoryMounted;
    } catch (error) {
      this.#memoryMounted = undefined;
      throw error;
    }
    return join(this.#memoryDirectory, uid, volume.name);
  }

  async #mountMemory(): Promise<void> {
    await mkdir(this.#memoryDirectory, { recursive: true });
    await mountTmpfs(this.#memoryDirectory, 0, '0755');
  }

  async #claim(pod: Pod, name: string, readOnly: boolean): Promise<PreparedVolume> {
    const namespace = pod.metadata.namespace ?? '';
    const volume = await this.#boundVolume(pod, namespace, name);
    const path = await persistentPath(volume, this.#dataDirectory);
    const group = pod.spec?.securityContext?.fsGroup;
    const key = `${pod.metadata.uid}/${volume.metadata.name}`;
    if (group !== undefined && !readOnly && volume.spec?.local !== undefined && !this.#made.has(key)) {
      await giveToGroup(path, group, onRootMismatch(pod));
    }
    this.#made.add(key);
    return { path, readOnly };
  }

  /** Asked once for each pod, then read from its directory: a restart needs no server. */
  async #boundVolume(pod: Pod, namespace: string, name: string): Promise<PersistentVolume> {
    const noted = join(this.#podsDirectory, pod.metadata.uid ?? '', `claim-${name}.json`);
    try {
      return JSON.parse(await readFile(noted, 'utf8')) as PersistentVolume;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const volume = await askServer(async (signal) => {
      const claim = await this.#client.resource(persistentVolumeClaims).get({ namespace, name }, signal);
      const volumeName = claim.spec?.volumeName ?? '';
      if (volumeName === '' || claim.status?.phase !== 'Bound') return undefined;
      return this.#client.resource(persistentVolumes).get({ name: volumeName }, signal);
    });
    if (volume === undefined) throw new Error(`PVC ${namespace}/${name} is not bound`);
    await writeFile(`${noted}.new`, JSON.stringify(volume));
    await rename(`${noted}.new`, noted);
    return volume;
  }
}

async function persistentPath(volume: PersistentVolume, dataDirectory: string): Promise<string> {
  const { hostPath, local } = volume.spec ?? {};
  if (hostPath !== undefined) {
    await prepareHostPath(hostPath.path, hostPath.type);
    return hostPath.path;
  }
  if (local !== undefined) {
    await makeLocalVolume(dataDirectory, local.path);
    await prepareHostPath(local.path, 'Directory');
    return local.path;
  }
  throw new Error(`no volume plugin matched persistent volume ${volume.metadata.name}`);
}

function onRootMismatch(pod: Pod): boolean {
  return pod.spec?.securityContext?.fsGroupChangePolicy === 'OnRootMismatch';
}
