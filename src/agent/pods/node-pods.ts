import type { Pod } from '../../api/core/v1/types.generated.ts';
import type { Informer } from '../../client/contract.ts';
import type { EvictablePod } from '../eviction/evictions.ts';
import { pause } from '../pause.ts';
import type { FoundContainer, FoundPod, PodLookup } from './lookup.ts';
import type { PodRuntimeState } from './pod-containers.ts';
import { ephemeralContainersOf, identityOf } from './pod-containers.ts';
import type { PodContext } from './pod-context.ts';
import { PodWorker } from './pod-worker.ts';

const relistMs = 1_000;
const reconnectMs = 1_000;

export interface NodePodsOptions {
  readonly context: PodContext;
  readonly informer: Informer<Pod>;
  /** The runtime's event stream began or ended: its state may have changed. */
  readonly runtimeChanged: () => void;
  readonly signal: AbortSignal;
}

/** All pods of this node: a worker each, fed by the API, by the runtime's events and by a relist. */
export class NodePods implements PodLookup {
  readonly #context: PodContext;
  readonly #informer: Informer<Pod>;
  readonly #workers = new Map<string, PodWorker>();
  readonly #byName = new Map<string, string>();
  /** What the last relist saw of each pod, to tell what changed. */
  readonly #seen = new Map<string, string>();
  readonly #signal: AbortSignal;
  readonly #runtimeChanged: () => void;

  constructor(options: NodePodsOptions) {
    this.#context = options.context;
    this.#informer = options.informer;
    this.#signal = options.signal;
    this.#runtimeChanged = options.runtimeChanged;
  }

  /** Adopts what the checkpoint knows, then follows the API and the runtime until the signal aborts. */
  async start(): Promise<void> {
    for (const { pod, backoff } of await this.#context.checkpoint.load()) {
      this.#context.backoff.restore(backoff);
      this.#apply(pod);
    }
    this.#informer.addHandler({
      added: (pod) => this.#apply(pod),
      updated: (_old, pod) => this.#apply(pod),
      deleted: (pod) => this.#workers.get(pod.metadata.uid ?? '')?.remove(pod),
    });
    void this.#followEvents();
    void this.#relistForEver();
  }

  wake(podUid: string): void {
    this.#workers.get(podUid)?.wake();
  }

  referencesChanged(podUid: string): void {
    this.#workers.get(podUid)?.referencesChanged();
  }

  wakeAll(): void {
    for (const worker of this.#workers.values()) worker.wake();
  }

  pods(): readonly Pod[] {
    return [...this.#workers.values()].map((worker) => worker.pod);
  }

  otherPods(podUid: string): Pod[] {
    const others: Pod[] = [];
    for (const [uid, worker] of this.#workers) if (uid !== podUid && worker.active) others.push(worker.pod);
    return others;
  }

  /** What an eviction may choose from: pods that were admitted and have not ended. */
  evictable(): EvictablePod[] {
    return [...this.#workers.values()]
      .filter((worker) => worker.active)
      .map((worker) => ({ pod: worker.pod, state: worker.state, evict: (message) => worker.evict(message) }));
  }

  find(namespace: string, name: string): FoundPod | undefined {
    const worker = this.#workers.get(this.#byName.get(`${namespace}/${name}`) ?? '');
    if (worker === undefined) return undefined;
    const { pod, state } = worker;
    const sandbox = state.sandboxes[0];
    const annotated = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
    return {
      uid: identityOf(pod).uid,
      ...(sandbox?.state === 'ready' ? { sandboxId: sandbox.id } : {}),
      containers: foundContainers(worker),
      defaultContainer: annotated ?? pod.spec?.containers[0]?.name ?? '',
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  #apply(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    this.#byName.set(`${pod.metadata.namespace}/${pod.metadata.name}`, uid);
    const known = this.#workers.get(uid);
    if (known !== undefined) {
      known.update(pod);
      return;
    }
    this.#add(uid, pod).wake();
  }

  #add(uid: string, pod: Pod): PodWorker {
    const worker = new PodWorker({ context: this.#context, pod, ended: () => this.#forget(uid, pod) });
    this.#workers.set(uid, worker);
    return worker;
  }

  #forget(uid: string, pod: Pod): void {
    this.#workers.delete(uid);
    this.#seen.delete(uid);
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
    if (this.#byName.get(key) === uid) this.#byName.delete(key);
  }

  async #followEvents(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        for await (const event of this.#context.runtime.events(this.#signal)) this.wake(event.podUid);
      } catch (error) {
        this.#context.logger.debug({ err: error }, 'Lost the event stream of the runtime');
      }
      if (!this.#signal.aborted) this.#runtimeChanged();
      await pause(reconnectMs, this.#signal);
      // It may be back: the node is to say so at once as well.
      this.#runtimeChanged();
    }
  }

  async #relistForEver(): Promise<void> {
    let orphansChecked = false;
    while (!this.#signal.aborted) {
      try {
        const pods = byPod(await this.#context.runtime.listPods());
        this.#wakeChanged(pods);
        if (this.#informer.synced) {
          await this.#removeOrphans(pods);
          if (!orphansChecked) {
            await this.#collectNetwork(pods);
            await this.#removeLeftDirectories(pods);
          }
          orphansChecked = true;
        }
      } catch (error) {
        this.#context.logger.debug({ err: error }, 'Could not list the containers of the runtime');
      }
      await pause(relistMs, this.#signal);
    }
  }

  #wakeChanged(pods: ReadonlyMap<string, PodRuntimeState>): void {
    for (const [uid, worker] of this.#workers) {
      const mark = fingerprint(pods.get(uid));
      if (this.#seen.get(uid) === mark) continue;
      this.#seen.set(uid, mark);
      worker.wake();
    }
  }

  /** Once the API's list is known: pods of the checkpoint or the runtime that it does not have are stopped. */
  async #removeOrphans(pods: ReadonlyMap<string, PodRuntimeState>): Promise<void> {
    const wanted = new Set(this.#informer.list().map((pod) => pod.metadata.uid ?? ''));
    for (const [uid, worker] of this.#workers) if (!wanted.has(uid)) worker.remove();
    for (const [uid, state] of pods) {
      if (wanted.has(uid) || this.#workers.has(uid)) continue;
      this.#context.logger.info({ podUid: uid }, 'Found containers of a pod that is gone');
      this.#add(uid, orphanOf(state)).remove();
    }
  }

  /** Of pods that ended while an agent was killed: nobody else would ever look at them. */
  async #removeLeftDirectories(pods: ReadonlyMap<string, PodRuntimeState>): Promise<void> {
    const { checkpoint, volumes, logger } = this.#context;
    for (const uid of await checkpoint.uids()) {
      if (this.#workers.has(uid) || pods.has(uid)) continue;
      logger.info({ podUid: uid }, 'Removing the files of a pod that is gone');
      await volumes.tearDown(uid);
      await checkpoint.remove(uid);
    }
  }

  async #collectNetwork(pods: ReadonlyMap<string, PodRuntimeState>): Promise<void> {
    const sandboxes = [...pods.values()].flatMap((state) => state.sandboxes.map((one) => one.id));
    await this.#context.network()?.collect(sandboxes);
  }
}

function byPod(all: PodRuntimeState): Map<string, PodRuntimeState> {
  const found = new Map<
    string,
    { sandboxes: PodRuntimeState['sandboxes'][number][]; containers: PodRuntimeState['containers'][number][] }
  >();
  const of = (
    uid: string,
  ): { sandboxes: PodRuntimeState['sandboxes'][number][]; containers: PodRuntimeState['containers'][number][] } => {
    let state = found.get(uid);
    if (state === undefined) {
      state = { sandboxes: [], containers: [] };
      found.set(uid, state);
    }
    return state;
  };
  for (const sandbox of all.sandboxes) of(sandbox.pod.uid).sandboxes.push(sandbox);
  for (const container of all.containers) of(container.pod.uid).containers.push(container);
  return found;
}

function fingerprint(state: PodRuntimeState | undefined): string {
  if (state === undefined) return '';
  const parts = [...state.sandboxes, ...state.containers].map((one) => `${one.id}${one.state}`);
  return parts.sort().join();
}

/** A stand-in for a pod whose object nobody has: enough to stop and remove what runs. */
function orphanOf(state: PodRuntimeState): Pod {
  const identity = state.sandboxes[0]?.pod ?? state.containers[0]?.pod;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: identity?.name ?? '', namespace: identity?.namespace ?? '', uid: identity?.uid ?? '' },
    spec: { containers: [], terminationGracePeriodSeconds: 30 },
  };
}

function foundContainers(worker: PodWorker): Map<string, FoundContainer> {
  const { pod, state } = worker;
  const found = new Map<string, FoundContainer>();
  const specs = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  for (const spec of [...specs, ...ephemeralContainersOf(pod).map((one) => one.spec)]) {
    const [latest, previous] = state.containers.filter((one) => one.name === spec.name);
    const waitingReason = worker.waitingReason(spec.name);
    found.set(spec.name, {
      ...(latest === undefined ? {} : { containerId: latest.id }),
      running: latest?.state === 'running',
      tty: spec.tty === true,
      stdin: spec.stdin === true,
      ...(previous === undefined ? {} : { previousContainerId: previous.id }),
      ...(waitingReason === undefined ? {} : { waitingReason }),
    });
  }
  return found;
}
