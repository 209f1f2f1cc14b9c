import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod, Secret, VolumeMount } from '../../api/core/v1/types.generated.ts';
import { ImageError } from '../images/image-puller.ts';
import { abortable } from '../pause.ts';
import { type ContainerConfig, type Mount, RuntimeError, type RuntimeImage } from '../runtime/contract.ts';
import type { PreparedVolume } from '../volumes/pod-volumes.ts';
import { resolveSubPath } from '../volumes/sub-path.ts';
import { ContainerConfigError, containerEnvironment, type EnvironmentVariable } from './environment.ts';
import { expand } from './expansion.ts';
import { runHook } from './lifecycle-hooks.ts';
import { containerHash, identityOf, labelContainerHash, labelResources, labelRestartCount } from './pod-containers.ts';
import { downwardFacts, type PodContext } from './pod-context.ts';
import { linuxResources, resourceMark } from './resources.ts';
import { linuxSecurity } from './security-context.ts';

const defaultTerminationPath = '/dev/termination-log';
export const annotationTerminationFile = 'io.roadstead.termination-file';

/** A container that does not run yet: its waiting reason, and when to look again. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly reason: string;
  readonly retryAfterMs: number;

  constructor(reason: string, message: string, retryAfterMs: number, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

const retryMs = 10_000;
/** A container that was made and has ended is held back by its restart back-off already. */
const retryEndedMs = 1_000;

export interface ContainerStart {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly sandboxId: string;
  readonly targetContainerId: string | undefined;
  readonly podIps: readonly string[];
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  /** Files of the pod that are mounted into every container. */
  readonly hostsPath: string | undefined;
  readonly resolvConfPath: string | undefined;
  readonly image: Promise<RuntimeImage>;
  /** Aborts when the pod is to stop: waiting for the image or a hook ends then. */
  readonly signal: AbortSignal;
}

/** Asks for the image; the pod's containers ask together, before any of them is started. */
export async function ensureImage(context: PodContext, pod: Pod, container: Container): Promise<RuntimeImage> {
  const namespace = pod.metadata.namespace ?? '';
  const uid = pod.metadata.uid ?? '';
  const pullSecrets = async (): Promise<Secret[]> => {
    const names = (pod.spec?.imagePullSecrets ?? []).map(({ name }) => name ?? '');
    const found = await Promise.all(names.map((name) => context.references.secret(uid, namespace, name)));
    return found.filter((secret) => secret !== undefined);
  };
  try {
    return await context.images.ensure(pod, container, pullSecrets);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    if (error.reason !== 'ErrImagePull') context.events.event(pod, 'Warning', 'Failed', `Error: ${error.reason}`);
    throw new StartError(error.reason, error.message, error.retryAfterMs, { cause: error });
  }
}

/** Makes the container, not running yet. Returns its id. */
export async function createContainer(context: PodContext, start: ContainerStart): Promise<string> {
  const { pod, container } = start;
  const { runtime, events } = context;
  const image = await abortable(start.image, start.signal);
  const config = await configOrFail(context, start, image);
  let id: string;
  try {
    id = await runtime.createContainer(start.sandboxId, config);
  } catch (error) {
    throw failed(context, pod, 'CreateContainerError', error);
  }
  events.event(pod, 'Normal', 'Created', `Created container: ${container.name}`);
  reportMissingPrivileges(context, pod, container);
  return id;
}

/** Starts a created container and runs its postStart hook. */
export async function startContainer(context: PodContext, start: ContainerStart, id: string): Promise<void> {
  const { pod, container } = start;
  const { runtime, events } = context;
  try {
    await runtime.startContainer(id);
  } catch (error) {
    throw failed(context, pod, 'RunContainerError', error, retryEndedMs);
  }
  events.event(pod, 'Normal', 'Started', `Started container ${container.name}`);
  await runPostStart(context, start, id);
}

function failed(context: PodContext, pod: Pod, reason: string, error: unknown, retryAfterMs = retryMs): unknown {
  if (!(error instanceof RuntimeError) || error.code === 'unavailable') return error;
  context.events.event(pod, 'Warning', 'Failed', `Error: ${error.message}`);
  return new StartError(reason, error.message, retryAfterMs, { cause: error });
}

async function configOrFail(context: PodContext, start: ContainerStart, image: RuntimeImage): Promise<ContainerConfig> {
  try {
    return await containerConfig(context, start, image);
  } catch (error) {
    if (!(error instanceof ContainerConfigError)) throw error;
    context.events.event(start.pod, 'Warning', 'Failed', `Error: ${error.message}`);
    throw new StartError('CreateContainerConfigError', error.message, retryMs, { cause: error });
  }
}

function reportMissingPrivileges(context: PodContext, pod: Pod, container: Container): void {
  const missing = context.runtime.capabilitiesMissing;
  if (container.securityContext?.privileged !== true || missing.length === 0) return;
  const message = `Container ${container.name} is privileged without what this machine cannot give: ${missing.join(', ')}`;
  context.events.event(pod, 'Warning', 'PrivilegesReduced', message);
}

async function runPostStart(context: PodContext, start: ContainerStart, id: string): Promise<void> {
  const { pod, container } = start;
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  const podIp = (pod.spec?.hostNetwork === true ? context.hostIps[0] : start.podIps[0]) ?? '';
  try {
    const call = { runtime: context.runtime, pod, container, containerId: id, podIp, timeoutMs: 0 };
    await abortable(runHook(handler, call), start.signal);
  } catch (error) {
    if (start.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    context.events.event(pod, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${why}`);
    context.events.event(pod, 'Normal', 'Killing', 'FailedPostStartHook');
    await context.runtime.stopContainer(id, pod.spec?.terminationGracePeriodSeconds ?? 30);
    throw new StartError('PostStartHookError', why, retryEndedMs, { cause: error });
  }
}

async function containerConfig(
  context: PodContext,
  start: ContainerStart,
  image: RuntimeImage,
): Promise<ContainerConfig> {
  const { pod, container } = start;
  const uid = pod.metadata.uid ?? '';
  await context.servicesKnown();
  const env = await containerEnvironment(pod, container, {
    facts: downwardFacts(context, pod, start.podIps),
    services: (namespace) => context.services(namespace),
    configMap: async (namespace, name) => (await context.references.configMap(uid, namespace, name))?.data ?? undefined,
    secret: async (namespace, name) => decoded((await context.references.secret(uid, namespace, name))?.data),
  });
  const security = linuxSecurity(pod, container, image, context.seccompDirectory);
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const expanded = (text: string): string => expand(text, (name) => values.get(name));
  const termination = await terminationFile(context, start);
  const resources = linuxResources(pod, container, context.memoryBytes);
  return {
    pod: identityOf(pod),
    name: container.name,
    attempt: start.attempt,
    image: image.id,
    command: (container.command ?? []).map(expanded),
    args: (container.args ?? []).map(expanded),
    workingDir: container.workingDir ?? '',
    env,
    mounts: [...(await volumeMounts(start, env)), ...fileMounts(start), termination.mount],
    devices: [],
    labels: { [labelContainerHash]: containerHash(container), [labelResources]: resourceMark(resources) },
    annotations: { [labelRestartCount]: String(start.attempt), [annotationTerminationFile]: termination.path },
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    tty: container.tty === true,
    resources,
    security,
    stopSignal: container.lifecycle?.stopSignal ?? '',
    ...(start.targetContainerId === undefined ? {} : { processNamespaceOf: start.targetContainerId }),
  };
}

function decoded(data: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  if (data === undefined) return undefined;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

async function volumeMounts(start: ContainerStart, env: readonly EnvironmentVariable[]): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of start.container.volumeMounts ?? []) {
    const volume = start.volumes.get(mount.name);
    if (volume === undefined) {
      throw new ContainerConfigError(
        `cannot find volume "${mount.name}" to mount into container "${start.container.name}"`,
      );
    }
    mounts.push({
      hostPath: await mountSource(volume, mount, env),
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      readOnly: mount.readOnly === true || volume.readOnly,
      propagation: propagationOf(mount),
    });
  }
  return mounts;
}

async function mountSource(
  volume: PreparedVolume,
  mount: VolumeMount,
  env: readonly EnvironmentVariable[],
): Promise<string> {
  let subPath = mount.subPath ?? '';
  if (mount.subPathExpr !== undefined && mount.subPathExpr !== '') {
    subPath = expand(mount.subPathExpr, (name) => {
      const found = env.find((one) => one.name === name);
      if (found === undefined) throw new ContainerConfigError(`missing value for "${name}"`);
      return found.value;
    });
  }
  if (subPath === '') return volume.path;
  try {
    return await resolveSubPath(volume.path, subPath);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ContainerConfigError(`failed to prepare subPath for volumeMount "${mount.name}": ${why}`, {
      cause: error,
    });
  }
}

function propagationOf(mount: VolumeMount): Mount['propagation'] {
  if (mount.mountPropagation === 'Bidirectional') return 'bidirectional';
  return mount.mountPropagation === 'HostToContainer' ? 'hostToContainer' : 'private';
}

function fileMounts({ container, hostsPath, resolvConfPath }: ContainerStart): Mount[] {
  const taken = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath));
  const mounts: Mount[] = [];
  const add = (hostPath: string | undefined, containerPath: string): void => {
    if (hostPath === undefined || taken.has(containerPath)) return;
    mounts.push({ hostPath, containerPath, readOnly: false, propagation: 'private' });
  };
  add(hostsPath, '/etc/hosts');
  add(resolvConfPath, '/etc/resolv.conf');
  return mounts;
}

/** An empty file of this run, mounted where the container leaves its last words. */
async function terminationFile(
  { podsDirectory }: PodContext,
  { pod, container }: ContainerStart,
): Promise<{ path: string; mount: Mount }> {
  const directory = join(podsDirectory, pod.metadata.uid ?? '', 'containers', container.name);
  await mkdir(directory, { recursive: true });
  const path = join(directory, randomBytes(4).toString('hex'));
  await writeFile(path, '');
  await chmod(path, 0o666);
  const containerPath = container.terminationMessagePath || defaultTerminationPath;
  return { path, mount: { hostPath: path, containerPath, readOnly: false, propagation: 'private' } };
}
