import { type Client, metadataClient, WatchedResource } from '../../client/index.ts';
import type { Logger } from '../../machinery/logger.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { discoverResources } from '../api-resources.ts';

/** Discovery is asked again for a resource that it did not have, not more often than this. */
const discoveryIntervalMs = 5_000;

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

interface Watched {
  readonly informer: WatchedResource<KubeObject>;
  readonly stop: AbortController;
}

export interface CountedResourcesOptions {
  readonly client: Client;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** An object of a watched resource has come or gone. */
  readonly changed: (namespace: string) => void;
}

/** How many objects there are of the resources that some quota counts, and of no others. */
export class CountedResources {
  readonly #options: CountedResourcesOptions;
  readonly #watched = new Map<string, Watched>();
  #asked = 0;
  #known = new Map<string, GroupResource & { version: string; namespaced: boolean }>();

  constructor(options: CountedResourcesOptions) {
    this.#options = options;
  }

  /** Undefined: nothing is known of this resource (yet). */
  async count(of: GroupResource, namespace: string, signal: AbortSignal): Promise<number | undefined> {
    const informer = await this.#informer(of, signal);
    if (informer === undefined) return undefined;
    await informer.whenSynced(signal);
    return informer.list(namespace).length;
  }

  /** Stops watching what no quota counts any more. */
  keepOnly(wanted: readonly GroupResource[]): void {
    const keys = new Set(wanted.map(keyOf));
    for (const [key, { stop }] of this.#watched) {
      if (keys.has(key)) continue;
      stop.abort();
      this.#watched.delete(key);
    }
  }

  async #informer(of: GroupResource, signal: AbortSignal): Promise<WatchedResource<KubeObject> | undefined> {
    const present = this.#watched.get(keyOf(of));
    if (present !== undefined) return present.informer;
    const resource = await this.#find(of, signal);
    if (resource === undefined || !resource.namespaced) return undefined;
    // Somebody else may have started it while discovery was asked.
    const { informer } = this.#watched.get(keyOf(of)) ?? this.#watch(resource);
    return informer;
  }

  #watch(resource: GroupResource & { version: string; namespaced: boolean }): Watched {
    const { client, logger, signal, changed } = this.#options;
    const informer = new WatchedResource<KubeObject>({
      client: metadataClient(client, resource),
      type: { ...resource, kind: 'PartialObjectMetadata' },
      logger,
      transform: keepName,
    });
    const tell = ({ metadata }: KubeObject): void => changed(metadata.namespace ?? '');
    informer.addHandler({ added: tell, deleted: tell });
    const stop = new AbortController();
    // `run` ends with the signal and never throws.
    void informer.run(AbortSignal.any([signal, stop.signal]));
    const watched = { informer, stop };
    this.#watched.set(keyOf(resource), watched);
    return watched;
  }

  async #find(of: GroupResource, signal: AbortSignal) {
    const found = this.#known.get(keyOf(of));
    if (found !== undefined || Date.now() - this.#asked < discoveryIntervalMs) return found;
    this.#asked = Date.now();
    const { resources } = await discoverResources(this.#options.client, signal);
    this.#known = new Map(resources.map((resource) => [keyOf(resource), resource]));
    return this.#known.get(keyOf(of));
  }
}

function keyOf({ group, resource }: GroupResource): string {
  return `${group}/${resource}`;
}

function keepName({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
}
