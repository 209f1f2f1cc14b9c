import { createWorkQueue, metadataClient, runController, sleep, WatchedResource } from '../../client/index.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { type ApiResource, discoverResources } from '../api-resources.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Collector } from './collector.ts';
import { type GraphWork, OwnerGraph } from './owner-graph.ts';

const resyncMs = 30_000;
/** From a change of a definition to the look at what is served now. */
const settleMs = 500;
/** A graph that lacks one resource for longer than this is used all the same, as upstream does. */
const fillTimeoutMs = 30_000;
/** They own nothing, nothing owns them, and they are many. */
const ignored: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io']);

interface Monitor {
  readonly resource: ApiResource;
  readonly informer: WatchedResource<KubeObject>;
  readonly stop: AbortController;
}

/** Deletes what has lost its owners. Inputs: the metadata of everything, discovery. Outputs: deletions, finalizers. */
export function garbageCollector(context: ControllerContext): Controller {
  return new GarbageCollector(context).controller();
}

class GarbageCollector {
  private readonly context: ControllerContext;
  private readonly graph = new OwnerGraph();
  private readonly examine = createWorkQueue();
  private readonly orphan = createWorkQueue();
  private readonly monitors = new Map<string, Monitor>();
  private readonly kinds = new Map<string, ApiResource>();
  /** Ends the pause between two looks at discovery. */
  private wake = new AbortController();
  private isWaking = false;
  private readonly collector: Collector;

  constructor(context: ControllerContext) {
    this.context = context;
    this.collector = new Collector({
      client: context.client,
      graph: this.graph,
      recorder: context.recorder('garbage-collector-controller'),
      resourceOf: (group, kind) => this.kinds.get(`${group}/${kind}`),
      enqueue: (work) => this.enqueue(work),
    });
  }

  controller(): Controller {
    return {
      name: 'garbage-collector',
      queue: this.examine,
      workers: 10,
      reconcile: async (uid, signal) => {
        await this.filled(signal);
        await this.collector.examine(uid);
        return undefined;
      },
      beside: (signal) => this.runBeside(signal),
    };
  }

  private async runBeside(signal: AbortSignal): Promise<void> {
    const orphans = runController(
      {
        name: 'garbage-collector-orphans',
        queue: this.orphan,
        workers: 4,
        reconcile: async (uid, inner) => {
          await this.filled(inner);
          await this.collector.orphan(uid);
          return undefined;
        },
        synced: async () => undefined,
        logger: this.context.logger,
      },
      signal,
    );
    while (!signal.aborted) {
      try {
        await this.follow(signal);
      } catch (err) {
        if (!signal.aborted) this.context.logger.warn({ err }, 'Discovery for garbage collection failed');
      }
      this.wake = new AbortController();
      const waking = AbortSignal.any([signal, this.wake.signal]);
      await sleep(this.monitors.size === 0 ? 1_000 : resyncMs, waking).catch(() => undefined);
    }
    await orphans;
  }

  /** Watches what the server has now: resources come and go with their definitions. */
  private async follow(signal: AbortSignal): Promise<void> {
    const { resources, failures } = await discoverResources(this.context.client, signal);
    const wanted = new Map<string, ApiResource>();
    for (const resource of resources) {
      if (!isCollectable(resource)) continue;
      const key = `${resource.group}/${resource.resource}`;
      wanted.set(key, resource);
      this.kinds.set(`${resource.group}/${resource.kind}`, resource);
      const present = this.monitors.get(key);
      if (present?.resource.version === resource.version) continue;
      present?.stop.abort();
      this.monitors.set(key, this.monitor(resource, signal));
    }
    const failed = new Set(failures.map(({ groupVersion }) => groupVersion.split('/')[0]));
    for (const [key, { resource, stop, informer }] of this.monitors) {
      if (wanted.has(key) || failed.has(resource.group)) continue;
      stop.abort();
      this.monitors.delete(key);
      this.kinds.delete(`${resource.group}/${resource.kind}`);
      for (const { metadata } of informer.list()) this.enqueue(this.graph.remove(metadata.uid ?? ''));
    }
  }

  private monitor(resource: ApiResource, signal: AbortSignal): Monitor {
    const { client, logger } = this.context;
    const informer = new WatchedResource<KubeObject>({
      client: metadataClient(client, resource),
      type: { ...resource, kind: 'PartialObjectMetadata' },
      logger,
      transform: keepGraphFields,
    });
    const definesResources = resource.resource === 'customresourcedefinitions';
    const observe = (object: KubeObject): void => {
      this.enqueue(this.graph.observe(resource, object));
      // The resource it defines is served a moment later, or again in another version.
      if (definesResources) this.lookSoon(signal);
    };
    informer.addHandler({
      added: observe,
      updated: (_old, object) => observe(object),
      deleted: ({ metadata }) => this.enqueue(this.graph.remove(metadata.uid ?? '')),
    });
    const stop = new AbortController();
    // `run` ends with the signal and never throws.
    void informer.run(AbortSignal.any([signal, stop.signal]));
    return { resource, informer, stop };
  }

  private lookSoon(signal: AbortSignal): void {
    if (this.isWaking) return;
    this.isWaking = true;
    sleep(settleMs, signal).then(
      () => {
        this.isWaking = false;
        this.wake.abort();
      },
      () => undefined,
    );
  }

  private enqueue({ examine, orphan }: GraphWork): void {
    for (const { uid } of examine) this.examine.add(uid);
    for (const { uid } of orphan) this.orphan.add(uid);
  }

  /** Owners may be in resources that are still being listed; what looks like garbage before that may be none. */
  private async filled(signal: AbortSignal): Promise<void> {
    const pending = [...this.monitors.values()].filter(({ informer }) => !informer.synced);
    if (pending.length === 0) return;
    const waiting = AbortSignal.any([signal, AbortSignal.timeout(fillTimeoutMs)]);
    await Promise.all(pending.map(({ informer }) => informer.whenSynced(waiting).catch(() => undefined)));
  }
}

function isCollectable({ group, resource, verbs }: ApiResource): boolean {
  if (ignored.has(group === '' ? resource : `${resource}.${group}`)) return false;
  return ['delete', 'list', 'watch'].every((verb) => verbs.includes(verb));
}

/** Nothing but what the graph is made of: there is one such object for every object of the cluster. */
function keepGraphFields({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
  };
}
