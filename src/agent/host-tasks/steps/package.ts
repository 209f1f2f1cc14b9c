import { createHash } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { PackageFile, PackageStep } from '../../../api/fleet/v1/host-task.ts';
import { digestOfFiles } from '../../../api/fleet/v1/package.ts';
import type { TaskReferences } from '../references.ts';
import { StepError } from '../step-error.ts';

/**
 * Puts the files of a package into the folder of its digest, unless they are there, and answers the folder. A file
 * whose content is not what its digest says is refused, and so is a list that is not what the package's digest says.
 */
export async function preparePackage(
  step: PackageStep,
  references: TaskReferences,
  directory: string,
): Promise<string> {
  if (digestOfFiles(step.files) !== step.digest) {
    throw new StepError(`The files of package "${step.name}" are not those of its digest ${step.digest}`);
  }
  if (!/^sha256:[0-9a-f]{64}$/.test(step.digest) || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(step.name)) {
    throw new StepError(`"${step.name}" with digest "${step.digest}" is not a package`);
  }
  const folder = join(directory, step.name, step.digest.slice('sha256:'.length));
  for (const file of step.files) await place(file, folder, references);
  if (!step.files.some(({ path }) => path === step.run)) {
    throw new StepError(`Package "${step.name}" has no file "${step.run}"`);
  }
  return folder;
}

async function place(file: PackageFile, folder: string, references: TaskReferences): Promise<void> {
  const path = join(folder, file.path);
  if (file.path.startsWith('/') || normalize(file.path) !== file.path || file.path.split('/').includes('..')) {
    throw new StepError(`"${file.path}" is not a path inside a package`);
  }
  const mode = Number.parseInt(file.mode ?? '0644', 8);
  if ((await digestOnDisk(path)) === file.digest) {
    await chmod(path, mode);
    return;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const hash = createHash('sha256');
  const out = await open(`${path}.new`, 'w', mode);
  try {
    for (const name of file.chunks) {
      const chunk = await references.chunk(name);
      hash.update(chunk);
      await out.writeFile(chunk);
    }
    await out.chmod(mode);
  } finally {
    await out.close();
  }
  if (`sha256:${hash.digest('hex')}` !== file.digest) {
    await rm(`${path}.new`);
    throw new StepError(`"${file.path}" was altered on the way: its content does not have the digest ${file.digest}`);
  }
  await rename(`${path}.new`, path);
}

async function digestOnDisk(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return undefined;
  return `sha256:${createHash('sha256')
    .update(await readFile(path))
    .digest('hex')}`;
}
