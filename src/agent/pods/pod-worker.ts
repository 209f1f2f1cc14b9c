import type { Container, Pod, PodStatus } from '../../api/core/v1/types.generated.ts';
import { pods } from '../../api/resource-types.ts';
import { isConflict, isNotFound } from '../../machinery/status-error.ts';
import { abortable } from '../pause.ts';
import { RuntimeError, type RuntimeImage } from '../runtime/contract.ts';
import { type PreparedVolume, VolumeError } from '../volumes/pod-volumes.ts';
import { type ContainerStart, createContainer, ensureImage, StartError, startContainer } from './container-starter.ts';
import { type AdmissionVerdict, admitPod } from './node-admission.ts';
import { computePodActions, type PodActions } from './pod-actions.ts';
import {
  containersOf,
  formatPod,
  isTerminalPhase,
  labelResources,
  latestOf,
  newestFirst,
  noRuntimeState,
  type PodContainer,
  type PodRuntimeState,
} from './pod-containers.ts';
import { downwardFacts, type PodContext } from './pod-context.ts';
import { attachSandbox, createSandbox, SandboxError, writePodFiles } from './pod-sandbox.ts';
import { buildPodStatus, type WaitingReason } from './pod-status.ts';
import { gracePeriodSeconds, PodStopper } from './pod-stopper.ts';
import { linuxResources, resizeRestarts, resourceMark } from './resources.ts';
import { goDuration } from './restart-backoff.ts';
import { readTerminationMessage } from './termination-message.ts';

const retryMsMin = 500;
const retryMsMax = 15_000;
/** What a pod has to end when the node cannot bear it any longer. */
const evictionGraceSeconds = 1;
/** How often a pod is looked at although nothing happened: projected volumes and tokens are renewed then. */
const resyncMs = 60_000;

export interface PodWorkerOptions {
  readonly context: PodContext;
  readonly pod: Pod;
  /** Called once, when nothing of the pod is left on this machine. */
  readonly ended: () => void;
}

/** Runs one pod: one sync at a time, always with the newest version of the pod. */
export class PodWorker {
  readonly #context: PodContext;
  readonly #ended: () => void;
  #pod: Pod;
  #state: PodRuntimeState = noRuntimeState;
  #ips: readonly string[] = [];
  /** The sandbox whose addresses `#ips` are. */
  #attached = '';
  #verdict: AdmissionVerdict | undefined;
  #admitted = false;
  #evicted = false;
  /** The API no longer has the pod. */
  #removed = false;
  #terminated = false;
  #stopper: PodStopper | undefined;
  /** Aborted when the pod is to stop. */
  readonly #starting = new AbortController();
  readonly #waiting = new Map<string, WaitingReason>();
  readonly #notBefore = new Map<string, number>();
  readonly #messages = new Map<string, string>();
  /** Containers whose resources were changed since they were made, with their marks. */
  readonly #resized = new Map<string, string>();
  #checkpointed = '';
  #dirty = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Number.POSITIVE_INFINITY;
  #failures = 0;
  /** What was logged last, until a sync succeeds: the Events of the pod count the repetitions. */
  #saidFailure = '';
  #closed = false;

  constructor(options: PodWorkerOptions) {
    this.#context = options.context;
    this.#pod = options.pod;
    this.#ended = options.ended;
  }

  get pod(): Pod {
    return this.#pod;
  }

  get state(): PodRuntimeState {
    return this.#state;
  }

  get ips(): readonly string[] {
    return this.#ips;
  }

  waitingReason(container: string): string | undefined {
    return this.#waiting.get(container)?.reason;
  }

  /** Whether the pod takes resources of the node still. */
  get active(): boolean {
    return !this.#terminated && this.#verdict === undefined && !isTerminalPhase(this.#pod.status?.phase);
  }

  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#hurry();
    this.wake();
  }

  /** Ends the pod for the node's sake, by force. */
  evict(message: string): void {
    if (this.#verdict !== undefined || this.#removed || this.#terminated) return;
    this.#verdict = { reason: 'Evicted', message };
    this.#evicted = true;
    this.#context.events.event(this.#pod, 'Warning', 'Evicted', message);
    this.#hurry();
    this.wake();
  }

  /** The API object is gone: stop, and leave nothing behind. */
  remove(last?: Pod): void {
    if (last !== undefined) this.#pod = last;
    this.#removed = true;
    this.#hurry();
    this.wake();
  }

  /** A pod that is to stop neither waits for its start nor longer than its newest grace period. */
  #hurry(): void {
    this.#starting.abort(new Error('the pod is to stop'));
    this.#stopper?.shorten(gracePeriodSeconds(this.#pod));
  }

  /** A ConfigMap or Secret the pod refers to changed: what failed for want of it is tried again at once. */
  referencesChanged(): void {
    this.#notBefore.clear();
    this.wake();
  }

  wake(): void {
    if (this.#closed) return;
    this.#dirty = true;
    if (this.#running !== undefined) return;
    this.#running = this.#loop().finally(() => {
      this.#running = undefined;
    });
  }

  /** Ends the worker and leaves the containers as they are. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false;
      clearTimeout(this.#timer);
      this.#wakeAt = Number.POSITIVE_INFINITY;
      try {
        await this.#sync();
        this.#context.runtimeOutage.succeeded();
        this.#failures = 0;
        this.#saidFailure = '';
      } catch (error) {
        this.#failed(error);
      }
      if (!this.#closed) this.#arm(this.#context.now() + resyncMs);
    }
  }

  #failed(error: unknown): void {
    this.#failures++;
    const delay = Math.min(retryMsMax, retryMsMin * 2 ** (this.#failures - 1));
    this.#arm(this.#context.now() + delay);
    if (this.#starting.signal.aborted && error === this.#starting.signal.reason) {
      this.#failures = 0;
      this.#dirty = true;
      return;
    }
    const { events, logger, runtimeOutage } = this.#context;
    const why = error instanceof Error ? error.message : String(error);
    const where = { pod: formatPod(this.#pod), retryMs: delay };
    if (isRuntimeAway(error)) {
      runtimeOutage.failed(error, where);
      return;
    }
    if (error instanceof VolumeError) events.event(this.#pod, 'Warning', 'FailedMount', why);
    else if (error instanceof SandboxError) {
      events.event(this.#pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${why}`);
    } else events.event(this.#pod, 'Warning', 'FailedSync', `Error syncing pod: ${why}`);
    if (this.#saidFailure === why) return;
    this.#saidFailure = why;
    logger.warn({ ...where, err: error }, 'Could not sync a pod');
  }

  #arm(at: number): void {
    if (at >= this.#wakeAt || this.#dirty) return;
    this.#wakeAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.max(0, at - this.#context.now()));
  }

  async #sync(): Promise<void> {
    const pod = this.#pod;
    await this.#checkpoint(pod);
    await this.#observe(pod);
    if (this.#mustTerminate(pod)) {
      await this.#terminate();
      return;
    }
    if (!this.#admit(pod)) return;
    if (this.#deadlineExceeded(pod)) {
      await this.#terminate();
      return;
    }
    await this.#connect(pod);
    this.#context.probes.sync(pod, this.#state, this.#probeIp(pod));
    const actions = computePodActions(pod, this.#state, this.#context.probes);
    if (this.#state.sandboxes.length === 0) this.#writeStatus(pod);
    await this.#apply(pod, actions);
    await this.#resize(pod);
    await this.#observe(pod);
    this.#context.probes.sync(pod, this.#state, this.#probeIp(pod));
    const status = this.#writeStatus(pod);
    await this.#prune();
    // Ended by itself: what is left is to take its sandbox and volumes down.
    if (isTerminalPhase(status.phase)) await this.#terminate();
  }

  async #checkpoint(pod: Pod): Promise<void> {
    if (this.#removed) return;
    const uid = pod.metadata.uid ?? '';
    const mark = `${pod.metadata.resourceVersion}`;
    if (mark === this.#checkpointed) return;
    const backoff = this.#context.backoff.entries(`${uid}/`);
    await this.#context.checkpoint.save({ pod, backoff });
    this.#checkpointed = mark;
  }

  async #observe(pod: Pod): Promise<void> {
    this.#state = newestFirst(await this.#context.runtime.listPods(pod.metadata.uid ?? ''));
    const containers = containersOf(pod);
    await Promise.all(
      this.#state.containers
        .filter((one) => one.state === 'exited' && !this.#messages.has(one.id))
        .map(async (one) => {
          const spec = containers.find((container) => container.spec.name === one.name)?.spec;
          this.#messages.set(one.id, await readTerminationMessage(this.#context.runtime, spec, one));
        }),
    );
  }

  #mustTerminate(pod: Pod): boolean {
    const final = isTerminalPhase(this.#context.status.latest(pod)?.phase);
    return this.#removed || pod.metadata.deletionTimestamp !== undefined || this.#verdict !== undefined || final;
  }

  #admit(pod: Pod): boolean {
    if (this.#admitted || this.#state.containers.length > 0 || pod.status?.startTime !== undefined) {
      this.#admitted = true;
      return true;
    }
    const node = this.#context.node();
    if (node === undefined) {
      this.#arm(this.#context.now() + retryMsMin);
      return false;
    }
    const verdict = admitPod(pod, node, this.#context.otherPods(pod.metadata.uid ?? ''));
    if (verdict === undefined) {
      this.#admitted = true;
      return true;
    }
    this.#verdict = verdict;
    this.#context.events.event(pod, 'Warning', verdict.reason, verdict.message);
    this.#writeStatus(pod);
    this.#terminated = true;
    return false;
  }

  #deadlineExceeded(pod: Pod): boolean {
    const limit = pod.spec?.activeDeadlineSeconds;
    const startTime = this.#context.status.latest(pod)?.startTime;
    if (limit === undefined || startTime === undefined) return false;
    const deadline = Date.parse(startTime) + limit * 1000;
    if (this.#context.now() < deadline) {
      this.#arm(deadline);
      return false;
    }
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#verdict = { reason: 'DeadlineExceeded', message };
    this.#context.events.event(pod, 'Normal', 'DeadlineExceeded', message);
    return true;
  }

  /** After a restart of the agent the sandbox is connected already; its addresses are asked for again. */
  async #connect(pod: Pod): Promise<void> {
    const sandbox = this.#state.sandboxes[0];
    if (sandbox?.state !== 'ready' || sandbox.id === this.#attached) return;
    this.#ips = await attachSandbox(this.#context, pod, sandbox);
    this.#attached = sandbox.id;
  }

  #probeIp(pod: Pod): string {
    return (pod.spec?.hostNetwork === true ? this.#context.hostIps[0] : this.#ips[0]) ?? '';
  }

  async #apply(pod: Pod, actions: PodActions): Promise<void> {
    if (actions.killPod) await this.#stopSandboxes(pod);
    for (const { status, container, message, probe } of actions.kill) {
      const ownGrace = probe === undefined ? undefined : container.spec[`${probe}Probe`]?.terminationGracePeriodSeconds;
      const graceSeconds = ownGrace ?? gracePeriodSeconds(pod);
      const stopper = new PodStopper(this.#context, pod, { podIp: this.#probeIp(pod), graceSeconds });
      await stopper.stop(status, container, message);
    }
    // A container that was just killed counts as one that ended: its restart takes its back-off.
    if (actions.kill.length > 0) await this.#observe(pod);
    const due = actions.start.filter((container) => this.#isDue(pod, container));
    if (actions.killPod && !actions.createSandbox) return;
    const images = new Map<string, Promise<RuntimeImage>>();
    for (const { spec } of due) images.set(spec.name, quiet(ensureImage(this.#context, pod, spec)));
    const volumes = quiet(this.#setUpVolumes(pod));
    let sandboxId = actions.sandbox?.id ?? '';
    if (actions.createSandbox) {
      const created = await createSandbox(this.#context, pod, actions.sandboxAttempt);
      sandboxId = created.id;
      this.#attached = created.id;
      this.#ips = created.ips;
    }
    if (due.length === 0) {
      // What runs goes on with the contents it has.
      await volumes.catch((error: unknown) => this.#reportVolume(pod, error));
      return;
    }
    const prepared = await abortable(volumes, this.#starting.signal);
    const files = await writePodFiles(this.#context, pod, this.#ips);
    const starts = due.map(({ spec }) => {
      const image = images.get(spec.name) ?? ensureImage(this.#context, pod, spec);
      return this.#startOf(pod, spec, { sandboxId, volumes: prepared, files, image });
    });
    await this.#startInOrder(starts);
  }

  #reportVolume(pod: Pod, error: unknown): void {
    if (!(error instanceof VolumeError)) throw error;
    this.#context.events.event(pod, 'Warning', 'FailedMount', error.message);
  }

  #setUpVolumes(pod: Pod): Promise<Map<string, PreparedVolume>> {
    return this.#context.volumes.setUp(pod, downwardFacts(this.#context, pod, this.#ips));
  }

  /** False while the container is in its back-off or its last failure is too fresh. */
  #isDue(pod: Pod, { spec }: PodContainer): boolean {
    const { backoff, now, events } = this.#context;
    const notBefore = this.#notBefore.get(spec.name) ?? 0;
    if (notBefore > now()) {
      this.#arm(notBefore);
      return false;
    }
    const last = latestOf(this.#state, spec.name);
    if (last?.state !== 'exited') return true;
    const key = this.#backoffKey(pod, spec);
    const wait = backoff.remainingMs(key, last.finishedAt, now());
    if (wait === 0) {
      backoff.next(key, last.finishedAt, now());
      return true;
    }
    const about = `container=${spec.name} pod=${formatPod(pod)}`;
    const message = `back-off ${goDuration(backoff.delayMs(key))} restarting failed ${about}`;
    if (this.#waiting.get(spec.name)?.reason !== 'CrashLoopBackOff') {
      const text = `Back-off restarting failed container ${spec.name} in pod ${formatPod(pod)}`;
      events.event(pod, 'Warning', 'BackOff', text);
    }
    this.#waiting.set(spec.name, { reason: 'CrashLoopBackOff', message });
    this.#arm(now() + wait);
    return false;
  }

  #backoffKey(pod: Pod, container: Container): string {
    return `${pod.metadata.uid}/${container.name}/${container.image}`;
  }

  /** One after the other, as their order may matter; the next is created while the one before it starts. */
  async #startInOrder(starts: readonly ContainerStart[]): Promise<void> {
    const [first] = starts;
    if (first === undefined) return;
    let created = quiet(createContainer(this.#context, first));
    for (const [index, start] of starts.entries()) {
      const mine = created;
      const next = starts[index + 1];
      if (this.#starting.signal.aborted) return;
      await this.#guarded(start, async () => {
        const id = await mine;
        if (next !== undefined) created = quiet(createContainer(this.#context, next));
        await startContainer(this.#context, start, id);
      });
      if (next !== undefined && created === mine) created = quiet(createContainer(this.#context, next));
    }
  }

  #startOf(
    pod: Pod,
    spec: Container,
    parts: {
      sandboxId: string;
      volumes: ReadonlyMap<string, PreparedVolume>;
      files: { hostsPath: string; resolvConfPath: string };
      image: Promise<RuntimeImage>;
    },
  ): ContainerStart {
    return {
      pod,
      container: spec,
      attempt: this.#nextAttempt(pod, spec.name),
      sandboxId: parts.sandboxId,
      targetContainerId: this.#targetOf(pod, spec.name),
      podIps: this.#ips,
      volumes: parts.volumes,
      image: parts.image,
      signal: this.#starting.signal,
      ...parts.files,
    };
  }

  /** Turns what keeps a container from starting into its waiting reason. */
  async #guarded({ pod, container: spec }: ContainerStart, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.#waiting.delete(spec.name);
      this.#notBefore.delete(spec.name);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#waiting.set(spec.name, { reason: error.reason, message: error.message });
      const at = this.#context.now() + error.retryAfterMs;
      this.#notBefore.set(spec.name, at);
      this.#arm(at);
      const where = { pod: formatPod(pod), container: spec.name };
      this.#context.logger.info({ ...where, reason: error.reason, why: error.message }, 'Could not start a container');
    }
  }

  /** Gives running containers the resources that the pod asks for by now. */
  async #resize(pod: Pod): Promise<void> {
    const { runtime, memoryBytes } = this.#context;
    for (const container of containersOf(pod)) {
      const { spec } = container;
      const status = latestOf(this.#state, spec.name);
      const made = status?.labels[labelResources];
      if (status?.state !== 'running' || made === undefined) continue;
      const resources = linuxResources(pod, spec, memoryBytes);
      const mark = resourceMark(resources);
      const before = this.#resized.get(status.id) ?? made;
      if (before === mark) continue;
      if (resizeRestarts(spec, before, mark)) {
        const stopper = new PodStopper(this.#context, pod, {
          podIp: this.#probeIp(pod),
          graceSeconds: gracePeriodSeconds(pod),
        });
        await stopper.stop(status, container, `Container ${spec.name} resize requires restart`);
        this.#dirty = true;
        continue;
      }
      await runtime.updateContainerResources(status.id, resources);
      this.#resized.set(status.id, mark);
    }
  }

  #targetOf(pod: Pod, name: string): string | undefined {
    const target = pod.spec?.ephemeralContainers?.find((one) => one.name === name)?.targetContainerName;
    return target === undefined || target === '' ? undefined : latestOf(this.#state, target)?.id;
  }

  /** One more than the last run, as far as the runtime or the API remembers one. */
  #nextAttempt(pod: Pod, name: string): number {
    const last = latestOf(this.#state, name);
    if (last !== undefined) return last.state === 'created' ? last.attempt : last.attempt + 1;
    const status = this.#context.status.latest(pod);
    const all = [
      ...(status?.containerStatuses ?? []),
      ...(status?.initContainerStatuses ?? []),
      ...(status?.ephemeralContainerStatuses ?? []),
    ];
    const known = all.find((one) => one.name === name);
    const ran = known?.state?.running ?? known?.state?.terminated ?? known?.lastState?.terminated;
    return ran === undefined ? 0 : (known?.restartCount ?? 0) + 1;
  }

  async #stopSandboxes(pod: Pod): Promise<void> {
    const live = this.#state.containers.some((one) => one.state === 'running');
    if (live) {
      const graceSeconds = gracePeriodSeconds(pod);
      await new PodStopper(this.#context, pod, { podIp: this.#probeIp(pod), graceSeconds }).stopAll(this.#state);
    }
    await this.#releaseSandboxes();
  }

  async #releaseSandboxes(): Promise<void> {
    const network = this.#context.network();
    for (const sandbox of this.#state.sandboxes) {
      if (this.#pod.spec?.hostNetwork !== true) await network?.detach(sandbox.id);
      if (sandbox.state === 'ready') await this.#context.runtime.stopPodSandbox(sandbox.id);
    }
    this.#attached = '';
  }

  /** Keeps of each container the last run and the one before, and of the sandboxes those that hold a kept run. */
  async #prune(): Promise<void> {
    const seen = new Map<string, number>();
    const kept = new Set<string>();
    for (const container of this.#state.containers) {
      const count = (seen.get(container.name) ?? 0) + 1;
      seen.set(container.name, count);
      if (count <= 2) kept.add(container.sandboxId);
      else {
        await this.#context.runtime.removeContainer(container.id);
        this.#messages.delete(container.id);
      }
    }
    for (const [index, sandbox] of this.#state.sandboxes.entries()) {
      if (index === 0 || sandbox.state === 'ready' || kept.has(sandbox.id)) continue;
      await this.#context.runtime.removePodSandbox(sandbox.id);
    }
  }

  async #terminate(): Promise<void> {
    const { probes, volumes, status: statuses } = this.#context;
    const pod = this.#pod;
    const uid = pod.metadata.uid ?? '';
    if (!this.#terminated) {
      probes.stopPod(uid, 'liveness');
      const graceSeconds = this.#evicted ? evictionGraceSeconds : gracePeriodSeconds(pod);
      this.#stopper = new PodStopper(this.#context, pod, { podIp: this.#probeIp(pod), graceSeconds });
      await this.#stopper.stopAll(this.#state);
      await this.#releaseSandboxes();
      await this.#observe(pod);
      probes.stopPod(uid);
      this.#waiting.clear();
      this.#writeStatus(this.#pod, true);
      await volumes.tearDown(uid);
      this.#terminated = true;
    }
    if (!this.#removed && this.#pod.metadata.deletionTimestamp !== undefined) {
      await statuses.flush(uid);
      if (!(await this.#deleteObject())) return;
    }
    if (this.#removed) await this.#cleanUp(uid);
  }

  /** The last word of a deletion: the object goes once nothing of it runs. False when the server did not take it. */
  async #deleteObject(): Promise<boolean> {
    const { namespace, name, uid } = this.#pod.metadata;
    try {
      const preconditions = uid === undefined ? {} : { preconditions: { uid } };
      await this.#context.client
        .resource(pods)
        .delete({ namespace, name: name ?? '' }, { gracePeriodSeconds: 0, ...preconditions });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
    this.#removed = true;
    return true;
  }

  async #cleanUp(uid: string): Promise<void> {
    const { runtime, checkpoint, references, images, backoff, status } = this.#context;
    await Promise.all(this.#state.containers.map((one) => runtime.removeContainer(one.id)));
    await Promise.all(this.#state.sandboxes.map((one) => runtime.removePodSandbox(one.id)));
    await checkpoint.remove(uid);
    references.release(uid);
    images.forget(uid);
    backoff.forget(`${uid}/`);
    status.forget(uid);
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#ended();
  }

  #writeStatus(pod: Pod, terminating = false): PodStatus {
    const { probes, status: statuses } = this.#context;
    const status = buildPodStatus({
      pod,
      state: this.#state,
      previous: statuses.latest(pod),
      runtimeName: this.#context.runtimeName,
      podIps: this.#ips,
      hostIps: this.#context.hostIps,
      waiting: this.#waiting,
      started: (id) => probes.started(id),
      ready: (id) => probes.ready(id),
      terminationMessage: (id) => this.#messages.get(id) ?? '',
      verdict: this.#verdict,
      terminating: terminating || this.#terminated,
      now: this.#context.now(),
    });
    if (!this.#removed) statuses.submit(pod, status);
    return status;
  }
}

/** Also as the cause of another failure, such as a sandbox that could not be made. */
function isRuntimeAway(error: unknown): boolean {
  const reason = error instanceof SandboxError ? error.cause : error;
  return reason instanceof RuntimeError && reason.code === 'unavailable';
}

/** Marks a promise as looked at: it is awaited later, or not at all when something before it failed. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
