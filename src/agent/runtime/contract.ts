import type { Duplex, Readable } from 'node:stream';

/**
 * What the agent needs of a container engine, in the shape of the CRI (k8s.io/cri-api runtime.v1): names, states and
 * the split into sandboxes and containers are the CRI's, so that `cri/` is a translation and nothing else.
 * Implemented by `docker/` (Engine API), `sim/` (in memory), later `cri/` (gRPC).
 * Every call may throw a RuntimeError; `unavailable` means that the engine does not answer and nothing is known.
 */
export interface ContainerRuntime {
  /** Capabilities this machine cannot give even to a privileged container; an Event says so. */
  readonly capabilitiesMissing: readonly string[];
  version(signal?: AbortSignal): Promise<RuntimeVersion>;
  /** Whether the engine answers and its network is ready. */
  status(signal?: AbortSignal): Promise<{ ready: boolean; reason: string; message: string }>;

  /** Creates and starts the sandbox; its network namespace exists afterwards. Idempotent by `podUid` and `attempt`. */
  runPodSandbox(config: PodSandboxConfig, signal?: AbortSignal): Promise<string>;
  /** Stops every container of the sandbox by force, then the sandbox. Safe to repeat and for an unknown id. */
  stopPodSandbox(sandboxId: string): Promise<void>;
  removePodSandbox(sandboxId: string): Promise<void>;
  listPodSandboxes(podUid?: string): Promise<PodSandboxStatus[]>;
  /** Sandboxes and containers of one pod, or of all, at one moment: what a sync reads. */
  listPods(podUid?: string): Promise<{ sandboxes: PodSandboxStatus[]; containers: ContainerStatus[] }>;

  createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string>;
  startContainer(containerId: string): Promise<void>;
  /** SIGTERM (or the image's stop signal), then SIGKILL after the grace period. Safe to repeat and for an unknown id. */
  stopContainer(containerId: string, gracePeriodSeconds: number): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  /** All containers of this agent, running or not. */
  listContainers(podUid?: string): Promise<ContainerStatus[]>;
  containerStatus(containerId: string): Promise<ContainerStatus | undefined>;
  updateContainerResources(containerId: string, resources: LinuxResources): Promise<void>;

  /** Runs to the end; throws only when the command could not be started. Output is bounded (1 MiB, then cut). */
  execSync(
    containerId: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer; timedOut: boolean }>;
  exec(containerId: string, options: ExecOptions): Promise<ExecSession>;
  attach(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<ExecSession>;
  /** A connection to a TCP port inside the sandbox's network namespace, also to what listens on its loopback only. */
  portForward(sandboxId: string, port: number): Promise<Duplex>;
  /** The container's output, oldest first; with `follow` it goes on until the container ends or `signal` aborts. */
  logs(containerId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogLine>;

  listImages(): Promise<RuntimeImage[]>;
  imageStatus(image: string): Promise<RuntimeImage | undefined>;
  /** Resolves to the image's id. Throws `imagePull` with the registry's words. */
  pullImage(image: string, auth: RegistryAuth | undefined, signal?: AbortSignal): Promise<string>;
  removeImage(image: string): Promise<void>;
  /** Writes the files of an image below a directory that is there and empty. */
  exportImage(image: string, directory: string): Promise<void>;

  containerStats(): Promise<ContainerStats[]>;
  /** What the container wrote over its image and to its log, in bytes; 0 for an unknown id. Costs a walk of its files. */
  containerDiskBytes(containerId: string): Promise<number>;
  /** Container and sandbox changes, as hints to look again; may drop and repeat. Ends when the engine goes away. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  close(): Promise<void>;
}

export interface RuntimeVersion {
  /** `docker`, `containerd`, `sim`: what stands before `://` in containerIDs. */
  readonly name: string;
  readonly version: string;
  readonly apiVersion: string;
}

export interface PodIdentity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PodSandboxConfig {
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Host namespaces to share instead of own ones. */
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** Containers see each other's processes. */
  readonly shareProcessNamespace: boolean;
  /** `cgroup` parent, absolute; empty for the engine's default. */
  readonly cgroupParent: string;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly runtimeHandler: string;
}

export interface PodSandboxStatus {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly state: 'ready' | 'notReady';
  /** ms since the epoch */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Path of the network namespace (`/proc/<pid>/ns/net`); absent for host network or a sandbox that is not ready. */
  readonly networkNamespace?: string;
}

export interface ContainerConfig {
  readonly pod: PodIdentity;
  readonly name: string;
  readonly attempt: number;
  /** The resolved image id or reference. */
  readonly image: string;
  /** Entry point; empty takes the image's. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly permissions: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly resources: LinuxResources;
  readonly security: LinuxSecurity;
  readonly stopSignal: string;
  /** Id of the container whose processes this one sees (ephemeral containers with a target). */
  readonly processNamespaceOf?: string;
}

export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation: 'private' | 'hostToContainer' | 'bidirectional';
}

export interface LinuxResources {
  /** Shares of 1024 a core; 0 leaves the engine's default. */
  readonly cpuShares: number;
  /** Quota in microseconds per period of 100 ms; 0 is unlimited. */
  readonly cpuQuotaMicros: number;
  /** Bytes; 0 is unlimited. */
  readonly memoryLimitBytes: number;
  readonly oomScoreAdj: number;
  /** 0 is unlimited. */
  readonly pidsLimit: number;
}

export interface LinuxSecurity {
  readonly privileged: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsUserName?: string;
  readonly supplementalGroups: readonly number[];
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  /** `runtime/default`, `unconfined` or `localhost/<path>`. */
  readonly seccompProfile: string;
  readonly apparmorProfile: string;
  readonly selinuxLabel: readonly string[];
  readonly maskedPaths?: readonly string[];
}

export interface ContainerStatus {
  readonly id: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  /** `docker-pullable://...@sha256:...` or `sha256:...` */
  readonly imageId: string;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  /** ms since the epoch; 0 when it has not happened. */
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, `ContainerCannotRun`. */
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
}

export interface ExecSession {
  /** Absent when stdin was not asked for. Ending it closes the process's stdin. */
  readonly stdin?: NodeJS.WritableStream;
  readonly stdout: Readable;
  /** Empty with a tty. */
  readonly stderr: Readable;
  resize(columns: number, rows: number): Promise<void>;
  /** Resolves when the process has ended and its output is complete. */
  readonly exitCode: Promise<number>;
  close(): void;
}

export interface LogOptions {
  readonly follow: boolean;
  /** Last N lines; undefined for all. */
  readonly tailLines?: number;
  /** ms since the epoch */
  readonly since?: number;
  /** Only what was written there; both when absent. */
  readonly stream?: 'stdout' | 'stderr';
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** With its line end, if it had one. */
  readonly content: Buffer;
}

export interface RuntimeImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** User of the image's config: `''`, a uid or a name. */
  readonly user: string;
  /** Signal name of the image's config; `''` for the default. */
  readonly stopSignal: string;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serverAddress: string;
}

export interface ContainerStats {
  readonly containerId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  /** Since start. */
  readonly cpuUsageNanoseconds: number;
  /** Without page cache that can be dropped. */
  readonly memoryWorkingSetBytes: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  /** ms since the epoch */
  readonly timestamp: number;
}

export interface RuntimeEvent {
  readonly podUid: string;
  readonly type: 'containerStarted' | 'containerStopped' | 'sandboxStarted' | 'sandboxStopped' | 'other';
}

export type RuntimeErrorCode =
  | 'unavailable'
  | 'notFound'
  | 'imagePull'
  | 'invalidImageName'
  | 'conflict'
  | 'startFailed'
  | 'other';

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}
