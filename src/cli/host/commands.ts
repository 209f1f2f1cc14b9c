import type { Command } from 'commander';
import { defaultKubeconfigHelp } from '../target.ts';

type Flag = readonly [flags: string, description: string, value: string];

/** `join`, `host leave`, `host remove`, `supervise`. */
export function addHostCommands(program: Command, dataOption: Flag): void {
  program
    .command('join')
    .description('make this machine a host of a cluster; once more, upgrade it in place')
    .requiredOption('--server <url>', 'the cluster, https://10.0.0.1:6443')
    .requiredOption('--ca-hash <digest>', "digest of its authority's public key, sha256:...")
    .option('--token <token>', 'from "roadstead token create"; needed the first time')
    .option('--node-name <name>', 'name of this host; default the host name')
    .option('--roles <roles>', 'what the host is for; node runs pods, none is the pool', 'node')
    .option('--docker-socket <path>', "Docker Engine's socket", '/var/run/docker.sock')
    .option(...dataOption)
    .action(async (options) => (await import('../daemons/join.ts')).join(options));

  const host = program.command('host').description('the machines of the fleet');
  host
    .command('leave')
    .description('on the host: leave the cluster and remove all that joining brought')
    .option(...dataOption)
    .action(async (options) => (await import('../daemons/leave.ts')).leave(options));
  host
    .command('remove <name>')
    .description('have a host leave the cluster, and remove it')
    .option('--force', 'do not wait for the host, which may be lost')
    .option('--kubeconfig <file>', defaultKubeconfigHelp)
    .option(...dataOption)
    .action(async (name, options) => (await import('./remove.ts')).removeHost(name, options));

  program
    .command('supervise', { hidden: true })
    .description('run a command, and again whenever it ends')
    .argument('<command...>')
    .requiredOption('--pid-file <file>', 'where its process id is kept')
    .action(async (command, options) => (await import('./supervise.ts')).supervise(command, options));
}
