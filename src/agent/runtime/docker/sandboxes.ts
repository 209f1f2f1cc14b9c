import { type PodSandboxConfig, type PodSandboxStatus, RuntimeError } from '../contract.ts';
import type { EngineClient } from './engine-client.ts';
import type { EngineContainer, EngineContainerSummary } from './engine-types.ts';
import { sandboxHostConfig } from './host-config.ts';
import {
  annotationLabels,
  attemptOf,
  dockerName,
  identityLabels,
  identityOf,
  labelContainerName,
  labelSandbox,
  labelSharing,
  type Sharing,
  sandboxContainerName,
  sharingOf,
  splitLabels,
} from './labels.ts';
import type { HostPrivileges } from './privileges.ts';

interface SandboxFacts {
  readonly sharing: Sharing;
  pid: number;
}

/** Sandboxes as pause containers, which hold the namespaces the pod's containers join. */
export class EngineSandboxes {
  readonly #engine: EngineClient;
  readonly #owner: string;
  readonly #image: string;
  readonly #privileges: HostPrivileges;
  /** By id; what the containers that join must know and asking again would cost an inspect. */
  readonly #facts = new Map<string, SandboxFacts>();

  constructor(options: { engine: EngineClient; owner: string; image: string; privileges: HostPrivileges }) {
    this.#engine = options.engine;
    this.#owner = options.owner;
    this.#image = options.image;
    this.#privileges = options.privileges;
  }

  async run(config: PodSandboxConfig, signal?: AbortSignal): Promise<string> {
    const id = await this.#create(config, signal);
    await this.#engine.send({ method: 'POST', path: `/containers/${id}/start`, signal });
    return id;
  }

  async #create(config: PodSandboxConfig, signal: AbortSignal | undefined): Promise<string> {
    const name = dockerName(sandboxContainerName, config.pod, config.attempt);
    const sharing: Sharing = {
      hostNetwork: config.hostNetwork,
      hostPid: config.hostPid,
      hostIpc: config.hostIpc,
      shareProcessNamespace: config.shareProcessNamespace,
    };
    const body = {
      Image: this.#image,
      ...(config.hostNetwork ? {} : { Hostname: config.hostname }),
      Labels: {
        ...config.labels,
        ...annotationLabels(config.annotations),
        ...identityLabels(config.pod, config.attempt, this.#owner),
        [labelContainerName]: sandboxContainerName,
        [labelSharing]: JSON.stringify(sharing),
      },
      HostConfig: sandboxHostConfig(config, this.#privileges),
    };
    try {
      const path = `/containers/create?name=${encodeURIComponent(name)}`;
      const { Id } = await this.#engine.json<{ Id: string }>({ method: 'POST', path, body, signal });
      this.#facts.set(Id, { sharing, pid: 0 });
      return Id;
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'conflict') throw error;
      // The same attempt was made before and its answer was lost.
      const found = await this.#engine.json<EngineContainer>({ method: 'GET', path: `/containers/${name}/json` });
      return found.Id;
    }
  }

  async sharing(sandboxId: string): Promise<Sharing> {
    return (await this.#factsOf(sandboxId)).sharing;
  }

  /** The pid of the pause process: the door to the sandbox's namespaces. */
  async pid(sandboxId: string): Promise<number> {
    const facts = await this.#factsOf(sandboxId);
    if (facts.pid === 0) facts.pid = (await this.#inspect(sandboxId)).State.Pid;
    return facts.pid;
  }

  async statusOf(summary: EngineContainerSummary): Promise<PodSandboxStatus> {
    const facts = this.#remember(summary.Id, summary.Labels);
    const ready = summary.State === 'running';
    if (!ready) facts.pid = 0;
    const { labels, annotations } = splitLabels(summary.Labels);
    const withNetwork = ready && !facts.sharing.hostNetwork;
    const pid = withNetwork ? await this.#pidOrGone(summary.Id) : 0;
    return {
      id: summary.Id,
      pod: identityOf(summary.Labels),
      attempt: attemptOf(summary.Labels),
      state: ready ? 'ready' : 'notReady',
      createdAt: summary.Created * 1000,
      labels,
      annotations,
      ...(pid > 0 ? { networkNamespace: `/proc/${pid}/ns/net` } : {}),
    };
  }

  async stop(sandboxId: string, memberIds: readonly string[]): Promise<void> {
    const ids = [...memberIds, sandboxId];
    await Promise.all(ids.map((id) => this.#kill(id)));
    const facts = this.#facts.get(sandboxId);
    if (facts !== undefined) facts.pid = 0;
  }

  forget(sandboxId: string): void {
    this.#facts.delete(sandboxId);
  }

  async #kill(id: string): Promise<void> {
    try {
      await this.#engine.send({ method: 'POST', path: `/containers/${id}/kill?signal=SIGKILL` });
    } catch (error) {
      // conflict: it does not run.
      if (!(error instanceof RuntimeError) || (error.code !== 'notFound' && error.code !== 'conflict')) throw error;
    }
  }

  async #factsOf(sandboxId: string): Promise<SandboxFacts> {
    const known = this.#facts.get(sandboxId);
    if (known !== undefined) return known;
    const found = await this.#inspect(sandboxId);
    const facts = this.#remember(found.Id, found.Config.Labels ?? {});
    facts.pid = found.State.Pid;
    return facts;
  }

  #remember(id: string, labels: Readonly<Record<string, string>>): SandboxFacts {
    let facts = this.#facts.get(id);
    if (facts === undefined) {
      facts = { sharing: sharingOf(labels), pid: 0 };
      this.#facts.set(id, facts);
    }
    return facts;
  }

  async #pidOrGone(sandboxId: string): Promise<number> {
    try {
      return await this.pid(sandboxId);
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'notFound') return 0;
      throw error;
    }
  }

  #inspect(id: string): Promise<EngineContainer> {
    return this.#engine.json({ method: 'GET', path: `/containers/${id}/json` });
  }
}

export function sandboxIdOf(summary: EngineContainerSummary): string {
  return summary.Labels[labelSandbox] ?? '';
}
