import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { ContainerStatus } from '../runtime/contract.ts';
import { runHook } from './lifecycle-hooks.ts';
import { containersOf, type PodContainer, type PodRuntimeState } from './pod-containers.ts';
import type { PodContext } from './pod-context.ts';

/** Upstream gives every container at least this long between the hook and SIGKILL. */
const graceSecondsMin = 2;
const defaultGraceSeconds = 30;

/** How long a pod may take to stop, in whole seconds. A deletion's own grace period goes before the spec's. */
export function gracePeriodSeconds(pod: Pod): number {
  const asked = pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds;
  return Math.max(1, asked ?? defaultGraceSeconds);
}

/** Stops the containers of one pod; its grace period can be shortened while it waits. */
export class PodStopper {
  readonly #context: PodContext;
  readonly #pod: Pod;
  readonly #podIp: string;
  readonly #stopping = new Set<string>();
  #deadline: number;
  #cutHooks = Promise.withResolvers<void>();

  constructor(context: PodContext, pod: Pod, options: { podIp: string; graceSeconds: number }) {
    this.#context = context;
    this.#pod = pod;
    this.#podIp = options.podIp;
    this.#deadline = context.now() + options.graceSeconds * 1000;
  }

  /** Ordinary containers together, then sidecars in the reverse of their order. Resolves when all have stopped. */
  async stopAll(state: PodRuntimeState): Promise<void> {
    const running = state.containers.filter((one) => one.state === 'running');
    const containers = containersOf(this.#pod);
    const named = (status: ContainerStatus): PodContainer | undefined =>
      containers.find(({ spec }) => spec.name === status.name);
    const sidecars = containers
      .filter(({ role }) => role === 'sidecar')
      .reverse()
      .flatMap(({ spec }) => running.filter((one) => one.name === spec.name));
    const others = running.filter((one) => !sidecars.includes(one));
    await Promise.all(others.map((one) => this.stop(one, named(one), `Stopping container ${one.name}`)));
    for (const one of sidecars) await this.stop(one, named(one), `Stopping container ${one.name}`);
  }

  /** One container: its preStop hook, then its stop signal, then SIGKILL at the deadline. */
  async stop(status: ContainerStatus, container: PodContainer | undefined, message: string): Promise<void> {
    const { events, runtime, logger } = this.#context;
    events.event(this.#pod, 'Normal', 'Killing', message);
    const preStop = container?.spec.lifecycle?.preStop;
    if (preStop !== undefined && container !== undefined && this.#remainingMs() > 0) {
      const hook = runHook(preStop, {
        runtime,
        pod: this.#pod,
        container: container.spec,
        containerId: status.id,
        podIp: this.#podIp,
        timeoutMs: this.#remainingMs(),
      }).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        logger.debug({ pod: this.#pod.metadata.name, container: status.name, err: error }, 'PreStop hook failed');
        events.event(this.#pod, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${why}`);
      });
      await Promise.race([hook, this.#cutHooks.promise, deadline(this.#remainingMs())]);
    }
    this.#stopping.add(status.id);
    try {
      await runtime.stopContainer(status.id, this.#graceLeft());
    } finally {
      this.#stopping.delete(status.id);
    }
  }

  /** A second deletion with less grace: what waits is told to hurry. */
  shorten(graceSeconds: number): void {
    const deadlineAt = this.#context.now() + graceSeconds * 1000;
    if (deadlineAt >= this.#deadline) return;
    this.#deadline = deadlineAt;
    this.#cutHooks.resolve();
    this.#cutHooks = Promise.withResolvers<void>();
    for (const id of this.#stopping) {
      this.#context.runtime.stopContainer(id, this.#graceLeft()).catch((error: unknown) => {
        this.#context.logger.debug({ containerId: id, err: error }, 'Could not hurry the stop of a container');
      });
    }
  }

  #remainingMs(): number {
    return Math.max(0, this.#deadline - this.#context.now());
  }

  #graceLeft(): number {
    return Math.max(graceSecondsMin, Math.ceil(this.#remainingMs() / 1000));
  }
}

function deadline(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
