import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, Service, Taint } from '../api/core/v1/types.generated.ts';
import { nodes, pods, services } from '../api/resource-types.ts';
import type { Client, Informer, InformerFactory } from '../client/contract.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { Logger } from '../machinery/logger.ts';
import { OutageLog } from '../machinery/outage-log.ts';
import { dialServer } from '../tunnel/host-end.ts';
import { NodeCheckpoint } from './checkpoint/node-checkpoint.ts';
import { PodCheckpoint } from './checkpoint/pod-checkpoint.ts';
import { Evictions } from './eviction/evictions.ts';
import { ImageCollector } from './images/image-collector.ts';
import { ImagePuller } from './images/image-puller.ts';
import type { PodNetwork } from './network/contract.ts';
import { readMachineFacts } from './node/machine-facts.ts';
import { keepNodeLease } from './node/node-lease.ts';
import { NodeReporter } from './node/node-status.ts';
import { pause } from './pause.ts';
import { ensureImage } from './pods/container-starter.ts';
import { parseResolvConf, type ResolvConf } from './pods/dns-config.ts';
import type { PodLookup } from './pods/lookup.ts';
import { NodePods } from './pods/node-pods.ts';
import { ObjectReferences } from './pods/object-references.ts';
import type { PodContext } from './pods/pod-context.ts';
import { RestartBackoff } from './pods/restart-backoff.ts';
import { StatusWriter } from './pods/status-writer.ts';
import { ContainerProbes } from './probes/container-probes.ts';
import type { ContainerRuntime, RuntimeImage } from './runtime/contract.ts';
import { createStreamHandler } from './streams/stream-handler.ts';
import { keepLocalVolumes } from './volumes/local-volumes.ts';
import { PodVolumes } from './volumes/pod-volumes.ts';

/** A node is not called unready for want of a network that is just being brought up, in ms. */
const networkPatienceMs = 10_000;
/** How long after its start the agent keeps containers waiting for the list of services, in ms. */
const servicesPatienceMs = 5_000;
const servicesPollMs = 20;
const defaultPodsMax = 110;
const defaultVersion = 'v1.36.0';
const systemdResolvConf = '/run/systemd/resolve/resolv.conf';

export interface AgentOptions {
  readonly client: Client;
  readonly nodeName: string;
  /** Checkpoints and volumes of pods; kept between runs. */
  readonly dataDirectory: string;
  readonly runtime: ContainerRuntime;
  /** Called when the node has been given its pod CIDR, and again should it get another. */
  readonly network: (podCidr: string) => Promise<PodNetwork>;
  /** Absent: pods get the host's resolver. */
  readonly clusterDnsIp?: string;
  /** Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** The Kubernetes version the node says it is of; default `v1.36.0`. */
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly podsMax?: number;
  /** Default none. */
  readonly reserved?: { readonly milliCpu: number; readonly memoryBytes: number };
  /** Shared with what else runs in this process; made here when absent. */
  readonly informers?: InformerFactory;
  /** Images that collection leaves alone besides those in use; default those named `roadstead/...`. */
  readonly keepImage?: (image: RuntimeImage) => boolean;
  /** Default true: open the tunnel by which the server reaches this host. */
  readonly tunnel?: boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export interface RunningAgent {
  readonly lookup: PodLookup;
  /** Ends the agent and leaves every container running. */
  close(): Promise<void>;
}

/** Starts the node agent: registers the node, runs its pods, reports their states. Resolves once it is under way. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const { client, nodeName, dataDirectory, runtime, logger } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  await mkdir(join(dataDirectory, 'pods'), { recursive: true });
  const machine = await readMachineFacts(dataDirectory, options.version ?? defaultVersion);
  const informers = options.informers ?? createInformerFactory(client, { logger });
  const podInformer = informers.informer(pods, { fieldSelector: `spec.nodeName=${nodeName}` });
  const nodeInformer = informers.informer(nodes, { fieldSelector: `metadata.name=${nodeName}` });
  const serviceInformer = informers.informer(services);

  let network: PodNetwork | undefined;
  const nodeCheckpoint = new NodeCheckpoint({ dataDirectory, logger });
  const knownNode = await nodeCheckpoint.load();
  const currentNode = (): Node | undefined => nodeInformer.get(nodeName) ?? reporter.node ?? knownNode;
  const reporter = new NodeReporter({
    client,
    runtime,
    nodeName,
    machine,
    dataDirectory,
    labels: options.labels ?? {},
    taints: options.taints ?? [],
    podsMax: options.podsMax ?? defaultPodsMax,
    reserved: options.reserved ?? { milliCpu: 0, memoryBytes: 0 },
    networkReady: () => network !== undefined,
    logger,
    signal,
  });
  const events = createEventRecorder({ client, component: 'kubelet', host: nodeName, logger, signal });
  const wake = (podUid: string): void => nodePods.wake(podUid);
  const now = (): number => Date.now();
  const startedAt = now();
  const references = new ObjectReferences({
    client,
    logger,
    changed: (podUid) => nodePods.referencesChanged(podUid),
  });
  const probes = new ContainerProbes({ runtime, events, now, changed: wake });
  const clusterDomain = options.clusterDomain ?? 'cluster.local';
  const context: PodContext = {
    nodeName,
    client,
    runtime,
    runtimeName: (await runtime.version().catch(() => ({ name: 'docker' }))).name,
    network: () => network,
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
      ...serviceInformer.list(namespace),
      ...(namespace === 'default'
        ? []
        : [serviceInformer.get('default/kubernetes')].filter((one) => one !== undefined)),
    ],
    servicesKnown: () => servicesKnown(serviceInformer, startedAt, signal),
    node: currentNode,
    otherPods: (podUid) => nodePods.otherPods(podUid),
    logger,
    runtimeOutage: new OutageLog(logger, {
      failed: 'The container runtime does not answer',
      recovered: 'The container runtime answers again',
    }),
    now,
  };
  const nodePods = new NodePods({
    context,
    informer: podInformer,
    runtimeChanged: () => reporter.refresh(),
    signal,
  });

  const connectNetwork = networkStarter(options, (made) => {
    network = made;
    reporter.refresh();
    nodePods.wakeAll();
  });
  const nodeSeen = (node: Node): void => {
    reporter.observe(node);
    nodeCheckpoint.save(node);
    void connectNetwork(node);
  };
  nodeInformer.addHandler({ added: nodeSeen, updated: (_old, node) => nodeSeen(node) });
  // With the network of before, pods that run are taken over at once, also without the server.
  if (knownNode !== undefined) await connectNetwork(knownNode);

  const registered = reporter.register().then(async (node) => {
    if (node === undefined) return;
    const connected = connectNetwork(node);
    void keepNodeLease({ client, nodeName, node: currentNode, logger, signal });
    await Promise.race([connected, pause(networkPatienceMs, signal)]);
    return reporter.run();
  });
  registered.catch((error: unknown) => logger.error({ err: error }, 'Node reporting failed'));
  await nodePods.start();
  const keep = options.keepImage ?? isOwnImage;
  const collector = new ImageCollector({ runtime, imageDirectory: dataDirectory, keep, logger, signal });
  void collector.run();
  const evictions = new Evictions({
    runtime,
    pods: () => nodePods.evictable(),
    emptyDirectory: (uid, volume) => context.volumes.emptyDirectory(uid, volume),
    dataDirectory,
    freeDisk: () => collector.collect(Date.now()),
    logger,
    signal,
  });
  void evictions.run();
  informers.start(signal);
  void keepLocalVolumes({ client, informers, nodeInformer, nodeName, dataDirectory, logger, signal });
  if (options.tunnel !== false) {
    const handler = createStreamHandler({ runtime, lookup: nodePods, logger, nodeName });
    void dialServer({ client, hostName: nodeName, handler, logger, signal });
  }

  return {
    lookup: nodePods,
    async close() {
      stop.abort();
      probes.close();
      references.close();
      await nodePods.close();
    },
  };
}

function isOwnImage(image: RuntimeImage): boolean {
  return image.repoTags.some((tag) => tag.startsWith('roadstead/'));
}

/**
 * Makes the network when the node's pod CIDR is first known, and anew when it changes; a failure is tried again with the
 * next sight of the node. What it returns never rejects.
 */
function networkStarter(options: AgentOptions, made: (network: PodNetwork) => void): (node: Node) => Promise<void> {
  let asked = '';
  let making: Promise<void> = Promise.resolve();
  const make = async (podCidr: string): Promise<void> => {
    try {
      made(await options.network(podCidr));
    } catch (error) {
      if (asked === podCidr) asked = '';
      options.logger.error({ err: error, podCidr }, 'Could not start the pod network');
    }
  };
  return (node) => {
    const podCidr = node.spec?.podCIDR ?? '';
    if (podCidr === '' || podCidr === asked) return making;
    asked = podCidr;
    making = making.then(() => make(podCidr));
    return making;
  };
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
