import { readFile } from 'node:fs/promises';
import { StepError } from './step-error.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly name: string;
}

/** A user of this host by name or number. Throws a StepError for one that is not there. */
export async function accountOf(user: string): Promise<Account> {
  for (const line of (await readFile('/etc/passwd', 'utf8')).split('\n')) {
    const [name = '', , uid, gid, , home = '/'] = line.split(':');
    if (name !== '' && (name === user || uid === user)) return { name, uid: Number(uid), gid: Number(gid), home };
  }
  throw new StepError(`This host has no user "${user}"`);
}

export async function groupOf(group: string): Promise<number> {
  for (const line of (await readFile('/etc/group', 'utf8')).split('\n')) {
    const [name, , gid] = line.split(':');
    if (gid !== undefined && (name === group || gid === group)) return Number(gid);
  }
  throw new StepError(`This host has no group "${group}"`);
}
