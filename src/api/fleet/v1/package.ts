import { createHash } from 'node:crypto';
import type { PackageFile } from './host-task.ts';

/** Over path, mode and digest of each file, in the order of their paths: how they are stored does not matter. */
export function digestOfFiles(files: readonly PackageFile[]): string {
  const lines = files.map(({ path, mode = '0644', digest }) => `${digest} ${mode} ${path}\n`).sort();
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`;
}
