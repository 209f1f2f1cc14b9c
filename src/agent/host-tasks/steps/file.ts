import { randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { DirectoryStep, FileStep } from '../../../api/fleet/v1/host-task.ts';
import { accountOf, groupOf } from '../account.ts';
import type { TaskReferences } from '../references.ts';
import { StepError } from '../step-error.ts';

/** Replaces the file in one move; a file that is as wanted is left alone. Answers what was done. */
export async function doFile(step: FileStep, references: TaskReferences): Promise<string> {
  checkAbsolute(step.path);
  if (step.absent === true) {
    await rm(step.path, { force: true });
    return `${step.path} is absent`;
  }
  const content = Buffer.from(
    step.contentFrom === undefined ? (step.content ?? '') : await references.value(step.contentFrom),
  );
  const mode = modeOf(step.mode ?? '0644');
  const owners = await ownersOf(step);
  const current = await readFile(step.path).catch(() => undefined);
  if (current?.equals(content) === true && (await lstat(step.path)).isFile()) {
    await chmod(step.path, mode);
    if (owners !== undefined) await chown(step.path, owners.uid, owners.gid);
    return `${step.path} is as wanted`;
  }
  await mkdir(dirname(step.path), { recursive: true });
  const temporary = join(dirname(step.path), `.${basename(step.path)}.${randomBytes(6).toString('hex')}`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    if (owners !== undefined) await file.chown(owners.uid, owners.gid);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, step.path);
  return `${step.path} was written`;
}

export async function doDirectory(step: DirectoryStep): Promise<string> {
  checkAbsolute(step.path);
  await mkdir(step.path, { recursive: true });
  await chmod(step.path, modeOf(step.mode ?? '0755'));
  const owners = await ownersOf(step);
  if (owners !== undefined) await chown(step.path, owners.uid, owners.gid);
  return `${step.path} is there`;
}

function checkAbsolute(path: string): void {
  if (!isAbsolute(path)) throw new StepError(`"${path}" is not an absolute path`);
}

function modeOf(text: string): number {
  if (!/^[0-7]{3,4}$/.test(text)) throw new StepError(`"${text}" is not a mode; write it as 0644`);
  return Number.parseInt(text, 8);
}

async function ownersOf({ owner, group }: FileStep | DirectoryStep): Promise<{ uid: number; gid: number } | undefined> {
  if (owner === undefined && group === undefined) return undefined;
  const account = owner === undefined ? { uid: 0, gid: 0 } : await accountOf(owner);
  return { uid: account.uid, gid: group === undefined ? account.gid : await groupOf(group) };
}
