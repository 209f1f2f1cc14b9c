import { createWriteStream, fstatSync, openSync, renameSync, type WriteStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Logger } from '../../machinery/logger.ts';

/** Bytes of lines that wait for the disk; past it lines are dropped and counted, so a slow disk cannot fill memory. */
const bufferedBytesMax = 4 * 1024 * 1024;
/** After a failed write the file is opened again, but no more often than this. */
const reopenMs = 1000;
const dayMs = 24 * 3600 * 1000;

export interface LogFileOptions {
  /** `-` is standard output. */
  readonly path: string;
  /** The file is put aside before it grows past this. */
  readonly bytesMax: number;
  /** Files put aside that are kept; 0 keeps all. */
  readonly backupsMax: number;
  /** 0 keeps files of any age. */
  readonly ageDaysMax: number;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Lines in a file of bounded size; what is full goes to `<name>-<time>.log` beside it. */
export class LogFile {
  readonly #options: LogFileOptions;
  #out: WriteStream | undefined;
  #bytes = 0;
  #reopenAt = 0;
  #dropped = 0;
  #tidying: Promise<void> = Promise.resolve();

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#open();
  }

  /** False after a file could not be opened; a later line tries again. */
  get isOpen(): boolean {
    return this.#options.path === '-' || this.#out !== undefined;
  }

  write(line: string): void {
    const { path, bytesMax, now } = this.#options;
    if (path === '-') {
      process.stdout.write(line);
      return;
    }
    if (this.#out === undefined && now() >= this.#reopenAt) this.#open();
    const bytes = Buffer.byteLength(line);
    if (this.#out !== undefined && this.#bytes > 0 && this.#bytes + bytes > bytesMax) this.#rotate();
    const out = this.#out;
    if (out === undefined || out.writableLength > bufferedBytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#bytes += bytes;
    out.write(line);
  }

  async close(): Promise<void> {
    const { logger, path } = this.#options;
    if (this.#dropped > 0) logger.warn({ dropped: this.#dropped, path }, 'Audit lines were dropped');
    const out = this.#out;
    this.#out = undefined;
    if (out !== undefined) await new Promise<void>((resolve) => out.end(() => resolve()));
    await this.#tidying;
  }

  #open(): void {
    const { path, logger, now } = this.#options;
    if (path === '-') return;
    const failed = (error: unknown): void => {
      logger.error({ err: error, path }, 'Audit log could not be written');
      this.#reopenAt = now() + reopenMs;
    };
    let fd: number;
    try {
      // At once, not by the stream: a file that fills up in this very turn must be there to be put aside.
      fd = openSync(path, 'a', 0o600);
      this.#bytes = fstatSync(fd).size;
    } catch (error) {
      failed(error);
      return;
    }
    const out = createWriteStream(path, { fd });
    out.on('error', (error) => {
      if (this.#out === out) this.#out = undefined;
      failed(error);
    });
    this.#out = out;
  }

  /** What is still on its way to the old file follows it under its new name. */
  #rotate(): void {
    const { path, logger, now } = this.#options;
    const stamp = new Date(now()).toISOString().slice(0, -1).replaceAll(':', '-');
    const extension = extname(path);
    const backup = join(dirname(path), `${basename(path, extension)}-${stamp}${extension}`);
    this.#out?.end();
    this.#out = undefined;
    try {
      renameSync(path, backup);
    } catch (error) {
      logger.error({ err: error, path }, 'Audit log could not be put aside');
    }
    this.#open();
    this.#tidying = this.#tidying
      .then(() => this.#removeOld())
      .catch((error: unknown) => logger.warn({ err: error, path }, 'Old audit logs could not be removed'));
  }

  async #removeOld(): Promise<void> {
    const { path, backupsMax, ageDaysMax, now } = this.#options;
    const extension = extname(path);
    const prefix = `${basename(path, extension)}-`;
    const names = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix) && name.endsWith(extension));
    const newestFirst = names.sort().reverse();
    const oldest = new Date(now() - ageDaysMax * dayMs).toISOString().slice(0, -1).replaceAll(':', '-');
    const surplus = newestFirst.filter((name, at) => {
      const isTooMany = backupsMax > 0 && at >= backupsMax;
      return isTooMany || (ageDaysMax > 0 && name.slice(prefix.length) < oldest);
    });
    await Promise.all(surplus.map((name) => rm(join(dirname(path), name), { force: true })));
  }
}
