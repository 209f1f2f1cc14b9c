import type { Container, Pod, Probe } from '../../api/core/v1/types.generated.ts';
import type { EventRecorder } from '../../client/contract.ts';
import type { ProbeVerdicts } from '../pods/pod-actions.ts';
import { containersOf, type PodRuntimeState } from '../pods/pod-containers.ts';
import { type ContainerRuntime, type ContainerStatus, RuntimeError } from '../runtime/contract.ts';
import { probeGrpc } from './grpc-probe.ts';
import { probeHttp } from './http-probe.ts';
import type { ProbeOutcome } from './probe-outcome.ts';
import { probeTcp } from './tcp-probe.ts';

type ProbeKind = 'startup' | 'liveness' | 'readiness';
const kinds: readonly ProbeKind[] = ['startup', 'liveness', 'readiness'];
const titles = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

export interface ContainerProbesOptions {
  readonly runtime: ContainerRuntime;
  readonly events: EventRecorder;
  readonly now: () => number;
  /** A result changed: the pod is to be looked at. */
  readonly changed: (podUid: string) => void;
}

interface ProbeTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly status: ContainerStatus;
  readonly podIp: string;
}

/** Probes the running containers of this node and remembers what they said. */
export class ContainerProbes implements ProbeVerdicts {
  readonly #options: ContainerProbesOptions;
  /** By `<container id>/<kind>`. */
  readonly #loops = new Map<string, ProbeLoop>();
  readonly #byPod = new Map<string, Set<string>>();

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
  }

  /** Starts what is missing and ends what is over for one pod; called at every sync. */
  sync(pod: Pod, state: PodRuntimeState, podIp: string): void {
    const uid = pod.metadata.uid ?? '';
    const wanted = new Set<string>();
    for (const { spec, role } of containersOf(pod)) {
      if (role === 'init' || role === 'ephemeral') continue;
      const status = state.containers.find((one) => one.name === spec.name);
      if (status?.state !== 'running') continue;
      for (const kind of kinds) {
        const probe = probeOf(spec, kind);
        if (probe === undefined) continue;
        const key = `${status.id}/${kind}`;
        wanted.add(key);
        const target: ProbeTarget = { pod, container: spec, status, podIp };
        const running = this.#loops.get(key);
        if (running === undefined) this.#start(key, kind, probe, target);
        else running.target = target;
      }
    }
    for (const key of this.#byPod.get(uid) ?? []) if (!wanted.has(key)) this.#stop(key);
    if (wanted.size > 0) this.#byPod.set(uid, wanted);
    else this.#byPod.delete(uid);
  }

  /** Ends the probes of a pod; readiness ones go on while it terminates unless `all`. */
  stopPod(podUid: string, which: 'all' | 'liveness' = 'all'): void {
    for (const key of this.#byPod.get(podUid) ?? []) {
      if (which === 'all' || !key.endsWith('/readiness')) this.#stop(key);
    }
    if (which === 'all') this.#byPod.delete(podUid);
  }

  liveness(containerId: string): boolean | undefined {
    return this.#loops.get(`${containerId}/liveness`)?.verdict;
  }

  startup(containerId: string): boolean | undefined {
    return this.#loops.get(`${containerId}/startup`)?.verdict;
  }

  started(containerId: string): boolean {
    const startup = this.#loops.get(`${containerId}/startup`);
    return startup === undefined || startup.verdict === true;
  }

  ready(containerId: string): boolean {
    if (!this.started(containerId)) return false;
    const readiness = this.#loops.get(`${containerId}/readiness`);
    return readiness === undefined || readiness.verdict === true;
  }

  close(): void {
    for (const loop of this.#loops.values()) loop.stop();
    this.#loops.clear();
    this.#byPod.clear();
  }

  #start(key: string, kind: ProbeKind, probe: Probe, target: ProbeTarget): void {
    const held = (): boolean => kind !== 'startup' && !this.started(target.status.id);
    const loop = new ProbeLoop({ ...this.#options, kind, probe, target, held });
    loop.verdict = knownVerdict(kind, target) ?? loop.verdict;
    this.#loops.set(key, loop);
    loop.start();
  }

  #stop(key: string): void {
    this.#loops.get(key)?.stop();
    this.#loops.delete(key);
  }
}

/** What an earlier run of the agent found out of this very container, so that a restart does not make it unready. */
function knownVerdict(kind: ProbeKind, { pod, status }: ProbeTarget): boolean | undefined {
  const listed = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const known = listed.find((one) => one.containerID?.endsWith(`://${status.id}`));
  if (kind === 'readiness' && known?.ready === true) return true;
  return kind === 'startup' && known?.started === true ? true : undefined;
}

function probeOf(container: Container, kind: ProbeKind): Probe | undefined {
  if (kind === 'startup') return container.startupProbe;
  return kind === 'liveness' ? container.livenessProbe : container.readinessProbe;
}

/** One probe of one container: its timer, its thresholds and its last verdict. */
class ProbeLoop {
  target: ProbeTarget;
  /** Undefined until a threshold was reached for the first time. */
  verdict: boolean | undefined;
  readonly #options: ContainerProbesOptions & { kind: ProbeKind; probe: Probe; held: () => boolean };
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #last: boolean | undefined;
  #run = 0;

  constructor(
    options: ContainerProbesOptions & { kind: ProbeKind; probe: Probe; target: ProbeTarget; held: () => boolean },
  ) {
    this.#options = options;
    this.target = options.target;
    if (options.kind === 'readiness') this.verdict = false;
  }

  start(): void {
    const age = this.#options.now() - this.target.status.startedAt;
    const delay = (this.#options.probe.initialDelaySeconds ?? 0) * 1000 - age;
    this.#schedule(Math.max(0, delay));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.#tick(), delayMs);
  }

  async #tick(): Promise<void> {
    const periodMs = (this.#options.probe.periodSeconds ?? 10) * 1000;
    const begun = this.#options.now();
    if (this.#options.held()) {
      // The startup probe goes first; once it is through the others begin without waiting out a period.
      this.#schedule(Math.min(periodMs, 1000));
      return;
    }
    // A startup probe that has succeeded is over.
    if (this.#options.kind === 'startup' && this.verdict === true) return;
    const outcome = await this.#probe();
    if (this.#stopped) return;
    if (outcome.result !== 'error') this.#count(outcome.result === 'success');
    if (outcome.result !== 'success') this.#report(outcome);
    this.#schedule(Math.max(0, periodMs - (this.#options.now() - begun)));
  }

  #count(success: boolean): void {
    this.#run = this.#last === success ? this.#run + 1 : 1;
    this.#last = success;
    const { probe, kind, changed } = this.#options;
    const threshold = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (this.#run < threshold || this.verdict === success) return;
    this.verdict = success;
    changed(this.target.pod.metadata.uid ?? '');
    // The container is about to be killed; what follows is about the next one.
    if (!success && kind !== 'readiness') this.stop();
  }

  #report({ result, output }: ProbeOutcome): void {
    const { kind, events } = this.#options;
    const verb = result === 'error' ? 'errored' : 'failed';
    events.event(this.target.pod, 'Warning', 'Unhealthy', `${titles[kind]} probe ${verb}: ${output}`);
  }

  async #probe(): Promise<ProbeOutcome> {
    const { probe } = this.#options;
    const { podIp, container } = this.target;
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    try {
      if (probe.exec !== undefined) return await this.#probeExec(probe.exec.command ?? [], timeoutMs);
      if (probe.httpGet !== undefined) {
        const host = probe.httpGet.host === undefined || probe.httpGet.host === '' ? podIp : probe.httpGet.host;
        return await probeHttp(probe.httpGet, host, portOf(container, probe.httpGet.port), timeoutMs);
      }
      if (probe.tcpSocket !== undefined) {
        const host = probe.tcpSocket.host === undefined || probe.tcpSocket.host === '' ? podIp : probe.tcpSocket.host;
        return await probeTcp(host, portOf(container, probe.tcpSocket.port), timeoutMs);
      }
      if (probe.grpc !== undefined) return await probeGrpc(podIp, probe.grpc.port, probe.grpc.service ?? '', timeoutMs);
      return { result: 'error', output: 'missing probe handler' };
    } catch (error) {
      return { result: 'error', output: error instanceof Error ? error.message : String(error) };
    }
  }

  async #probeExec(command: readonly string[], timeoutMs: number): Promise<ProbeOutcome> {
    try {
      const ran = await this.#options.runtime.execSync(this.target.status.id, command, timeoutMs);
      const output = Buffer.concat([ran.stdout, ran.stderr]).toString().trim();
      if (ran.timedOut) {
        const shown = command.join(' ');
        return { result: 'failure', output: `command timed out: "${shown}" timed out after ${timeoutMs / 1000}s` };
      }
      return { result: ran.exitCode === 0 ? 'success' : 'failure', output };
    } catch (error) {
      // A command that cannot be started fails the probe; an engine that is away says nothing of the container.
      if (error instanceof RuntimeError && error.code !== 'unavailable' && error.code !== 'conflict') {
        return { result: 'failure', output: error.message };
      }
      throw error;
    }
  }
}

/** A number, or the name of one of the container's ports. */
export function portOf(container: Container, port: number | string): number {
  if (typeof port === 'number') return port;
  const named = (container.ports ?? []).find((one) => one.name === port);
  if (named !== undefined) return named.containerPort;
  const number = Number(port);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`couldn't find port: ${port} in container ${container.name}`);
}
