import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Client } from '../../client/contract.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { createClient } from '../../client/rest-client.ts';
import { startControllers } from '../../controllers/start.ts';
import type { Logger } from '../../machinery/logger.ts';
import { startScheduler } from '../../scheduler/start.ts';
import { writeKubeconfig } from '../../server/pki/kubeconfig.ts';
import { type RunningServer, startServer } from '../../server/server.ts';
import { isStoreError, type Store } from '../../store/contract.ts';
import { openLmdbStore } from '../../store/lmdb/open.ts';
import { type DataDirectory, dataDirectory, makeDataDirectory } from '../data-directory.ts';
import { installationRoot } from '../installation.ts';
import { UserError } from '../user-error.ts';
import { programVersion } from '../version.ts';
import { type AuditFlags, auditOptionsOf } from './audit-options.ts';
import { type AuthenticationFlags, authenticationOptionsOf } from './authentication-options.ts';
import { aborted, daemonLogger, shutdownSignal } from './daemon.ts';
import { writePidFile } from './daemon-process.ts';
import { giveBackStartupMemory } from './memory.ts';

export interface ServerCommandOptions extends AuditFlags, AuthenticationFlags {
  readonly dataDir: string;
  readonly address: string;
  readonly port: number;
  /** Comma-separated: `api`, `controllers`, `scheduler`, `operators`. */
  readonly components: string;
  readonly serviceCidr: string;
  readonly clusterCidr: string;
  readonly clusterDomain: string;
  readonly serviceNodePortRange: string;
  readonly encryptionProviderConfig?: string;
  readonly encryptSecrets?: boolean;
  readonly logLevel: string;
}

const knownComponents = ['api', 'controllers', 'scheduler', 'operators'];
const closeTimeoutMs = 8000;

/** `roadstead server`: runs until SIGTERM or SIGINT. */
export async function runServer(options: ServerCommandOptions): Promise<void> {
  const components = parseComponents(options.components);
  checkPodNetwork(options.clusterCidr);
  const files = dataDirectory(options.dataDir);
  const logger = daemonLogger('server', options.logLevel);
  makeDataDirectory(files);
  const signal = shutdownSignal(logger);
  const store = await openStore(files);
  // Of two that were started at once this is the one that holds the store: "down" and "status" must find it.
  writePidFile(files.pidFile('server'), process.pid);
  const server = await startApi(store, files, options, logger);
  await writeKubeconfigs(server, files);
  const loops = startLoops(server, components, options, logger, signal);
  loops.catch((error: unknown) => {
    logger.error({ err: error }, 'Control loops ended');
    process.exit(70);
  });
  giveBackStartupMemory();
  await aborted(signal);
  // What does not end by itself in time ends with the process: every write it acknowledged is on disk.
  setTimeout(() => process.exit(0), closeTimeoutMs).unref();
  await server.close();
  await store.close();
  process.exit(0);
}

async function openStore(files: DataDirectory): Promise<Store> {
  try {
    return await openLmdbStore(files.store);
  } catch (error) {
    if (isStoreError(error)) throw new UserError(error.message, { cause: error });
    throw error;
  }
}

async function startApi(
  store: Store,
  files: DataDirectory,
  options: ServerCommandOptions,
  logger: Logger,
): Promise<RunningServer> {
  try {
    return await startServer({
      dataDirectory: files.server,
      store,
      logger,
      address: options.address,
      port: options.port,
      serviceCidr: options.serviceCidr,
      nodePortRange: parsePortRange(options.serviceNodePortRange),
      clusterDomain: options.clusterDomain,
      audit: auditOptionsOf(options),
      authentication: authenticationOptionsOf(options),
      encryption: { configurationFile: options.encryptionProviderConfig, encryptSecrets: options.encryptSecrets },
      loadProse,
      clusterCidr: options.clusterCidr,
      programDirectory: path.join(installationRoot(), 'dist'),
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The administrator's, and the one of the agent on this host. */
async function writeKubeconfigs(server: RunningServer, files: DataDirectory): Promise<void> {
  const nodeName = hostname().toLowerCase();
  const common = { server: server.url, caCertificate: server.caCertificate, cluster: 'roadstead' };
  await writeKubeconfig(files.kubeconfig, {
    ...common,
    credentials: await server.pki.adminCredentials(),
    user: 'kubernetes-admin',
  });
  await writeKubeconfig(files.agentKubeconfig, {
    ...common,
    credentials: await server.pki.nodeCredentials(nodeName),
    user: `system:node:${nodeName}`,
  });
}

async function startLoops(
  server: RunningServer,
  components: ReadonlySet<string>,
  options: ServerCommandOptions,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const started: Promise<void>[] = [];
  if (components.has('controllers')) {
    const client = localClient(server, 'system:kube-controller-manager', 'kube-controller-manager');
    const settings = { clusterCidr: options.clusterCidr, rootCa: server.caCertificate };
    // Both see the same objects: one watch and one copy of each serve the two.
    const informers = createInformerFactory(client, { logger });
    started.push(startControllers({ client, informers, logger, signal, options: settings }));
    if (components.has('scheduler')) {
      started.push(startScheduler({ client: schedulerClient(server), informers, logger, signal }));
    }
  } else if (components.has('scheduler')) {
    started.push(startScheduler({ client: schedulerClient(server), logger, signal }));
  }
  if (components.has('operators')) {
    const { startOperators } = await import('../../operators/start.ts');
    const client = localClient(server, 'system:roadstead-operators', 'roadstead-operators');
    started.push(startOperators({ client, logger, signal }));
  }
  await Promise.all(started);
}

function schedulerClient(server: RunningServer): Client {
  return localClient(server, 'system:kube-scheduler', 'kube-scheduler');
}

function localClient(server: RunningServer, name: string, part: string): Client {
  // One identity for every loop of this process, as upstream's loopback client: it may do everything.
  const transport = server.localTransport({ name, groups: ['system:masters', 'system:authenticated'] });
  return createClient(transport, { userAgent: `${part}/${programVersion}` });
}

/** Beside the bundle when built, beside its source otherwise. */
async function loadProse(): Promise<Record<string, Record<string, string>>> {
  const built = path.join(installationRoot(), 'dist/prose.generated.json');
  const source = path.join(installationRoot(), 'src/api/schema/prose.generated.json');
  const text = await readFile(built, 'utf8').catch(() => readFile(source, 'utf8'));
  return JSON.parse(text) as Record<string, Record<string, string>>;
}

function parseComponents(list: string): ReadonlySet<string> {
  const components = new Set(list.split(',').map((name) => name.trim()));
  for (const name of components) {
    if (!knownComponents.includes(name)) {
      throw new UserError(`"${name}" is not a component; use some of ${knownComponents.join(', ')}`);
    }
  }
  if (!components.has('api'))
    throw new UserError('The API server must be among --components: the others speak to it in process');
  return components;
}

/** Each node takes a /24 of it. */
function checkPodNetwork(cidr: string): void {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr);
  if (match === null || !isIPv4(match[1] ?? '') || Number(match[2]) < 8 || Number(match[2]) > 24) {
    throw new UserError(`"${cidr}" is not a network for pods; write it as 10.244.0.0/16, from /8 to /24`);
  }
}

function parsePortRange(text: string): { from: number; to: number } {
  const match = /^(\d+)-(\d+)$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || from < 1 || to > 65535 || from > to) {
    throw new UserError(`"${text}" is not a range of ports; write it as 30000-32767`);
  }
  return { from, to };
}
