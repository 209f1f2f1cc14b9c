import type { Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';

const checks: Readonly<Record<string, { matches: (stats: Stats) => boolean; what: string }>> = {
  Directory: { matches: (stats) => stats.isDirectory(), what: 'a directory' },
  DirectoryOrCreate: { matches: (stats) => stats.isDirectory(), what: 'a directory' },
  File: { matches: (stats) => stats.isFile(), what: 'a file' },
  FileOrCreate: { matches: (stats) => stats.isFile(), what: 'a file' },
  Socket: { matches: (stats) => stats.isSocket(), what: 'a socket file' },
  CharDevice: { matches: (stats) => stats.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { matches: (stats) => stats.isBlockDevice(), what: 'a block device' },
};

/** Checks and, where its type says so, creates a hostPath. Throws with upstream's words. */
export async function prepareHostPath(path: string, type = ''): Promise<void> {
  const found = await statOrAbsent(path);
  if (type === '') {
    // Engines used to make the directory; a bind mount of a missing path fails, so it is made here.
    if (found === undefined) await mkdir(path, { recursive: true });
    return;
  }
  const check = checks[type];
  if (check === undefined) throw new Error(`${type} is an invalid volume type`);
  if (found === undefined && type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return;
  }
  if (found === undefined && type === 'FileOrCreate') {
    await (await open(path, 'a', 0o644)).close();
    return;
  }
  if (found === undefined || !check.matches(found)) {
    throw new Error(`hostPath type check failed: ${path} is not ${check.what}`);
  }
}

async function statOrAbsent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
