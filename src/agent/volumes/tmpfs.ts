import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Mounts memory at `path` unless something is mounted there. `sizeBytes` 0 leaves the kernel's half of memory. */
export async function mountTmpfs(path: string, sizeBytes: number, mode: string): Promise<void> {
  if (await isMountPoint(path)) return;
  const options = [`mode=${mode}`, ...(sizeBytes > 0 ? [`size=${Math.ceil(sizeBytes)}`] : [])];
  await run('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', path]);
}

/** Unmounts everything at or below `root`, deepest first. */
export async function unmountBelow(root: string): Promise<void> {
  const points = (await mountPoints()).filter((path) => path === root || path.startsWith(`${root}/`));
  for (const path of points.sort((a, b) => b.length - a.length)) await run('umount', ['-l', path]);
}

async function isMountPoint(path: string): Promise<boolean> {
  return (await mountPoints()).includes(path);
}

async function mountPoints(): Promise<string[]> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  const decodePath = (path: string): string =>
    path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return text.split('\n').flatMap((line) => {
    const path = line.split(' ')[1];
    return path === undefined ? [] : [decodePath(path)];
  });
}
