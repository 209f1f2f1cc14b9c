import type { Logger } from '../../machinery/logger.ts';
import type { HostGateway } from '../../tunnel/contract.ts';

/** Of one container, or of a node as a whole. */
export interface Measurement {
  /** Cores in use, averaged over the window. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** End of the window, ms since the epoch. */
  readonly at: number;
  readonly windowMs: number;
}

export interface NodeUsage {
  readonly node: Measurement | undefined;
  /** `namespace/pod` -> container -> what it uses. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Measurement>>;
}

interface Counter {
  readonly cpuNanoseconds: number;
  readonly memoryBytes: number;
  readonly at: number;
}

interface Snapshot {
  readonly takenAt: number;
  /** `''` is the node; `namespace/pod/container` otherwise, with the pod's uid so that a namesake is another. */
  readonly counters: ReadonlyMap<string, Counter>;
}

/** How old an answer may be; also how far apart looks are while somebody keeps asking. */
const intervalMs = 15_000;
/** What is not asked for in this long is not looked at any more. */
const idleMs = 120_000;
/** A rate over less is noise. */
const windowMsMin = 900;
const timeoutMs = 5_000;
const bodyBytesMax = 8 * 1024 * 1024;

export interface UsageSamplerOptions {
  readonly gateway: HostGateway;
  readonly now: () => number;
  readonly logger: Logger;
}

/**
 * What nodes and their containers use, read from the agents' counters. Nothing runs while nobody asks: the first
 * question takes a second, since a rate needs two looks.
 */
export class UsageSampler {
  readonly #options: UsageSamplerOptions;
  readonly #snapshots = new Map<string, { earlier: Snapshot | undefined; latest: Snapshot }>();
  #askedAt = Number.NEGATIVE_INFINITY;
  #round: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #closed = new AbortController();

  constructor(options: UsageSamplerOptions) {
    this.#options = options;
  }

  /** By node. Waits for a look where there is none that is fresh. */
  async usage(): Promise<ReadonlyMap<string, NodeUsage>> {
    this.#askedAt = this.#options.now();
    if (!this.#isFresh()) await this.#look();
    if (this.#lacksRates()) {
      await new Promise((resolve) => setTimeout(resolve, windowMsMin + 100));
      await this.#look();
    }
    this.#schedule();
    const result = new Map<string, NodeUsage>();
    for (const [host, { earlier, latest }] of this.#snapshots) {
      if (earlier !== undefined) result.set(host, ratesOf(earlier, latest));
    }
    return result;
  }

  close(): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }

  #isFresh(): boolean {
    const oldest = this.#options.now() - intervalMs;
    return this.#options.gateway.hosts().every((host) => (this.#snapshots.get(host)?.latest.takenAt ?? 0) >= oldest);
  }

  #lacksRates(): boolean {
    return [...this.#snapshots.values()].some(({ earlier }) => earlier === undefined);
  }

  /** While somebody keeps asking, the next look comes before the next question. */
  #schedule(): void {
    if (this.#timer !== undefined || this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#options.now() - this.#askedAt > idleMs) {
        this.#snapshots.clear();
        return;
      }
      void this.#look().then(() => this.#schedule());
    }, intervalMs);
    this.#timer.unref();
  }

  #look(): Promise<void> {
    this.#round ??= this.#lookAtAll().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #lookAtAll(): Promise<void> {
    const hosts = this.#options.gateway.hosts();
    for (const known of [...this.#snapshots.keys()]) if (!hosts.includes(known)) this.#snapshots.delete(known);
    await Promise.all(
      hosts.map(async (host) => {
        try {
          const counters = countersOf(await this.#summary(host));
          const before = this.#snapshots.get(host);
          const latest = { takenAt: this.#options.now(), counters };
          // Two questions in quick succession must not shorten the window to nothing.
          const isTooSoon = before !== undefined && latest.takenAt - before.latest.takenAt < windowMsMin;
          this.#snapshots.set(host, { earlier: isTooSoon ? before.earlier : before?.latest, latest });
        } catch (err) {
          this.#options.logger.debug({ err, host }, 'Usage of a host could not be read');
          this.#snapshots.delete(host);
        }
      }),
    );
  }

  async #summary(host: string): Promise<StatsSummary> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(timeoutMs)]);
    const { stream } = await this.#options.gateway.open(host, { method: 'GET', path: '/stats/summary', signal });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (bytes > bodyBytesMax) throw new Error(`the summary is larger than ${bodyBytesMax} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as StatsSummary;
  }
}

/** What is read of the kubelet's Summary. */
export interface StatsSummary {
  readonly node?: Readings;
  readonly pods?: readonly {
    readonly podRef?: { readonly name: string; readonly namespace: string; readonly uid: string };
    readonly containers?: readonly (Readings & { readonly name: string })[];
  }[];
}

interface Readings {
  readonly cpu?: { readonly time: string; readonly usageCoreNanoSeconds: number };
  readonly memory?: { readonly workingSetBytes: number };
}

const nodeKey = '';

function countersOf({ node, pods = [] }: StatsSummary): Map<string, Counter> {
  const counters = new Map<string, Counter>();
  const add = (key: string, { cpu, memory }: Readings): void => {
    if (cpu === undefined || memory === undefined) return;
    const at = Date.parse(cpu.time);
    counters.set(key, { cpuNanoseconds: cpu.usageCoreNanoSeconds, memoryBytes: memory.workingSetBytes, at });
  };
  if (node !== undefined) add(nodeKey, node);
  for (const { podRef, containers = [] } of pods) {
    if (podRef === undefined) continue;
    const { namespace, name, uid } = podRef;
    for (const container of containers) add(`${namespace}/${name}/${container.name}/${uid}`, container);
  }
  return counters;
}

/** Containers that were there at both looks; one that was restarted in between counts from nothing. */
export function ratesOf(earlier: Snapshot, latest: Snapshot): NodeUsage {
  const pods = new Map<string, Map<string, Measurement>>();
  let node: Measurement | undefined;
  for (const [key, now] of latest.counters) {
    const before = earlier.counters.get(key);
    if (before === undefined) continue;
    const windowMs = now.at - before.at;
    if (windowMs <= 0) continue;
    const used =
      now.cpuNanoseconds >= before.cpuNanoseconds ? now.cpuNanoseconds - before.cpuNanoseconds : now.cpuNanoseconds;
    const measured = { cores: used / (windowMs * 1e6), memoryBytes: now.memoryBytes, at: now.at, windowMs };
    const [namespace, pod, container] = key.split('/');
    if (key === nodeKey) node = measured;
    else if (container !== undefined) {
      const podKey = `${namespace}/${pod}`;
      const containers = pods.get(podKey) ?? new Map<string, Measurement>();
      containers.set(container, measured);
      pods.set(podKey, containers);
    }
  }
  return { node, pods };
}
