import type { Command } from 'commander';
import { parseCount } from './daemons/audit-options.ts';
import { defaultDataDirectory } from './data-directory.ts';

/** What kubectl has no verb for in `fleet.roadstead.dev`. */
export function addFleetCommands(program: Command): void {
  const task = program.command('task').description('what is done on the hosts, one task at a time');
  withAccess(task.command('logs <name>'))
    .description('print what a HostTask printed')
    .option('-f, --follow', 'go on until the task has ended')
    .option('--step <name>', 'of one step only')
    .action(async (name, options) => (await import('./task/logs.ts')).taskLogs(name, options));
  withAccess(program.command('run <command...>'))
    .description('run a command on hosts and print what they print; one word is a line for a shell')
    .requiredOption('--hosts <hosts>', 'all, pool, names with commas between, or a label selector')
    .option('--parallelism <hosts>', 'hosts at a time: a number, or a share as 25%')
    .option('--timeout <seconds>', 'how long it may take on one host', parseCount)
    .option('--max-failures <hosts>', 'begin no more once it has failed on more hosts than this', parseCount)
    .option('--dry-run', 'list the hosts and do nothing')
    .option('-o, --output <format>', 'json: results instead of output')
    .action(async (words, options) => (await import('./run.ts')).runOnHosts(words, options));
}

function withAccess(command: Command): Command {
  return command
    .option('--data-dir <directory>', 'whose kubeconfig to use', defaultDataDirectory)
    .option('--kubeconfig <file>', 'how to reach the server; default $KUBECONFIG, then the data directory')
    .option('-n, --namespace <namespace>', 'where the objects are', 'default');
}
