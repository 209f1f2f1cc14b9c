import { Command } from 'commander';
import { isStartupError } from '../machinery/startup-error.ts';
import { isApiError } from '../machinery/status-error.ts';
import { parseCount } from './daemons/audit-options.ts';
import { defaultDataDirectory } from './data-directory.ts';
import { addFleetCommands } from './fleet-commands.ts';
import { addHostCommands } from './host/commands.ts';
import { systemFailure } from './system-failure.ts';
import { addTokenCommands } from './token/commands.ts';
import { isUserError } from './user-error.ts';
import { programVersion } from './version.ts';

const program = new Command('roadstead')
  .description('One program that makes a fleet of machines one system, on the Kubernetes API')
  .version(programVersion, '-v, --version')
  .showHelpAfterError('(add --help for what there is)');

const dataOption = ['--data-dir <directory>', 'state, logs, kubeconfig', defaultDataDirectory] as const;

program
  .command('up')
  .description('start a one-machine cluster: Docker Engine where there is none, server, agent, and a first page')
  .option(...dataOption)
  .option('--port <port>', 'port of the API server', parsePort, 6443)
  .option('--no-example', 'do not apply examples/hello')
  .action(async (options) => (await import('./daemons/up.ts')).up(options));

program
  .command('down')
  .description('stop server and agent; state stays unless --purge')
  .option(...dataOption)
  .option('--purge', 'also remove containers, network and state')
  .action(async (options) => (await import('./daemons/down.ts')).down(options));

program
  .command('server')
  .description('run the API server, controllers and scheduler in the foreground')
  .option(...dataOption)
  .option('--address <address>', 'address to listen on', '0.0.0.0')
  .option('--port <port>', 'port to listen on', parsePort, 6443)
  .option('--components <list>', 'which parts to run', 'api,controllers,scheduler,operators')
  .option('--service-cidr <cidr>', 'addresses of Services', '10.96.0.0/12')
  .option('--cluster-cidr <cidr>', 'addresses of pods', '10.244.0.0/16')
  .option('--cluster-domain <domain>', 'domain of cluster DNS', 'cluster.local')
  .option('--service-node-port-range <range>', 'ports of NodePort Services', '30000-32767')
  .option('--audit-log-path <file>', 'write what is asked of the server to a file; - is standard output')
  .option('--audit-policy-file <file>', 'audit.k8s.io/v1 Policy; default every request, without bodies')
  .option('--audit-log-maxsize <mebibytes>', 'size at which the audit log is put aside', parseCount, 100)
  .option('--audit-log-maxbackup <count>', 'audit logs put aside that are kept; 0 keeps all', parseCount, 0)
  .option('--audit-log-maxage <days>', 'age to which they are kept; 0 keeps them for ever', parseCount, 0)
  .option('--authentication-config <file>', 'AuthenticationConfiguration: identity providers, anonymous requests')
  .option('--oidc-issuer-url <url>', 'OpenID Connect provider whose tokens are believed')
  .option('--oidc-client-id <id>', 'audience that its tokens must be for')
  .option('--oidc-username-claim <claim>', 'claim that names the user; default sub')
  .option('--oidc-username-prefix <prefix>', 'before the name; default <issuer>#, - for none')
  .option('--oidc-groups-claim <claim>', 'claim that names the groups')
  .option('--oidc-groups-prefix <prefix>', 'before each group')
  .option('--oidc-ca-file <file>', "authorities of the provider; default this host's")
  .option('--oidc-required-claim <claim=value...>', 'what a token must say besides')
  .option('--oidc-signing-algs <list>', 'algorithms that are allowed; default RS256')
  .option('--encryption-provider-config <file>', 'EncryptionConfiguration: what is encrypted on disk, by which keys')
  .option('--encrypt-secrets', 'encrypt Secrets on disk with a key that is made for it, from now on')
  .option('--log-level <level>', 'error, warn, info or debug', 'info')
  .action(async (options) => (await import('./daemons/server.ts')).runServer(options));

program
  .command('agent')
  .description('run the node agent in the foreground')
  .option(...dataOption)
  .option('--kubeconfig <file>', 'how to reach the server; default <data-dir>/agent/kubeconfig')
  .option('--node-name <name>', 'name of this node; default the host name')
  .option('--docker-socket <path>', "Docker Engine's socket", '/var/run/docker.sock')
  .option('--cluster-cidr <cidr>', 'addresses of pods', '10.244.0.0/16')
  .option('--service-cidr <cidr>', 'addresses of Services', '10.96.0.0/12')
  .option('--cluster-dns <address>', 'address of cluster DNS', '10.96.0.10')
  .option('--cluster-domain <domain>', 'domain of cluster DNS', 'cluster.local')
  .option('--node-labels <labels>', 'labels for the Node, k=v,k=v')
  .option('--roles <roles>', 'what the host is for; node runs pods', 'node')
  .option('--log-level <level>', 'error, warn, info or debug', 'info')
  .action(async (options) => (await import('./daemons/agent.ts')).runAgent(options));

program
  .command('images')
  .description('build the pause image and roadstead/base from this host, where they are missing or with --force')
  .option(...dataOption)
  .option('--docker-socket <path>', "Docker Engine's socket", '/var/run/docker.sock')
  .option('--force', 'build them again')
  .action(async (options) => (await import('./daemons/images.ts')).buildImages(options));

program
  .command('status')
  .description('say what of this cluster runs on this machine')
  .option(...dataOption)
  .action(async (options) => (await import('./daemons/status.ts')).status(options));

addHostCommands(program, dataOption);
addTokenCommands(program, dataOption);

addFleetCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  const expected = isUserError(error) || isApiError(error) || isStartupError(error) ? error : systemFailure(error);
  if (expected === undefined) {
    console.error(error);
    process.exit(70);
  }
  console.error(`roadstead: ${withCauses(expected)}`);
  process.exit(1);
}

/** The message, and what led to it when that says more. */
function withCauses(error: Error): string {
  const messages = [error.message];
  for (let { cause } = error; cause instanceof Error; { cause } = cause) {
    if (!messages.some((message) => message.includes((cause as Error).message)))
      messages.push(cause.message.split('\n')[0] ?? '');
  }
  return messages.join(': ');
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    program.error(`roadstead: "${text}" is not a port; use a number from 1 to 65535`);
  }
  return port;
}
