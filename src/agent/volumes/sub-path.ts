import { mkdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { exists } from './exists.ts';

/**
 * The real path of `subPath` inside a volume, made as a directory when it is not there. A pod can write links into its
 * volume, so the path is walked part by part and every part must lie inside the volume when resolved.
 */
export async function resolveSubPath(volumePath: string, subPath: string): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new Error(`subPath "${subPath}" must be relative and must not contain '..'`);
  }
  const root = await realpath(volumePath);
  const rootIsFile = !(await stat(root)).isDirectory();
  if (rootIsFile) return root;
  let current = root;
  for (const part of subPath.split('/')) {
    if (part === '' || part === '.') continue;
    const next = join(current, part);
    if (!(await exists(next))) await mkdir(next, { mode: 0o755 });
    current = await realpath(next);
    if (current !== root && !current.startsWith(root + sep)) {
      throw new Error(`subPath "${subPath}" is not inside of its volume`);
    }
  }
  return current;
}
