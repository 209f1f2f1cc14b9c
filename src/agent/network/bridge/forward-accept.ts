import { CommandError, runCommand } from '../commands.ts';
import { bridgeName, ruleComment } from '../names.ts';

/** Waits for the lock that other users of iptables may hold, in seconds. */
const lockSeconds = '5';

const rules: readonly (readonly string[])[] = ['-i', '-o'].map((direction) => [
  direction,
  bridgeName,
  '-m',
  'comment',
  '--comment',
  ruleComment,
  '-j',
  'ACCEPT',
]);

/**
 * Lets pod traffic through where something else drops what is forwarded: Docker sets the policy of FORWARD to DROP and
 * offers DOCKER-USER to say otherwise; an accept in a table of our own could not override it. Safe to repeat, which is
 * needed since Docker may start later or set its chains up again.
 */
export async function ensureForwardAccept(): Promise<void> {
  const docker = await listChain('DOCKER-USER');
  if (docker !== undefined) {
    await insertMissing('DOCKER-USER', docker);
    return;
  }
  const forward = await listChain('FORWARD');
  if (forward?.includes('-P FORWARD DROP') === true) await insertMissing('FORWARD', forward);
}

export async function removeForwardAccept(): Promise<void> {
  for (const chain of ['DOCKER-USER', 'FORWARD']) {
    const listing = await listChain(chain);
    if (listing === undefined) continue;
    for (const rule of rules) if (hasRule(listing, rule)) await iptables(['-D', chain, ...rule]);
  }
}

async function insertMissing(chain: string, listing: string): Promise<void> {
  for (const rule of rules) if (!hasRule(listing, rule)) await iptables(['-I', chain, '1', ...rule]);
}

function hasRule(listing: string, [direction = '', device = '']: readonly string[]): boolean {
  return listing
    .split('\n')
    .some((line) => line.includes(` ${direction} ${device} `) && line.includes(`--comment ${ruleComment} `));
}

/** Undefined when there is no such chain, or no iptables at all. */
async function listChain(chain: string): Promise<string | undefined> {
  try {
    return await iptables(['-S', chain]);
  } catch (err) {
    if (err instanceof CommandError) return undefined;
    throw err;
  }
}

function iptables(args: readonly string[]): Promise<string> {
  return runCommand('iptables', ['-w', lockSeconds, ...args]);
}
