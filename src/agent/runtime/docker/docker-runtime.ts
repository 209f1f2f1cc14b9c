import type { Duplex } from 'node:stream';
import {
  type ContainerConfig,
  type ContainerRuntime,
  type ContainerStats,
  type ContainerStatus,
  type ExecOptions,
  type ExecSession,
  type LinuxResources,
  type LogLine,
  type LogOptions,
  type PodSandboxConfig,
  type PodSandboxStatus,
  type RegistryAuth,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeImage,
  type RuntimeVersion,
} from '../contract.ts';
import { type CgroupPaths, cgroupPathsOf, readCgroupUsage, readNetworkBytes } from './cgroup-stats.ts';
import { EngineContainers } from './containers.ts';
import { EngineClient } from './engine-client.ts';
import type { EngineContainerSummary } from './engine-types.ts';
import { readEvents } from './events.ts';
import { sessionOver, startExec } from './exec.ts';
import { killExec } from './exec-process.ts';
import { resourceBody } from './host-config.ts';
import { exportImage } from './image-export.ts';
import { EngineImages } from './images.ts';
import { isSandbox, labelOwner, labelPodUid } from './labels.ts';
import { readLogs } from './logs.ts';
import { connectInNamespace } from './port-forward.ts';
import { type HostPrivileges, readHostPrivileges } from './privileges.ts';
import { EngineSandboxes, sandboxIdOf } from './sandboxes.ts';

const execOutputBytesMax = 1024 * 1024;
/** After a timed-out exec was told to stop. */
const execKillWaitMs = 2_000;

export interface DockerRuntimeOptions {
  /** Default `/var/run/docker.sock`. */
  readonly socketPath?: string;
  /** Marks this agent's containers among those of other agents on the same engine. */
  readonly owner: string;
  /** Default `roadstead/pause:1`. */
  readonly sandboxImage?: string;
  readonly privileges?: HostPrivileges;
}

export function createDockerRuntime(options: DockerRuntimeOptions): ContainerRuntime {
  return new DockerRuntime(options);
}

/** ContainerRuntime on the Docker Engine API 1.41 and later. */
class DockerRuntime implements ContainerRuntime {
  readonly capabilitiesMissing: readonly string[];
  readonly #engine: EngineClient;
  readonly #owner: string;
  readonly #sandboxes: EngineSandboxes;
  readonly #containers: EngineContainers;
  readonly #images: EngineImages;
  readonly #cgroups = new Map<string, CgroupPaths>();

  constructor(options: DockerRuntimeOptions) {
    const engine = new EngineClient({ socketPath: options.socketPath ?? '/var/run/docker.sock', apiVersion: '1.41' });
    const privileges = options.privileges ?? readHostPrivileges();
    const owner = options.owner;
    this.#engine = engine;
    this.#owner = owner;
    this.#sandboxes = new EngineSandboxes({
      engine,
      owner,
      image: options.sandboxImage ?? 'roadstead/pause:1',
      privileges,
    });
    this.#containers = new EngineContainers({ engine, owner, privileges });
    this.#images = new EngineImages(engine);
    this.capabilitiesMissing = privileges.missing;
  }

  async version(signal?: AbortSignal): Promise<RuntimeVersion> {
    const answer = await this.#engine.json<{ Version: string; ApiVersion: string }>({
      method: 'GET',
      path: '/version',
      signal,
    });
    return { name: 'docker', version: answer.Version, apiVersion: answer.ApiVersion };
  }

  async status(signal?: AbortSignal): Promise<{ ready: boolean; reason: string; message: string }> {
    try {
      await this.#engine.send({ method: 'GET', path: '/_ping', signal });
      return { ready: true, reason: '', message: '' };
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      return { ready: false, reason: 'RuntimeNotReady', message: error.message };
    }
  }

  runPodSandbox(config: PodSandboxConfig, signal?: AbortSignal): Promise<string> {
    return this.#sandboxes.run(config, signal);
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    const summaries = await this.#list();
    const members = summaries.filter((one) => sandboxIdOf(one) === sandboxId && one.State === 'running');
    await this.#sandboxes.stop(
      sandboxId,
      members.map((one) => one.Id),
    );
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    const summaries = await this.#list();
    const members = summaries.filter((one) => sandboxIdOf(one) === sandboxId);
    await Promise.all(members.map((one) => this.#containers.remove(one.Id)));
    await this.#containers.remove(sandboxId);
    this.#sandboxes.forget(sandboxId);
  }

  async listPodSandboxes(podUid?: string): Promise<PodSandboxStatus[]> {
    return (await this.listPods(podUid)).sandboxes;
  }

  createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string> {
    return this.#sandboxes
      .sharing(sandboxId)
      .then((sharing) => this.#containers.create(sandboxId, config, sharing, signal));
  }

  startContainer(containerId: string): Promise<void> {
    return this.#containers.start(containerId);
  }

  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void> {
    return this.#containers.stop(containerId, gracePeriodSeconds);
  }

  removeContainer(containerId: string): Promise<void> {
    this.#cgroups.delete(containerId);
    return this.#containers.remove(containerId);
  }

  async listContainers(podUid?: string): Promise<ContainerStatus[]> {
    return (await this.listPods(podUid)).containers;
  }

  async listPods(podUid?: string): Promise<{ sandboxes: PodSandboxStatus[]; containers: ContainerStatus[] }> {
    const summaries = await this.#list(podUid);
    if (podUid === undefined) this.#containers.retain(new Set(summaries.map((one) => one.Id)));
    const [sandboxes, containers] = await Promise.all([
      Promise.all(summaries.filter(isSandbox).map((one) => this.#sandboxes.statusOf(one))),
      this.#containers.statuses(summaries.filter((one) => !isSandbox(one))),
    ]);
    return { sandboxes, containers };
  }

  containerStatus(containerId: string): Promise<ContainerStatus | undefined> {
    return this.#containers.status(containerId);
  }

  async updateContainerResources(containerId: string, resources: LinuxResources): Promise<void> {
    await this.#engine.send({
      method: 'POST',
      path: `/containers/${containerId}/update`,
      body: resourceBody(resources),
    });
  }

  async execSync(
    containerId: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer; timedOut: boolean }> {
    const { execId, session } = await startExec(this.#engine, containerId, { command, tty: false, stdin: false });
    const stdout = collect(session.stdout);
    const stderr = collect(session.stderr);
    const timedOut = await endsLate(session.exitCode, timeoutMs);
    if (timedOut) {
      await killExec(this.#engine, execId);
      await endsLate(session.exitCode, execKillWaitMs);
      session.close();
      return { exitCode: -1, stdout: stdout(), stderr: stderr(), timedOut };
    }
    return { exitCode: await session.exitCode, stdout: stdout(), stderr: stderr(), timedOut };
  }

  async exec(containerId: string, options: ExecOptions): Promise<ExecSession> {
    return (await startExec(this.#engine, containerId, options)).session;
  }

  async attach(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<ExecSession> {
    const stdin = options.stdin ? '1' : '0';
    const hijacked = await this.#engine.hijack({
      method: 'POST',
      path: `/containers/${containerId}/attach?stream=1&stdin=${stdin}&stdout=1&stderr=1`,
    });
    return sessionOver(hijacked, {
      tty: options.tty,
      stdin: options.stdin,
      finish: async () => (await this.#containers.status(containerId))?.exitCode ?? 0,
      resize: (columns, rows) =>
        this.#engine.send({ method: 'POST', path: `/containers/${containerId}/resize?w=${columns}&h=${rows}` }),
    });
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { hostNetwork } = await this.#sandboxes.sharing(sandboxId);
    return connectInNamespace(hostNetwork ? undefined : await this.#sandboxes.pid(sandboxId), port);
  }

  async *logs(containerId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine> {
    const found = await this.#containers.inspect(containerId);
    if (found === undefined) throw new RuntimeError('notFound', `container "${containerId}" is not there`);
    yield* readLogs(this.#engine, containerId, found.Config.Tty, options, signal);
  }

  listImages(): Promise<RuntimeImage[]> {
    return this.#images.list();
  }

  imageStatus(image: string): Promise<RuntimeImage | undefined> {
    return this.#images.status(image);
  }

  pullImage(image: string, auth: RegistryAuth | undefined, signal?: AbortSignal): Promise<string> {
    return this.#images.pull(image, auth, signal);
  }

  removeImage(image: string): Promise<void> {
    return this.#images.remove(image);
  }

  exportImage(image: string, directory: string): Promise<void> {
    return exportImage(this.#engine, image, directory);
  }

  async containerStats(): Promise<ContainerStats[]> {
    const { containers } = await this.listPods();
    const running = containers.filter((one) => one.state === 'running');
    const all = await Promise.all(running.map((one) => this.#statsOf(one)));
    return all.filter((stats) => stats !== undefined);
  }

  containerDiskBytes(containerId: string): Promise<number> {
    return this.#containers.diskBytes(containerId);
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return readEvents(this.#engine, this.#owner, signal);
  }

  async close(): Promise<void> {
    this.#engine.close();
  }

  #list(podUid?: string): Promise<EngineContainerSummary[]> {
    const label = [`${labelOwner}=${this.#owner}`];
    if (podUid !== undefined) label.push(`${labelPodUid}=${podUid}`);
    const filters = encodeURIComponent(JSON.stringify({ label }));
    return this.#engine.json({ method: 'GET', path: `/containers/json?all=1&filters=${filters}` });
  }

  async #statsOf(container: ContainerStatus): Promise<ContainerStats | undefined> {
    const pid = this.#containers.knownPid(container.id);
    if (pid === undefined) return undefined;
    let paths = this.#cgroups.get(container.id);
    if (paths === undefined) {
      paths = await cgroupPathsOf(pid);
      if (paths === undefined) return undefined;
      this.#cgroups.set(container.id, paths);
    }
    const [usage, network] = await Promise.all([readCgroupUsage(paths), readNetworkBytes(pid)]);
    if (usage === undefined) return undefined;
    return {
      containerId: container.id,
      pod: container.pod,
      name: container.name,
      ...usage,
      rxBytes: network.rx,
      txBytes: network.tx,
      timestamp: Date.now(),
    };
  }
}

/** Keeps the first `execOutputBytesMax` bytes and drops the rest, so the process is never blocked by its reader. */
function collect(stream: NodeJS.ReadableStream): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    if (size >= execOutputBytesMax) return;
    chunks.push(chunk.subarray(0, execOutputBytesMax - size));
    size += chunk.length;
  });
  return () => Buffer.concat(chunks);
}

async function endsLate(ended: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  if (timeoutMs <= 0) {
    await ended;
    return false;
  }
  const timer = Promise.withResolvers<boolean>();
  const handle = setTimeout(() => timer.resolve(true), timeoutMs);
  try {
    return await Promise.race([timer.promise, ended.then(() => false)]);
  } finally {
    clearTimeout(handle);
  }
}
