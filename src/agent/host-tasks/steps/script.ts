import { chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PackageStep, ScriptStep } from '../../../api/fleet/v1/host-task.ts';
import { type Account, accountOf } from '../account.ts';
import type { TaskReferences } from '../references.ts';
import { StepError } from '../step-error.ts';
import { preparePackage } from './package.ts';

/** What a step's process is started with. */
export interface Preparation {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly account?: Account;
  readonly stdin?: string;
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `directory` is for files of this step only, on a file system in memory: secrets may lie there. */
export async function prepareScript(
  step: ScriptStep,
  references: TaskReferences,
  directory: string,
): Promise<Preparation> {
  const account = step.user === undefined ? undefined : await accountOf(step.user);
  await mkdir(dirname(dirname(directory)), { recursive: true, mode: 0o711 });
  await mkdir(dirname(directory), { recursive: true, mode: 0o711 });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const cwd = step.workdir ?? '/';
  const found = await stat(cwd).catch(() => undefined);
  if (found?.isDirectory() !== true) throw new StepError(`The working directory "${cwd}" does not exist`);
  const env = { ...baseEnvironment(account), ...(await references.environment(step.env, step)) };
  const argv = [...(await commandOf(step, references, directory)), ...(step.args ?? [])];
  let stdin: string | undefined;
  if (step.stdin !== undefined) {
    stdin = join(directory, 'stdin');
    await writeFile(stdin, step.stdin, { mode: 0o600 });
  }
  if (account !== undefined) {
    await chown(directory, account.uid, account.gid);
    await chown(join(directory, 'script'), account.uid, account.gid).catch(() => undefined); // A command has none.
  }
  return { argv, env, cwd, ...(account === undefined ? {} : { account }), ...(stdin === undefined ? {} : { stdin }) };
}

export async function preparePackageRun(
  step: PackageStep,
  references: TaskReferences,
  packagesDirectory: string,
): Promise<Preparation> {
  const cwd = await preparePackage(step, references, packagesDirectory);
  const script = join(cwd, step.run);
  const env = {
    ...baseEnvironment(undefined),
    PACKAGE_NAME: step.name,
    PACKAGE_DIGEST: step.digest,
    PACKAGE_DIRECTORY: cwd,
    ...(await references.environment(step.env)),
  };
  return { argv: ['bash', script], env, cwd };
}

async function commandOf(step: ScriptStep, references: TaskReferences, directory: string): Promise<readonly string[]> {
  if (step.command !== undefined) return step.command;
  const source = step.sourceFrom === undefined ? (step.source ?? '') : await references.value(step.sourceFrom);
  const problem = problemOfScript(source);
  if (problem !== undefined) throw new StepError(problem);
  const file = join(directory, 'script');
  await writeFile(file, source, { mode: 0o600 });
  return [...(step.interpreter ?? interpreterOf(source)), file];
}

/** Why this text is no script that could do what its writer meant; undefined when it may be. */
export function problemOfScript(source: string): string | undefined {
  if (source.trim() === '') return 'The script is empty';
  if (source.includes('\0')) return 'The script contains a NUL byte';
  if (source.includes('\r\n')) return 'The script has the line ends of Windows (CR LF), which shells do not understand';
  return undefined;
}

export function interpreterOf(source: string): readonly string[] {
  const match = /^#! *(\S+)(?: +(.*?))? *\n/.exec(source);
  if (match === null) return ['/bin/sh'];
  // As the kernel does: what follows the program is one argument.
  return match[2] === undefined || match[2] === '' ? [match[1] ?? ''] : [match[1] ?? '', match[2]];
}

function baseEnvironment(account: Account | undefined): Record<string, string> {
  const name = account?.name ?? 'root';
  return { PATH: path, HOME: account?.home ?? '/root', USER: name, LOGNAME: name, LANG: 'C.UTF-8' };
}
