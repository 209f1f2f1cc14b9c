import type { Node, NodeStatus, Taint } from '../../api/core/v1/types.generated.ts';
import { nodes } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { equal } from '../../machinery/json.ts';
import type { Logger } from '../../machinery/logger.ts';
import { OutageLog } from '../../machinery/outage-log.ts';
import { isAlreadyExists } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { pause } from '../pause.ts';
import type { ContainerRuntime } from '../runtime/contract.ts';
import { isServerAway, questionTimeoutMs } from '../server-away.ts';
import { extendedAllocatable, lacksExtended } from './extended-resources.ts';
import { type MachineFacts, runtimeVersionText } from './machine-facts.ts';
import { type NodeObservation, nodeConditions } from './node-conditions.ts';
import { readNodePressure } from './pressure.ts';

const checkMs = 10_000;
const retryMs = 500;
/** Written although nothing changed, as upstream's nodeStatusReportFrequency. */
const reportMs = 5 * 60_000;
const imagesMax = 50;
const namesPerImageMax = 5;

export interface NodeStatusOptions {
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly nodeName: string;
  readonly machine: MachineFacts;
  readonly dataDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly podsMax: number;
  /** Held back for the system: what a node has and pods may not ask for. */
  readonly reserved: { readonly milliCpu: number; readonly memoryBytes: number };
  readonly networkReady: () => boolean;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Registers the node and keeps its status. */
export class NodeReporter {
  readonly #options: NodeStatusOptions;
  readonly #outage: OutageLog;
  #node: Node | undefined;
  #writtenAt = 0;
  #kick = Promise.withResolvers<void>();

  constructor(options: NodeStatusOptions) {
    this.#options = options;
    this.#outage = new OutageLog(options.logger, {
      failed: 'Could not report the node to the server',
      recovered: 'The node is reported to the server again',
    });
  }

  /** As last seen, in an answer or by the informer. */
  get node(): Node | undefined {
    return this.#node;
  }

  /** The node as the informer has it: what others wrote over is put right at once. */
  observe(node: Node): void {
    if (this.#node === undefined || !isNewer(node, this.#node)) return;
    const lost = !equal(ownConditions(this.#node), ownConditions(node)) || lacksExtended(node);
    this.#node = node;
    if (lost) this.refresh();
  }

  /** Tries until the server takes it or the signal aborts. */
  async register(): Promise<Node | undefined> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      try {
        this.#node = await this.#createOrAdopt();
        this.#outage.succeeded();
        return this.#node;
      } catch (error) {
        this.#failed(error, 'Could not register the node');
        await pause(retryMs, signal);
      }
    }
    return undefined;
  }

  /** Looks again now: the network came up, the runtime went away. */
  refresh(): void {
    this.#kick.resolve();
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      let wait = checkMs;
      try {
        await this.#report();
        this.#outage.succeeded();
      } catch (error) {
        this.#failed(error, 'Could not report the status of the node');
        wait = retryMs * 2;
      }
      await Promise.race([pause(wait, signal), this.#kick.promise]);
      this.#kick = Promise.withResolvers<void>();
    }
  }

  #failed(error: unknown, message: string): void {
    const { logger, signal } = this.#options;
    if (signal.aborted) return;
    if (isServerAway(error)) this.#outage.failed(error);
    else logger.warn({ err: error }, message);
  }

  async #createOrAdopt(): Promise<Node> {
    const { client, nodeName } = this.#options;
    const resource = client.resource(nodes);
    const wanted = await this.#initialNode();
    try {
      return await resource.create(wanted);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const found = await resource.get({ name: nodeName });
    const labels = { ...found.metadata.labels, ...wanted.metadata.labels };
    if (equal(labels, found.metadata.labels)) return found;
    return await resource.patch({ name: nodeName }, { type: 'merge', body: { metadata: { labels } } });
  }

  async #initialNode(): Promise<Node> {
    const { nodeName, machine, labels, taints } = this.#options;
    const status = await this.#status([]);
    return {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name: nodeName,
        labels: {
          'kubernetes.io/hostname': nodeName,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': machine.architecture,
          'beta.kubernetes.io/os': 'linux',
          'beta.kubernetes.io/arch': machine.architecture,
          ...labels,
        },
      },
      spec: taints.length === 0 ? {} : { taints: [...taints] },
      status,
    };
  }

  async #report(): Promise<void> {
    const { client, nodeName } = this.#options;
    const previous = this.#node?.status;
    const status = await this.#status(previous?.conditions ?? []);
    const due = Date.now() - this.#writtenAt >= reportMs;
    const extended = extendedAllocatable(previous);
    const current = this.#node === undefined || !lacksExtended(this.#node);
    if (!due && current && previous !== undefined && sameButForTimes(previous, withExtended(status, extended))) return;
    // A merge patch of the lists the agent owns; strategic, so conditions of others stay.
    this.#node = await client
      .resource(nodes)
      .patch(
        { name: nodeName },
        { type: 'strategic', body: { status: { ...status, allocatable: { ...status.allocatable, ...extended } } } },
        { subresource: 'status', signal: AbortSignal.timeout(questionTimeoutMs) },
      );
    this.#writtenAt = Date.now();
  }

  async #status(previous: NonNullable<NodeStatus['conditions']>): Promise<NodeStatus> {
    const { machine, nodeName, podsMax, reserved } = this.#options;
    const observed = await this.#observe();
    const capacity = {
      cpu: String(machine.cpus),
      memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
      'ephemeral-storage': `${Math.floor(machine.diskBytes / 1024)}Ki`,
      'hugepages-1Gi': '0',
      'hugepages-2Mi': '0',
      pods: String(podsMax),
    };
    const milliCpu = machine.cpus * 1000 - reserved.milliCpu;
    const allocatable = {
      ...capacity,
      cpu: milliCpu % 1000 === 0 ? String(milliCpu / 1000) : `${milliCpu}m`,
      memory: `${Math.floor((machine.memoryBytes - reserved.memoryBytes) / 1024)}Ki`,
    };
    return {
      capacity,
      allocatable,
      conditions: nodeConditions(observed, previous, rfc3339(Date.now())),
      addresses: [
        ...machine.addresses.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: nodeName },
      ],
      nodeInfo: { ...machine.info, containerRuntimeVersion: observed.runtimeVersion },
      images: observed.images,
      // Nothing listens on the host: the server reaches it through the tunnel.
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    };
  }

  async #observe(): Promise<
    NodeObservation & { runtimeVersion: string; images: { names: string[]; sizeBytes: number }[] }
  > {
    const { runtime, dataDirectory, networkReady } = this.#options;
    const [status, pressure] = await Promise.all([runtime.status(), readNodePressure(dataDirectory)]);
    const known = this.#node?.status;
    const base = {
      runtime: { ready: status.ready, message: status.message },
      networkReady: networkReady(),
      memoryPressure: pressure.memory,
      diskPressure: pressure.disk,
      pidPressure: pressure.pids,
    };
    if (!status.ready) {
      const images = (known?.images ?? []).map(({ names = [], sizeBytes = 0 }) => ({ names, sizeBytes }));
      return { ...base, runtimeVersion: known?.nodeInfo?.containerRuntimeVersion ?? '', images };
    }
    const [version, images] = await Promise.all([runtime.version(), runtime.listImages()]);
    const listed = images
      .map(({ repoTags, repoDigests, sizeBytes }) => ({
        names: [...repoDigests, ...repoTags].slice(0, namesPerImageMax),
        sizeBytes,
      }))
      .filter(({ names }) => names.length > 0)
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, imagesMax);
    return { ...base, runtimeVersion: runtimeVersionText(version), images: listed };
  }
}

/** The status as it will read: what others said of the node's capacity stays. */
function withExtended(status: NodeStatus, extended: Readonly<Record<string, number | string | null>>): NodeStatus {
  const kept = Object.fromEntries(
    Object.entries(extended).flatMap(([name, amount]) => (amount === null ? [] : [[name, amount]])),
  );
  return { ...status, capacity: { ...status.capacity, ...kept }, allocatable: { ...status.allocatable, ...kept } };
}

/** Resource versions are decimal numbers that grow with every write. */
function isNewer(node: Node, than: Node): boolean {
  const [a = '', b = ''] = [node.metadata.resourceVersion, than.metadata.resourceVersion];
  return a.length === b.length ? a > b : a.length > b.length;
}

const conditionTypes: ReadonlySet<string> = new Set(['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready']);

function ownConditions(node: Node): unknown {
  return (node.status?.conditions ?? [])
    .filter(({ type }) => conditionTypes.has(type))
    .map(({ type, status, reason }) => [type, status, reason]);
}

function sameButForTimes(a: NodeStatus, b: NodeStatus): boolean {
  const own = new Set((b.conditions ?? []).map(({ type }) => type));
  const conditions = (status: NodeStatus): unknown =>
    (status.conditions ?? [])
      .filter(({ type }) => own.has(type))
      .map(({ type, status: value, reason, message }) => [type, value, reason, message]);
  return (
    equal(conditions(a), conditions(b)) &&
    equal(a.capacity, b.capacity) &&
    equal(a.allocatable, b.allocatable) &&
    equal(a.addresses, b.addresses) &&
    equal(a.nodeInfo, b.nodeInfo) &&
    equal(a.images ?? [], b.images)
  );
}
