import { hostname } from 'node:os';
import path from 'node:path';
import { startAgent } from '../../agent/agent.ts';
import { reportHost } from '../../agent/host/host-reporter.ts';
import { startPoolHost } from '../../agent/host/pool-host.ts';
import { type NodeNetwork, startNetwork } from '../../agent/network/start.ts';
import { hostAddresses, runtimeVersionText } from '../../agent/node/machine-facts.ts';
import { keepNodeCertificate } from '../../agent/node/node-certificate.ts';
import type { ContainerRuntime } from '../../agent/runtime/contract.ts';
import { createDockerRuntime } from '../../agent/runtime/docker/docker-runtime.ts';
import type { Client } from '../../client/contract.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { replaceCredentials } from '../../client/kubeconfig-credentials.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isStoreError } from '../../store/contract.ts';
import { DirectoryLock } from '../../store/lmdb/directory-lock.ts';
import { connectRenewable, type RenewableClient } from '../connect.ts';
import { type DataDirectory, dataDirectory, makeDataDirectory } from '../data-directory.ts';
import { joinRecord } from '../host/join-record.ts';
import { startLeaving } from '../host/start-leaving.ts';
import { UserError } from '../user-error.ts';
import { programVersion } from '../version.ts';
import { aborted, daemonLogger, shutdownSignal } from './daemon.ts';
import { writePidFile } from './daemon-process.ts';
import { extendPath, findExecutable } from './docker-engine.ts';
import { giveBackStartupMemory } from './memory.ts';
import { containerOwner } from './purge.ts';

export interface AgentCommandOptions {
  readonly dataDir: string;
  readonly kubeconfig?: string;
  readonly nodeName?: string;
  readonly dockerSocket: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly nodeLabels?: string;
  /** Comma-separated; `node` runs pods. */
  readonly roles: string;
  readonly logLevel: string;
}

const closeTimeoutMs = 5000;

/** `roadstead agent`: runs until SIGTERM or SIGINT; pods go on without it. */
export async function runAgent(options: AgentCommandOptions): Promise<void> {
  const labels = parseLabels(options.nodeLabels ?? '');
  const roles = parseRoles(options.roles);
  extendPath();
  if (roles.includes('node')) checkTools();
  const files = dataDirectory(options.dataDir);
  const logger = daemonLogger('agent', options.logLevel);
  makeDataDirectory(files);
  const lock = lockDirectory(files.agent);
  writePidFile(files.pidFile('agent'), process.pid);
  const signal = shutdownSignal(logger);
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  const kubeconfig = options.kubeconfig ?? files.agentKubeconfig;
  const connection = await connectRenewable(kubeconfig, 'roadstead-agent');
  const { client } = connection;
  const runtime = createDockerRuntime({ socketPath: options.dockerSocket, owner: containerOwner(files) });
  const host = { client, hostName: nodeName, roles, dataDirectory: files.agent, logger, signal };
  const agent = roles.includes('node')
    ? await startNode({ options, client, nodeName, labels, files, runtime, logger, signal })
    : await startPoolHost({ client, hostName: nodeName, dataDirectory: files.agent, logger, signal });
  void reportHost({ ...host, ...hostReport(files, runtime) });
  renewCertificate(connection, { kubeconfig, nodeName, logger, signal });
  giveBackStartupMemory();
  await aborted(signal);
  setTimeout(() => process.exit(0), closeTimeoutMs).unref();
  await agent.close();
  await client.close();
  lock.release();
  process.exit(0);
}

interface NodeParts {
  readonly options: AgentCommandOptions;
  readonly client: Client;
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly files: DataDirectory;
  readonly runtime: ContainerRuntime;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The host as a node: pods, their network, their streams. */
function startNode({ options, client, nodeName, labels, files, runtime, logger, signal }: NodeParts) {
  const informers = createInformerFactory(client, { logger });
  let network: NodeNetwork | undefined;
  return startAgent({
    client,
    informers,
    nodeName,
    dataDirectory: files.agent,
    runtime,
    network: async (podCidr: string) => {
      await network?.close();
      network = await startNetwork({
        client,
        informers,
        nodeName,
        podCidr,
        clusterCidr: options.clusterCidr,
        serviceCidr: options.serviceCidr,
        clusterDnsIp: options.clusterDns,
        clusterDomain: options.clusterDomain,
        stateDirectory: path.join(files.agent, 'network'),
        logger,
        signal,
      });
      return network.podNetwork;
    },
    clusterDnsIp: options.clusterDns,
    clusterDomain: options.clusterDomain,
    labels,
    logger,
    signal,
  });
}

/** What the reports of a host need of this machine. */
function hostReport(files: DataDirectory, runtime: ContainerRuntime) {
  return {
    agentVersion: programVersion,
    addresses: hostAddresses,
    engine: async () => {
      const version = await runtime.version().catch(() => undefined);
      return version === undefined ? undefined : runtimeVersionText(version);
    },
    leave: joinRecord(files) === undefined ? undefined : () => startLeaving(files),
  };
}

function checkTools(): void {
  for (const tool of ['nft', 'ip']) {
    if (findExecutable(tool) === undefined)
      throw new UserError(`"${tool}" is not installed; install nftables and iproute2`);
  }
}

function parseRoles(text: string): string[] {
  return text
    .split(',')
    .map((role) => role.trim())
    .filter((role) => role !== '');
}

interface RenewalOptions {
  readonly kubeconfig: string;
  readonly nodeName: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

function renewCertificate({ client, certificate, useCertificate }: RenewableClient, options: RenewalOptions): void {
  if (certificate === undefined) return;
  const { kubeconfig, nodeName, logger, signal } = options;
  const renewal = keepNodeCertificate({
    client,
    nodeName,
    certificate,
    async install(renewed) {
      await replaceCredentials(kubeconfig, renewed);
      useCertificate(renewed.certificate, renewed.key);
    },
    now: Date.now,
    random: Math.random,
    logger,
    signal,
  });
  renewal.catch((error: unknown) => logger.error({ err: error }, 'Certificate of the node is not renewed any more'));
}

/** Two agents on one directory would fight over its pods. */
function lockDirectory(directory: string): DirectoryLock {
  try {
    return DirectoryLock.acquire(directory);
  } catch (error) {
    if (!isStoreError(error)) throw error;
    throw new UserError(`${error.message}; an agent runs there already`);
  }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const pair of text.split(',').filter((part) => part !== '')) {
    const [key = '', value] = pair.split('=');
    if (value === undefined)
      throw new UserError(`"${pair}" is not a label; write key=value, with commas between several`);
    labels[key] = value;
  }
  return labels;
}
