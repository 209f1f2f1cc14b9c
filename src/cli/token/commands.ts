import { type Command, InvalidArgumentError } from 'commander';
import { defaultKubeconfigHelp } from '../target.ts';

const usesMax = 10_000;

/** `token create`, `token list`, `token revoke`. */
export function addTokenCommands(program: Command, dataOption: readonly [string, string, string]): void {
  const token = program.command('token').description('what machines join with');
  token
    .command('create')
    .description('print the line that makes a machine a host')
    .option('--ttl <time>', 'how long it can be used: 30m, 24h, 7d', '24h')
    .option('--uses <count>', 'how many machines can join with it', parseUses, 1)
    .option('--roles <roles>', 'what they are for; node runs pods, none is the pool', 'node')
    .option('--server <url>', 'where they reach the server; default the address it has for the cluster')
    .option('--kubeconfig <file>', defaultKubeconfigHelp)
    .option(...dataOption)
    .action(async (options) => (await import('./create.ts')).createToken(options));
  token
    .command('list')
    .description('show the tokens that can still be used')
    .option('--kubeconfig <file>', defaultKubeconfigHelp)
    .option(...dataOption)
    .action(async (options) => (await import('./list.ts')).listJoinTokens(options));
  token
    .command('revoke <id>')
    .description('let nobody join with it any more')
    .option('--kubeconfig <file>', defaultKubeconfigHelp)
    .option(...dataOption)
    .action(async (id, options) => (await import('./revoke.ts')).revokeToken(id, options));
}

function parseUses(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > usesMax)
    throw new InvalidArgumentError(`use a number from 1 to ${usesMax}`);
  return count;
}
