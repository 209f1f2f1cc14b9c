import type { Command } from 'commander';
import { defaultDataDirectory } from './data-directory.ts';

/** What kubectl has no verb for in `fleet.roadstead.dev`. */
export function addFleetCommands(program: Command): void {
  const task = program.command('task').description('what is done on the hosts, one task at a time');
  withAccess(task.command('logs <name>'))
    .description('print what a HostTask printed')
    .option('-f, --follow', 'go on until the task has ended')
    .option('--step <name>', 'of one step only')
    .action(async (name, options) => (await import('./task/logs.ts')).taskLogs(name, options));
}

function withAccess(command: Command): Command {
  return command
    .option('--data-dir <directory>', 'whose kubeconfig to use', defaultDataDirectory)
    .option('--kubeconfig <file>', 'how to reach the server; default $KUBECONFIG, then the data directory')
    .option('-n, --namespace <namespace>', 'where the objects are', 'default');
}
