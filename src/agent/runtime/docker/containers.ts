import { stat } from 'node:fs/promises';
import { type ContainerConfig, type ContainerStatus, RuntimeError } from '../contract.ts';
import type { EngineClient } from './engine-client.ts';
import type { EngineContainer, EngineContainerSummary } from './engine-types.ts';
import { containerHostConfig } from './host-config.ts';
import {
  annotationLabels,
  attemptOf,
  dockerName,
  identityLabels,
  identityOf,
  labelContainerName,
  labelSandbox,
  type Sharing,
  splitLabels,
} from './labels.ts';
import type { HostPrivileges } from './privileges.ts';

export class EngineContainers {
  readonly #engine: EngineClient;
  readonly #owner: string;
  readonly #privileges: HostPrivileges;
  /** By container id; `state` says of which state the answer was. A container never runs twice here. */
  readonly #inspected = new Map<string, { state: string; status: ContainerStatus; pid: number }>();

  constructor(options: { engine: EngineClient; owner: string; privileges: HostPrivileges }) {
    this.#engine = options.engine;
    this.#owner = options.owner;
    this.#privileges = options.privileges;
  }

  async create(
    sandboxId: string,
    config: ContainerConfig,
    sharing: Sharing,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const name = dockerName(config.name, config.pod, config.attempt);
    const { security } = config;
    const body = {
      Image: config.image,
      ...(config.command.length > 0 ? { Entrypoint: config.command } : {}),
      // An entry point of the pod alone discards the image's arguments.
      ...(config.args.length > 0 || config.command.length > 0 ? { Cmd: config.args } : {}),
      Env: config.env.map(({ name: variable, value }) => `${variable}=${value}`),
      ...(config.workingDir === '' ? {} : { WorkingDir: config.workingDir }),
      ...userBody(security),
      Tty: config.tty,
      OpenStdin: config.stdin,
      StdinOnce: config.stdinOnce,
      ...(config.stopSignal === '' ? {} : { StopSignal: config.stopSignal }),
      Healthcheck: { Test: ['NONE'] },
      Labels: {
        ...config.labels,
        ...annotationLabels(config.annotations),
        ...identityLabels(config.pod, config.attempt, this.#owner),
        [labelContainerName]: config.name,
        [labelSandbox]: sandboxId,
      },
      HostConfig: containerHostConfig(sandboxId, config, sharing, this.#privileges),
    };
    const path = `/containers/create?name=${encodeURIComponent(name)}`;
    try {
      return (await this.#engine.json<{ Id: string }>({ method: 'POST', path, body, signal })).Id;
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'conflict') throw error;
      // Left by an attempt whose answer was lost; it may be of another sandbox, so it is made anew.
      await this.remove(name);
      return (await this.#engine.json<{ Id: string }>({ method: 'POST', path, body, signal })).Id;
    }
  }

  async start(id: string): Promise<void> {
    try {
      await this.#engine.send({ method: 'POST', path: `/containers/${id}/start` });
    } catch (error) {
      if (error instanceof RuntimeError && error.code !== 'unavailable') {
        throw new RuntimeError('startFailed', error.message, { cause: error });
      }
      throw error;
    }
  }

  async stop(id: string, gracePeriodSeconds: number): Promise<void> {
    await this.#ignoringGone({ method: 'POST', path: `/containers/${id}/stop?t=${Math.max(0, gracePeriodSeconds)}` });
  }

  async remove(id: string): Promise<void> {
    this.#inspected.delete(id);
    await this.#ignoringGone({ method: 'DELETE', path: `/containers/${id}?force=1&v=1` });
  }

  /** Inspects only what changed its state since the last time. */
  async statuses(summaries: readonly EngineContainerSummary[]): Promise<ContainerStatus[]> {
    const found = await Promise.all(summaries.map((summary) => this.#statusOf(summary)));
    return found.filter((status) => status !== undefined);
  }

  /** Forgets what the engine no longer has; `ids` is everything it has. */
  retain(ids: ReadonlySet<string>): void {
    for (const id of this.#inspected.keys()) if (!ids.has(id)) this.#inspected.delete(id);
  }

  async inspect(id: string): Promise<EngineContainer | undefined> {
    try {
      return await this.#engine.json<EngineContainer>({ method: 'GET', path: `/containers/${id}/json` });
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'notFound') return undefined;
      throw error;
    }
  }

  async diskBytes(id: string): Promise<number> {
    try {
      const found = await this.#engine.json<{ SizeRw?: number; LogPath?: string }>({
        method: 'GET',
        path: `/containers/${id}/json?size=1`,
      });
      return (found.SizeRw ?? 0) + (await sizeOf(found.LogPath ?? ''));
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'notFound') return 0;
      throw error;
    }
  }

  async status(id: string): Promise<ContainerStatus | undefined> {
    const found = await this.inspect(id);
    return found === undefined ? undefined : statusFrom(found);
  }

  async #statusOf(summary: EngineContainerSummary): Promise<ContainerStatus | undefined> {
    const known = this.#inspected.get(summary.Id);
    if (known !== undefined && known.state === summary.State) return known.status;
    const found = await this.inspect(summary.Id);
    if (found === undefined) return undefined;
    const status = statusFrom(found);
    this.#inspected.set(summary.Id, { state: found.State.Status, status, pid: found.State.Pid });
    return status;
  }

  /** Of a running container that was listed before; else undefined. */
  knownPid(id: string): number | undefined {
    const known = this.#inspected.get(id);
    return known === undefined || known.pid === 0 ? undefined : known.pid;
  }

  async #ignoringGone(request: { method: 'POST' | 'DELETE'; path: string }): Promise<void> {
    try {
      await this.#engine.send(request);
    } catch (error) {
      // conflict: its removal is already under way.
      if (!(error instanceof RuntimeError) || (error.code !== 'notFound' && error.code !== 'conflict')) throw error;
    }
  }
}

/** 0 when this process cannot see the file: the engine may keep its logs elsewhere. */
async function sizeOf(path: string): Promise<number> {
  if (path === '') return 0;
  try {
    return (await stat(path)).size;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES') return 0;
    throw error;
  }
}

function userBody(security: ContainerConfig['security']): { User?: string } {
  const group = security.runAsGroup === undefined ? '' : `:${security.runAsGroup}`;
  if (security.runAsUser !== undefined) return { User: `${security.runAsUser}${group}` };
  if (security.runAsUserName !== undefined && security.runAsUserName !== '') {
    return { User: `${security.runAsUserName}${group}` };
  }
  return group === '' ? {} : { User: `0${group}` };
}

function statusFrom(found: EngineContainer): ContainerStatus {
  const { labels, annotations } = splitLabels(found.Config.Labels ?? {});
  const state = stateOf(found.State);
  const ended = state === 'exited';
  const startedAt = timeOf(found.State.StartedAt);
  return {
    id: found.Id,
    sandboxId: labels[labelSandbox] ?? '',
    pod: identityOf(labels),
    name: labels[labelContainerName] ?? '',
    attempt: attemptOf(labels),
    image: found.Config.Image,
    imageId: found.Image,
    state,
    createdAt: timeOf(found.Created),
    startedAt,
    // The engine may note the start of a process that ends at once after its end.
    finishedAt: ended ? Math.max(timeOf(found.State.FinishedAt) || Date.now(), startedAt) : 0,
    exitCode: found.State.ExitCode,
    reason: ended ? exitReason(found.State) : '',
    message: ended ? found.State.Error : '',
    labels,
    annotations,
  };
}

function stateOf(state: EngineContainer['State']): ContainerStatus['state'] {
  if (state.Running) return 'running';
  // A start that failed leaves the container `created` with an exit code: it will never run.
  if (state.Status === 'created') return state.ExitCode === 0 ? 'created' : 'exited';
  if (state.Status === 'exited' || state.Status === 'dead' || state.Status === 'removing') return 'exited';
  return 'unknown';
}

function exitReason(state: EngineContainer['State']): string {
  if (state.OOMKilled) return 'OOMKilled';
  if (state.Error !== '') return state.Status === 'created' ? 'StartError' : 'ContainerCannotRun';
  return state.ExitCode === 0 ? 'Completed' : 'Error';
}

/** Docker writes year 1 for what has not happened. */
function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) || time < 0 ? 0 : time;
}
