import { Duplex, PassThrough, Readable } from 'node:stream';
import {
  type ContainerConfig,
  type ContainerRuntime,
  type ContainerStats,
  type ContainerStatus,
  type ExecOptions,
  type ExecSession,
  type LogLine,
  type LogOptions,
  type PodSandboxConfig,
  type PodSandboxStatus,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeImage,
  type RuntimeVersion,
} from '../contract.ts';
import { EventFeed } from './event-feed.ts';

export interface SimRuntimeOptions {
  /** How long a sandbox or a container takes to start. Default 0. */
  readonly startDelayMs?: number;
  /** Images that are there; absent: every image is, by whatever name. */
  readonly images?: readonly string[];
  /** Answers execs and probes; default exit code 0. */
  readonly exec?: (container: ContainerStatus, command: readonly string[]) => number;
}

/** Environment variables by which a simulated container is told how to behave. */
export const simExitCode = 'SIM_EXIT_CODE';
export const simExitAfterMs = 'SIM_EXIT_AFTER_MS';
/** Ignores the stop signal, so that only SIGKILL ends it. */
export const simIgnoreStop = 'SIM_IGNORE_STOP';
export const simOutput = 'SIM_OUTPUT';

interface SimContainer {
  status: ContainerStatus;
  readonly config: ContainerConfig;
  exit: NodeJS.Timeout | undefined;
  readonly ended: PromiseWithResolvers<void>;
}

/** A container engine in memory: for tests, and for simulating a thousand nodes in one process. */
export class SimRuntime implements ContainerRuntime {
  readonly capabilitiesMissing: readonly string[] = [];
  readonly #options: SimRuntimeOptions;
  readonly #sandboxes = new Map<string, PodSandboxStatus>();
  readonly #containers = new Map<string, SimContainer>();
  readonly #images = new Set<string>();
  readonly #feed = new EventFeed<RuntimeEvent>();
  #ids = 0;
  #available = true;

  constructor(options: SimRuntimeOptions = {}) {
    this.#options = options;
    for (const image of options.images ?? []) this.#images.add(image);
  }

  /** Makes the engine go away or come back; containers go on meanwhile. */
  setAvailable(available: boolean): void {
    this.#available = available;
    if (!available) this.#feed.end();
  }

  /** Ends a running container as if its process had exited. */
  exit(containerId: string, exitCode: number): void {
    const container = this.#containers.get(containerId);
    if (container !== undefined) this.#end(container, exitCode);
  }

  async version(): Promise<RuntimeVersion> {
    this.#check();
    return { name: 'sim', version: '1.0.0', apiVersion: '1.0' };
  }

  async status(): Promise<{ ready: boolean; reason: string; message: string }> {
    if (this.#available) return { ready: true, reason: '', message: '' };
    return { ready: false, reason: 'RuntimeNotReady', message: 'the simulated engine is away' };
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    this.#check();
    await this.#delay();
    for (const known of this.#sandboxes.values()) {
      if (known.pod.uid === config.pod.uid && known.attempt === config.attempt) return known.id;
    }
    const id = this.#newId();
    this.#sandboxes.set(id, {
      id,
      pod: config.pod,
      attempt: config.attempt,
      state: 'ready',
      createdAt: Date.now(),
      labels: config.labels,
      annotations: config.annotations,
      ...(config.hostNetwork ? {} : { networkNamespace: `/proc/sim/${id}/ns/net` }),
    });
    this.#feed.push({ podUid: config.pod.uid, type: 'sandboxStarted' });
    return id;
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    this.#check();
    for (const container of this.#containers.values()) {
      if (container.status.sandboxId === sandboxId) this.#end(container, 137);
    }
    const sandbox = this.#sandboxes.get(sandboxId);
    if (sandbox === undefined || sandbox.state === 'notReady') return;
    const { networkNamespace: _gone, ...rest } = sandbox;
    this.#sandboxes.set(sandboxId, { ...rest, state: 'notReady' });
    this.#feed.push({ podUid: sandbox.pod.uid, type: 'sandboxStopped' });
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    await this.stopPodSandbox(sandboxId);
    for (const [id, { status }] of this.#containers) if (status.sandboxId === sandboxId) this.#containers.delete(id);
    this.#sandboxes.delete(sandboxId);
  }

  async listPodSandboxes(podUid?: string): Promise<PodSandboxStatus[]> {
    return (await this.listPods(podUid)).sandboxes;
  }

  async listPods(podUid?: string): Promise<{ sandboxes: PodSandboxStatus[]; containers: ContainerStatus[] }> {
    this.#check();
    const wanted = (one: { pod: { uid: string } }): boolean => podUid === undefined || one.pod.uid === podUid;
    return {
      sandboxes: [...this.#sandboxes.values()].filter(wanted),
      containers: [...this.#containers.values()].map(({ status }) => status).filter(wanted),
    };
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    this.#check();
    if (this.#sandboxes.get(sandboxId)?.state !== 'ready') {
      throw new RuntimeError('notFound', `sandbox "${sandboxId}" does not run`);
    }
    const id = this.#newId();
    const status: ContainerStatus = {
      id,
      sandboxId,
      pod: config.pod,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      imageId: `sha256:${config.image}`,
      state: 'created',
      createdAt: Date.now(),
      startedAt: 0,
      finishedAt: 0,
      exitCode: 0,
      reason: '',
      message: '',
      labels: config.labels,
      annotations: config.annotations,
    };
    this.#containers.set(id, { status, config, exit: undefined, ended: Promise.withResolvers() });
    return id;
  }

  async startContainer(containerId: string): Promise<void> {
    this.#check();
    const container = this.#find(containerId);
    await this.#delay();
    container.status = { ...container.status, state: 'running', startedAt: Date.now() };
    this.#feed.push({ podUid: container.status.pod.uid, type: 'containerStarted' });
    const code = settingOf(container, simExitCode);
    const after = settingOf(container, simExitAfterMs);
    if (code === undefined && after === undefined) return;
    container.exit = setTimeout(() => this.#end(container, Number(code ?? 0)), Number(after ?? 0));
  }

  async stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    this.#check();
    const container = this.#containers.get(containerId);
    if (container === undefined || container.status.state !== 'running') return;
    if (settingOf(container, simIgnoreStop) === undefined) {
      this.#end(container, 143);
      return;
    }
    const timer = setTimeout(() => this.#end(container, 137), gracePeriodSeconds * 1000);
    await container.ended.promise;
    clearTimeout(timer);
  }

  async removeContainer(containerId: string): Promise<void> {
    this.#check();
    const container = this.#containers.get(containerId);
    if (container === undefined) return;
    this.#end(container, 137);
    this.#containers.delete(containerId);
  }

  async listContainers(podUid?: string): Promise<ContainerStatus[]> {
    return (await this.listPods(podUid)).containers;
  }

  async containerStatus(containerId: string): Promise<ContainerStatus | undefined> {
    this.#check();
    return this.#containers.get(containerId)?.status;
  }

  async updateContainerResources(containerId: string): Promise<void> {
    this.#check();
    this.#find(containerId);
  }

  async execSync(
    containerId: string,
    command: readonly string[],
  ): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer; timedOut: boolean }> {
    this.#check();
    const { status } = this.#find(containerId);
    if (status.state !== 'running') throw new RuntimeError('conflict', `container "${containerId}" does not run`);
    const exitCode = this.#options.exec?.(status, command) ?? 0;
    return { exitCode, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), timedOut: false };
  }

  async exec(containerId: string, options: ExecOptions): Promise<ExecSession> {
    const { exitCode } = await this.execSync(containerId, options.command);
    return echoSession(options.stdin, exitCode);
  }

  async attach(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<ExecSession> {
    this.#check();
    this.#find(containerId);
    return echoSession(options.stdin, 0);
  }

  async portForward(sandboxId: string): Promise<Duplex> {
    this.#check();
    if (!this.#sandboxes.has(sandboxId)) throw new RuntimeError('notFound', `sandbox "${sandboxId}" is not there`);
    const echo = new PassThrough();
    return Duplex.from({ writable: echo, readable: echo } as unknown as Readable);
  }

  async *logs(containerId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine> {
    const container = this.#find(containerId);
    const text = settingOf(container, simOutput) ?? '';
    const time = new Date(container.status.startedAt).toISOString();
    const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
    const wanted = options.tailLines === undefined ? lines : lines.slice(Math.max(0, lines.length - options.tailLines));
    for (const line of wanted) yield { stream: 'stdout', time, content: Buffer.from(`${line}\n`) };
    if (!options.follow || container.status.state === 'exited') return;
    await Promise.race([container.ended.promise, aborted(signal)]);
  }

  async listImages(): Promise<RuntimeImage[]> {
    this.#check();
    return [...this.#images].map(simImage);
  }

  async imageStatus(image: string): Promise<RuntimeImage | undefined> {
    this.#check();
    return this.#options.images === undefined || this.#images.has(image) ? simImage(image) : undefined;
  }

  async pullImage(image: string): Promise<string> {
    this.#check();
    if (this.#options.images !== undefined && !this.#images.has(image)) {
      throw new RuntimeError('imagePull', `manifest for ${image} not found`);
    }
    this.#images.add(image);
    return simImage(image).id;
  }

  async removeImage(image: string): Promise<void> {
    this.#check();
    this.#images.delete(image);
  }

  /** The images of a simulation are empty. */
  exportImage(): Promise<void> {
    return Promise.resolve();
  }

  /** Nothing is written here. */
  async containerDiskBytes(): Promise<number> {
    return 0;
  }

  async containerStats(): Promise<ContainerStats[]> {
    this.#check();
    const running = [...this.#containers.values()].filter(({ status }) => status.state === 'running');
    return running.map(({ status }) => ({
      containerId: status.id,
      pod: status.pod,
      name: status.name,
      cpuUsageNanoseconds: 0,
      memoryWorkingSetBytes: 0,
      rxBytes: 0,
      txBytes: 0,
      timestamp: Date.now(),
    }));
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    this.#check();
    return this.#feed.follow(signal);
  }

  async close(): Promise<void> {
    this.#feed.end();
    for (const { exit } of this.#containers.values()) clearTimeout(exit);
  }

  #check(): void {
    if (!this.#available) throw new RuntimeError('unavailable', 'the simulated engine is away');
  }

  #find(containerId: string): SimContainer {
    const container = this.#containers.get(containerId);
    if (container === undefined) throw new RuntimeError('notFound', `container "${containerId}" is not there`);
    return container;
  }

  #end(container: SimContainer, exitCode: number): void {
    if (container.status.state !== 'running') return;
    clearTimeout(container.exit);
    container.status = {
      ...container.status,
      state: 'exited',
      exitCode,
      finishedAt: Date.now(),
      reason: exitCode === 0 ? 'Completed' : 'Error',
    };
    container.ended.resolve();
    this.#feed.push({ podUid: container.status.pod.uid, type: 'containerStopped' });
  }

  #newId(): string {
    this.#ids++;
    return this.#ids.toString(16).padStart(64, '0');
  }

  async #delay(): Promise<void> {
    const ms = this.#options.startDelayMs ?? 0;
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

function settingOf({ config }: SimContainer, name: string): string | undefined {
  return config.env.find((variable) => variable.name === name)?.value;
}

function simImage(image: string): RuntimeImage {
  return { id: `sha256:${image}`, repoTags: [image], repoDigests: [], sizeBytes: 1, user: '', stopSignal: '' };
}

/** Gives back on stdout what comes on stdin. */
function echoSession(stdin: boolean, code: number): ExecSession {
  const stdout = new PassThrough();
  const input = new PassThrough();
  if (stdin) input.pipe(stdout);
  else stdout.end();
  const ended = new Promise<void>((resolve) => stdout.on('end', resolve));
  return {
    ...(stdin ? { stdin: input } : {}),
    stdout,
    stderr: Readable.from([]),
    resize: async () => undefined,
    exitCode: ended.then(() => code),
    close: () => stdout.destroy(),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
