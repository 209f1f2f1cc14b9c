import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Service } from '../api/core/v1/types.generated.ts';
import type { Informer } from '../client/contract.ts';
import { OutageLog } from '../machinery/outage-log.ts';
import type { AgentOptions } from './agent.ts';
import { PodCheckpoint } from './checkpoint/pod-checkpoint.ts';
import { ImagePuller } from './images/image-puller.ts';
import type { MachineFacts } from './node/machine-facts.ts';
import { pause } from './pause.ts';
import { ensureImage } from './pods/container-starter.ts';
import { parseResolvConf, type ResolvConf } from './pods/dns-config.ts';
import type { PodContext } from './pods/pod-context.ts';
import { RestartBackoff } from './pods/restart-backoff.ts';
import { StatusWriter } from './pods/status-writer.ts';
import { PodVolumes } from './volumes/pod-volumes.ts';

/** How long after its start the agent keeps containers waiting for the list of services, in ms. */
const servicesPatienceMs = 5_000;
const servicesPollMs = 20;
const systemdResolvConf = '/run/systemd/resolve/resolv.conf';

/** What the agent has made by then, or answers later: the pods' workers need each other by way of it. */
export interface PodParts
  extends Pick<PodContext, 'events' | 'network' | 'node' | 'otherPods' | 'probes' | 'references'> {
  readonly options: AgentOptions;
  readonly machine: MachineFacts;
  readonly informer: Informer<Service>;
  readonly signal: AbortSignal;
}

/** All that a worker of a pod works with. */
export async function createPodContext(parts: PodParts): Promise<PodContext> {
  const { options, machine, informer, events, probes, references, signal } = parts;
  const { client, nodeName, dataDirectory, runtime, logger } = options;
  const now = (): number => Date.now();
  const startedAt = now();
  const clusterDomain = options.clusterDomain ?? 'cluster.local';
  const context: PodContext = {
    nodeName,
    client,
    runtime,
    runtimeName: (await runtime.version().catch(() => ({ name: 'docker' }))).name,
    network: parts.network,
    events,
    volumes: new PodVolumes({
      client,
      references,
      dataDirectory,
      exportImage: (imageId, directory) => runtime.exportImage(imageId, directory),
      ensureImage: async (pod, { name, image }) => {
        const { reference = '', pullPolicy = 'IfNotPresent' } = image ?? {};
        return (await ensureImage(context, pod, { name, image: reference, imagePullPolicy: pullPolicy })).id;
      },
    }),
    images: new ImagePuller({ runtime, events, now }),
    probes,
    references,
    checkpoint: new PodCheckpoint({ dataDirectory, logger }),
    status: new StatusWriter({ client, logger, signal }),
    backoff: new RestartBackoff(),
    podsDirectory: join(dataDirectory, 'pods'),
    seccompDirectory: join(dataDirectory, 'seccomp'),
    hostIps: machine.addresses,
    memoryBytes: machine.memoryBytes,
    clusterDns: options.clusterDnsIp === undefined ? undefined : { ip: options.clusterDnsIp, domain: clusterDomain },
    clusterDomain,
    hostResolvConf,
    services: (namespace) => [
      ...informer.list(namespace),
      ...(namespace === 'default' ? [] : [informer.get('default/kubernetes')].filter((one) => one !== undefined)),
    ],
    servicesKnown: () => servicesKnown(informer, startedAt, signal),
    node: parts.node,
    otherPods: parts.otherPods,
    logger,
    runtimeOutage: new OutageLog(logger, {
      failed: 'The container runtime does not answer',
      recovered: 'The container runtime answers again',
    }),
    now,
  };
  return context;
}

/** Without a server the services stay unknown: containers then start without their variables, rather than not at all. */
async function servicesKnown(informer: Informer<Service>, startedAt: number, signal: AbortSignal): Promise<void> {
  while (!informer.synced && !signal.aborted && Date.now() - startedAt < servicesPatienceMs) {
    await pause(servicesPollMs, signal);
  }
}

/** The resolvers of the host; systemd's stub on loopback is no use inside a pod, so what stands behind it is taken. */
async function hostResolvConf(): Promise<ResolvConf> {
  const dns = parseResolvConf(await readFile('/etc/resolv.conf', 'utf8'));
  if (!dns.nameservers.every((ip) => ip.startsWith('127.'))) return dns;
  try {
    return parseResolvConf(await readFile(systemdResolvConf, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return dns;
    throw error;
  }
}
