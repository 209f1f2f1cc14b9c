import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { type Store, StoreError } from '../contract.ts';
import { DirectoryLock } from './directory-lock.ts';
import { problemOfFile } from './file-check.ts';
import { LmdbStore, type LmdbTables } from './lmdb-store.ts';

export interface LmdbStoreOptions {
  /** Address space for the file, which also bounds its size. Default 64 GiB; nothing is allocated ahead. */
  readonly mapSizeBytes?: number;
}

const mapSizeBytesDefault = 64 * 1024 ** 3;
/** Written beside the database: which layout it has, and that it was there. */
const formatFile = 'format';
const format = 1;

/**
 * Opens, or creates, the store in a directory. Throws `StoreError`: `locked` while another process holds it, `corrupt`
 * when the file cannot be read.
 */
export async function openLmdbStore(directory: string, options: LmdbStoreOptions = {}): Promise<Store> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = DirectoryLock.acquire(directory);
  const path = join(directory, 'store.mdb');
  try {
    const problem = problemOfLoss(directory, path) ?? problemOfFile(path);
    if (problem !== undefined) throw new Error(problem);
    const tables = { directory, ...openTables(path, options.mapSizeBytes ?? mapSizeBytesDefault) };
    writeFileSync(join(directory, formatFile), `${format}\n`, { mode: 0o600, flush: true });
    return new LmdbStore(tables, () => lock.release());
  } catch (error) {
    lock.release();
    // The file system refused; the file itself may be fine.
    if (error instanceof Error && 'syscall' in error) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError(
      'corrupt',
      `Cannot read ${path} (${reason}): restore it from a backup, or move ${directory} away to start with an empty cluster`,
      '',
      { cause: error },
    );
  }
}

/** A directory that once held a store and no longer does has lost one: it must not start as an empty cluster. */
function problemOfLoss(directory: string, path: string): string | undefined {
  if (!existsSync(join(directory, formatFile))) return undefined;
  if (existsSync(path) && statSync(path).size > 0) return undefined;
  return `the file is missing or empty, although ${join(directory, formatFile)} says that there was one`;
}

function openTables(path: string, mapSize: number): Omit<LmdbTables, 'directory'> {
  const root = open<unknown, string>({
    path,
    mapSize,
    noSubdir: true,
    maxDbs: 4,
    // An awaited write is on disk, not merely visible.
    overlappingSync: false,
    // Batches are made explicitly; with its own, LMDB leaves a promise unhandled when a commit fails.
    eventTurnBatching: false,
    noMemInit: true,
    encoding: 'binary',
  });
  return {
    root,
    objects: root.openDB<Buffer, string>({ name: 'objects', encoding: 'binary', useVersions: true }),
    history: root.openDB<Buffer, number>({ name: 'history', encoding: 'binary' }),
    facts: root.openDB<number, string>({ name: 'facts', encoding: 'json' }),
  };
}
