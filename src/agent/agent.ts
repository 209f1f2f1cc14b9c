import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node, Taint } from '../api/core/v1/types.generated.ts';
import { nodes, pods, services } from '../api/resource-types.ts';
import type { Client, InformerFactory } from '../client/contract.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { Logger } from '../machinery/logger.ts';
import { dialServer } from '../tunnel/host-end.ts';
import { NodeCheckpoint } from './checkpoint/node-checkpoint.ts';
import { Evictions } from './eviction/evictions.ts';
import { HostTasks } from './host-tasks/host-tasks.ts';
import { ImageCollector } from './images/image-collector.ts';
import type { PodNetwork } from './network/contract.ts';
import { readMachineFacts } from './node/machine-facts.ts';
import { keepNodeLease } from './node/node-lease.ts';
import { NodeReporter } from './node/node-status.ts';
import { pause } from './pause.ts';
import { createPodContext } from './pod-parts.ts';
import type { PodLookup } from './pods/lookup.ts';
import { NodePods } from './pods/node-pods.ts';
import { ObjectReferences } from './pods/object-references.ts';
import type { PodContext } from './pods/pod-context.ts';
import { ContainerProbes } from './probes/container-probes.ts';
import type { ContainerRuntime, RuntimeImage } from './runtime/contract.ts';
import { createStreamHandler } from './streams/stream-handler.ts';
import { keepLocalVolumes } from './volumes/local-volumes.ts';

/** A node is not called unready for want of a network that is just being brought up, in ms. */
const networkPatienceMs = 10_000;
const defaultPodsMax = 110;
const defaultVersion = 'v1.36.0';

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
  const references = new ObjectReferences({
    client,
    logger,
    changed: (podUid) => nodePods.referencesChanged(podUid),
  });
  const probes = new ContainerProbes({ runtime, events, now, changed: wake });
  const context = await createPodContext({
    options,
    machine,
    informer: serviceInformer,
    network: () => network,
    node: currentNode,
    otherPods: (podUid) => nodePods.otherPods(podUid),
    events,
    probes,
    references,
    signal,
  });
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
  keepDiskAndMemory(options, context, nodePods, signal);
  const hostTasks = new HostTasks({ client, hostName: nodeName, dataDirectory, logger, signal });
  await hostTasks.start();
  informers.start(signal);
  void keepLocalVolumes({ client, informers, nodeInformer, nodeName, dataDirectory, logger, signal });
  if (options.tunnel !== false) {
    const handler = createStreamHandler({ runtime, lookup: nodePods, logger, nodeName, hostTasks });
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

/** Collects images nobody uses, and sends pods away when the node runs short all the same. */
function keepDiskAndMemory(options: AgentOptions, context: PodContext, nodePods: NodePods, signal: AbortSignal): void {
  const { runtime, dataDirectory, logger } = options;
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
