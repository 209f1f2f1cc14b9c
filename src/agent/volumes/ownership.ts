import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Gives a volume to a group, as upstream's SetVolumeOwnership: group read and write everywhere, and directories pass
 * the group on. With `onRootMismatch` nothing is done when the root is right already.
 */
export async function giveToGroup(path: string, groupId: number, onRootMismatch: boolean): Promise<void> {
  if (onRootMismatch) {
    const { gid, mode } = await lstat(path);
    if (gid === groupId && (mode & 0o2060) === 0o2060) return;
  }
  await give(path, groupId);
}

async function give(path: string, groupId: number): Promise<void> {
  const stats = await lstat(path);
  await lchown(path, stats.uid, groupId);
  if (stats.isSymbolicLink()) return;
  if (!stats.isDirectory()) {
    await chmod(path, (stats.mode & 0o7777) | 0o660);
    return;
  }
  await chmod(path, (stats.mode & 0o7777) | 0o2770);
  for (const name of await readdir(path)) await give(join(path, name), groupId);
}
