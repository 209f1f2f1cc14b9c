import { chmod, chown, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exists } from './exists.ts';

export interface ProjectedFile {
  readonly content: Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid?: number | undefined;
}

const dataLink = '..data';

/**
 * Writes a set of files so that a reader sees all of the old or all of the new: they go into a fresh directory that the
 * link `..data` is then moved to, and every visible name is a link through `..data`. The layout is upstream's, since
 * programs watch for it.
 */
export async function writeAtomically(
  directory: string,
  files: ReadonlyMap<string, ProjectedFile>,
  groupId: number | undefined,
): Promise<boolean> {
  await mkdir(directory, { recursive: true });
  const current = await currentDirectory(directory);
  if (current !== undefined && (await holds(join(directory, current), files))) return false;
  const fresh = `..${new Date().toISOString().replace(/[-:T]/g, '_').replace('Z', '')}${Math.floor(Math.random() * 1e6)}`;
  const freshPath = join(directory, fresh);
  await mkdir(freshPath);
  await chmod(freshPath, 0o755);
  if (groupId !== undefined) await ownDirectory(freshPath, groupId);
  for (const [path, file] of files) await writeOne(freshPath, path, file, groupId);
  const temporary = join(directory, `${dataLink}_tmp`);
  await rm(temporary, { force: true });
  await symlink(fresh, temporary);
  await rename(temporary, join(directory, dataLink));
  await linkNames(directory, files);
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true });
  return true;
}

/** Whether a set of files was written here before. */
export async function isWritten(directory: string): Promise<boolean> {
  return (await currentDirectory(directory)) !== undefined;
}

async function currentDirectory(directory: string): Promise<string | undefined> {
  try {
    return await readlink(join(directory, dataLink));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function holds(directory: string, files: ReadonlyMap<string, ProjectedFile>): Promise<boolean> {
  const present = await filesBelow(directory, '');
  if (present.length !== files.size) return false;
  for (const path of present) {
    const wanted = files.get(path);
    if (wanted === undefined) return false;
    if (!wanted.content.equals(await readFile(join(directory, path)))) return false;
  }
  return true;
}

async function filesBelow(directory: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for (const entry of await readdir(join(directory, prefix), { withFileTypes: true })) {
      const path = join(prefix, entry.name);
      if (entry.isDirectory()) found.push(...(await filesBelow(directory, path)));
      else found.push(path);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return found;
}

async function writeOne(
  root: string,
  path: string,
  { content, mode, uid }: ProjectedFile,
  groupId: number | undefined,
): Promise<void> {
  const target = join(root, path);
  const parent = dirname(target);
  if (parent !== root) {
    await mkdir(parent, { recursive: true, mode: 0o755 });
    if (groupId !== undefined) await ownDirectory(parent, groupId);
  }
  await writeFile(target, content);
  if (uid !== undefined || groupId !== undefined) await chown(target, uid ?? 0, groupId ?? 0);
  // A group of its own may read what the owner may, as upstream's volume ownership does for read-only volumes.
  await chmod(target, groupId === undefined ? mode : mode | 0o440);
}

async function ownDirectory(path: string, groupId: number): Promise<void> {
  await chown(path, 0, groupId);
  await chmod(path, 0o2775);
}

async function linkNames(directory: string, files: ReadonlyMap<string, ProjectedFile>): Promise<void> {
  const names = new Set([...files.keys()].map((path) => path.split('/')[0] ?? path));
  for (const name of names) {
    const link = join(directory, name);
    if (!(await exists(link))) await symlink(join(dataLink, name), link);
  }
  for (const name of await readdir(directory)) {
    if (!name.startsWith('..') && !names.has(name)) await rm(join(directory, name), { recursive: true, force: true });
  }
}
