import { spawn } from 'node:child_process';
import { lstat, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { RuntimeError } from '../contract.ts';
import type { EngineClient } from './engine-client.ts';

/** What Docker puts into every container of its own, left in an export as empty files and folders. */
const dockersFiles = ['.dockerenv', 'dev/console', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf', 'etc/mtab'];
const dockersFolders = ['dev/pts', 'dev/shm', 'dev', 'proc', 'sys', 'etc'];

/** Writes an image's files by way of a container that never runs, since Docker exports containers only. */
export async function exportImage(engine: EngineClient, image: string, directory: string): Promise<void> {
  const { Id } = await engine.json<{ Id: string }>({
    method: 'POST',
    path: '/containers/create',
    // Images without a command of their own could not be created otherwise.
    body: { Image: image, Entrypoint: ['/'], NetworkDisabled: true },
  });
  try {
    await extract(await engine.stream({ method: 'GET', path: `/containers/${Id}/export` }), directory);
  } finally {
    await engine.send({ method: 'DELETE', path: `/containers/${Id}?force=1&v=1` });
  }
  for (const name of dockersFiles) if (await isEmptyFile(join(directory, name))) await rm(join(directory, name));
  for (const name of dockersFolders) await removeIfEmpty(join(directory, name));
}

async function extract(archive: NodeJS.ReadableStream, directory: string): Promise<void> {
  const child = spawn('tar', ['-x', '--same-owner', '-p', '-C', directory], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-1000);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [code] = await Promise.all([ended, pipeline(archive, child.stdin)]);
  if (code !== 0) throw new RuntimeError('other', `tar could not unpack the image: ${said.trim()}`);
}

async function isEmptyFile(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    return found.isSymbolicLink() || (found.isFile() && found.size === 0) || found.isCharacterDevice();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'ENOTDIR') throw error;
  }
}
