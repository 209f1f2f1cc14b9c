import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { Logger } from '../../machinery/logger.ts';
import { memoryAvailableBytesMin, readNodePressure } from '../node/pressure.ts';
import { pause } from '../pause.ts';
import { formatPod, latestOf, type PodRuntimeState } from '../pods/pod-containers.ts';
import { type ContainerRuntime, RuntimeError } from '../runtime/contract.ts';
import { evictionMessage, type PodUsage, rankForEviction } from './ranking.ts';
import { type StorageReadings, storageExcess } from './storage-limits.ts';

const checkMs = 10_000;
const run = promisify(execFile);

export interface EvictablePod {
  readonly pod: Pod;
  readonly state: PodRuntimeState;
  evict(message: string): void;
}

export interface EvictionsOptions {
  readonly runtime: ContainerRuntime;
  /** Pods that run or are about to. */
  readonly pods: () => readonly EvictablePod[];
  /** Where an emptyDir of a pod lies. */
  readonly emptyDirectory: (podUid: string, volume: string) => string;
  /** On the file system that pods write to. */
  readonly dataDirectory: string;
  /** Frees what nobody uses before a pod has to go. */
  readonly freeDisk: () => Promise<void>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Ends pods that write more than they may, and, one at a time, pods that take what the node runs short of. */
export class Evictions {
  readonly #options: EvictionsOptions;

  constructor(options: EvictionsOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { logger, signal } = this.#options;
    while (!signal.aborted) {
      await pause(checkMs, signal);
      if (signal.aborted) return;
      try {
        await this.enforceLimits();
        await this.relieve();
      } catch (error) {
        const away = error instanceof RuntimeError && error.code === 'unavailable';
        if (!away) logger.warn({ err: error }, 'Could not check what pods take of the node');
      }
    }
  }

  async enforceLimits(): Promise<void> {
    for (const one of this.#options.pods()) {
      const message = await storageExcess(one.pod, this.#readings(one));
      if (message !== undefined) this.#evict(one, message);
    }
  }

  async relieve(): Promise<void> {
    const { dataDirectory, freeDisk } = this.#options;
    const pressure = await readNodePressure(dataDirectory);
    if (pressure.memory) {
      const short = { thresholdBytes: memoryAvailableBytesMin, availableBytes: pressure.memoryAvailableBytes };
      this.#evictFirst(await this.#memoryUsages(), { resource: 'memory', ...short });
      return;
    }
    if (!pressure.disk) return;
    await freeDisk();
    if ((await readNodePressure(dataDirectory)).disk) {
      this.#evictFirst(await this.#diskUsages(), { resource: 'ephemeral-storage' });
    }
  }

  #evictFirst(usages: readonly PodUsage[], short: Parameters<typeof evictionMessage>[1]): void {
    const [first] = rankForEviction(usages, short.resource);
    const found = this.#options.pods().find(({ pod }) => pod.metadata.uid === first?.pod.metadata.uid);
    if (first !== undefined && found !== undefined) this.#evict(found, evictionMessage(first, short));
  }

  #evict(one: EvictablePod, message: string): void {
    this.#options.logger.info({ pod: formatPod(one.pod), why: message }, 'Evicting a pod');
    one.evict(message);
  }

  async #memoryUsages(): Promise<PodUsage[]> {
    const stats = await this.#options.runtime.containerStats();
    return this.#options.pods().map(({ pod }) => ({
      pod,
      containers: new Map(
        stats
          .filter((one) => one.pod.uid === pod.metadata.uid)
          .map((one) => [one.name, one.memoryWorkingSetBytes] as const),
      ),
    }));
  }

  async #diskUsages(): Promise<PodUsage[]> {
    const usages: PodUsage[] = [];
    for (const one of this.#options.pods()) {
      const readings = this.#readings(one);
      const containers = new Map<string, number>();
      for (const { name } of one.pod.spec?.containers ?? []) containers.set(name, await readings.container(name));
      for (const { name, emptyDir } of one.pod.spec?.volumes ?? []) {
        if (emptyDir === undefined || emptyDir.medium === 'Memory') continue;
        containers.set(`volume ${name}`, await readings.emptyDir(name));
      }
      usages.push({ pod: one.pod, containers });
    }
    return usages;
  }

  #readings({ pod, state }: EvictablePod): StorageReadings {
    const { runtime, emptyDirectory } = this.#options;
    return {
      emptyDir: (volume) => usedBytes(emptyDirectory(pod.metadata.uid ?? '', volume)),
      container: async (name) => {
        const found = latestOf(state, name);
        return found === undefined ? 0 : runtime.containerDiskBytes(found.id);
      },
    };
  }
}

/** 0 for what is not there. Files that vanish meanwhile make `du` fail and say its sum nevertheless. */
async function usedBytes(directory: string): Promise<number> {
  try {
    return kilobytesOf((await run('du', ['-skx', directory])).stdout);
  } catch (error) {
    return kilobytesOf((error as { stdout?: string }).stdout ?? '');
  }
}

function kilobytesOf(text: string): number {
  return (Number.parseInt(text, 10) || 0) * 1024;
}
