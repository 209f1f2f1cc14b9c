import { statfs } from 'node:fs/promises';
import type { Logger } from '../../machinery/logger.ts';
import { pause } from '../pause.ts';
import { type ContainerRuntime, RuntimeError, type RuntimeImage } from '../runtime/contract.ts';

const checkMs = 5 * 60_000;
/** Collecting begins above this share of the disk in use and ends below the other; upstream's defaults. */
const highShare = 0.85;
const lowShare = 0.8;
/** Younger images may be about to be used. */
const ageMsMin = 2 * 60_000;

export interface ImageCollectorOptions {
  readonly runtime: ContainerRuntime;
  /** On the file system that the engine keeps its images on. */
  readonly imageDirectory: string;
  /** Never removed: the sandbox's image, and what the program brings along. */
  readonly keep: (image: RuntimeImage) => boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Removes images nobody uses when the disk fills up, those longest unused first. */
export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #firstSeen = new Map<string, number>();
  readonly #lastUsed = new Map<string, number>();

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { logger, signal } = this.#options;
    while (!signal.aborted) {
      try {
        await this.collect(Date.now());
      } catch (error) {
        const away = error instanceof RuntimeError && error.code === 'unavailable';
        if (!away) logger.warn({ err: error }, 'Could not collect images');
      }
      await pause(checkMs, signal);
    }
  }

  async collect(now: number): Promise<void> {
    const { runtime, imageDirectory, logger } = this.#options;
    const [images, containers] = await Promise.all([runtime.listImages(), runtime.listContainers()]);
    const used = new Set(containers.flatMap(({ imageId, image }) => [imageId, image]));
    for (const image of images) {
      if (!this.#firstSeen.has(image.id)) this.#firstSeen.set(image.id, now);
      if (isUsed(image, used)) this.#lastUsed.set(image.id, now);
    }
    const disk = await statfs(imageDirectory);
    const total = disk.blocks * disk.bsize;
    const inUse = total - disk.bavail * disk.bsize;
    if (total === 0 || inUse / total < highShare) return;
    const plan = imagesToRemove(
      images.filter((image) => !isUsed(image, used) && !this.#options.keep(image)),
      { bytesWanted: inUse - total * lowShare, now, firstSeen: this.#firstSeen, lastUsed: this.#lastUsed },
    );
    for (const image of plan) if (await this.#remove(image)) logger.info(said(image), 'Removed an unused image');
  }

  /** By each of its names, since an engine does not take an image with several by its id. */
  async #remove(image: RuntimeImage): Promise<boolean> {
    const { runtime, logger } = this.#options;
    try {
      for (const name of image.repoTags.length > 0 ? image.repoTags : [image.id]) await runtime.removeImage(name);
      return true;
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code === 'unavailable') throw error;
      // Used after all, or another image stands on it: the others can go nevertheless.
      logger.debug({ ...said(image), err: error }, 'An image could not be removed');
      return false;
    }
  }
}

/** The order is: longest unused first, as far as is needed; pure. */
export function imagesToRemove(
  unused: readonly RuntimeImage[],
  facts: {
    bytesWanted: number;
    now: number;
    firstSeen: ReadonlyMap<string, number>;
    lastUsed: ReadonlyMap<string, number>;
  },
): RuntimeImage[] {
  const usedAt = ({ id }: RuntimeImage): number => facts.lastUsed.get(id) ?? 0;
  const old = unused.filter(({ id }) => facts.now - (facts.firstSeen.get(id) ?? facts.now) >= ageMsMin);
  const chosen: RuntimeImage[] = [];
  let freed = 0;
  for (const image of old.sort((a, b) => usedAt(a) - usedAt(b))) {
    if (freed >= facts.bytesWanted) break;
    chosen.push(image);
    freed += image.sizeBytes;
  }
  return chosen;
}

function said(image: RuntimeImage): { image: string; bytes: number } {
  return { image: image.repoTags[0] ?? image.id, bytes: image.sizeBytes };
}

function isUsed(image: RuntimeImage, used: ReadonlySet<string>): boolean {
  return used.has(image.id) || image.repoTags.some((tag) => used.has(tag));
}
