import type { ConfigMap, Secret } from '../../api/core/v1/types.generated.ts';
import { configMaps, secrets } from '../../api/resource-types.ts';
import type { Client, ResourceClient } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { type KubeObject, splitKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { pause } from '../pause.ts';
import { askServer, ServerAwayError } from '../server-away.ts';

const watchRetryMs = 5_000;

/**
 * The ConfigMaps and Secrets that pods of this node refer to. Each is read when a pod first asks, then watched by name
 * (which is all a node may watch) for as long as a pod holds it; a change wakes those pods.
 */
export class ObjectReferences {
  readonly #configMaps: ReferencedKind<ConfigMap>;
  readonly #secrets: ReferencedKind<Secret>;

  constructor(options: { client: Client; logger: Logger; changed: (podUid: string) => void }) {
    this.#configMaps = new ReferencedKind(options.client.resource(configMaps), options);
    this.#secrets = new ReferencedKind(options.client.resource(secrets), options);
  }

  /**
   * Undefined when it does not exist. A pod's first question goes to the server; while that is away what was known last
   * is answered, and a ServerAwayError thrown when nothing was.
   */
  configMap(podUid: string, namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#configMaps.get(podUid, namespace, name);
  }

  secret(podUid: string, namespace: string, name: string): Promise<Secret | undefined> {
    return this.#secrets.get(podUid, namespace, name);
  }

  release(podUid: string): void {
    this.#configMaps.release(podUid);
    this.#secrets.release(podUid);
  }

  close(): void {
    this.#configMaps.close();
    this.#secrets.close();
  }
}

interface Entry<T> {
  object: T | undefined;
  /** The watch is up to date, so `object` may be answered without asking. */
  live: boolean;
  readonly holders: Set<string>;
  readonly stop: AbortController;
}

class ReferencedKind<T extends KubeObject> {
  readonly #client: ResourceClient<T>;
  readonly #logger: Logger;
  readonly #changed: (podUid: string) => void;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(client: ResourceClient<T>, options: { logger: Logger; changed: (podUid: string) => void }) {
    this.#client = client;
    this.#logger = options.logger;
    this.#changed = options.changed;
  }

  async get(podUid: string, namespace: string, name: string): Promise<T | undefined> {
    const key = `${namespace}/${name}`;
    const entry = this.#entries.get(key);
    if (entry?.live === true && entry.holders.has(podUid)) return entry.object;
    let object: T | undefined;
    try {
      object = await this.#read(namespace, name);
    } catch (error) {
      if (error instanceof ServerAwayError && entry !== undefined) return entry.object;
      throw error;
    }
    this.#hold(key, podUid, object);
    return object;
  }

  #hold(key: string, podUid: string, object: T | undefined): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { object, live: false, holders: new Set(), stop: new AbortController() };
      this.#entries.set(key, entry);
      void this.#follow(key, entry);
    }
    entry.object = object;
    entry.holders.add(podUid);
  }

  release(podUid: string): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.holders.delete(podUid) || entry.holders.size > 0) continue;
      entry.stop.abort();
      this.#entries.delete(key);
    }
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.stop.abort();
    this.#entries.clear();
  }

  async #read(namespace: string, name: string): Promise<T | undefined> {
    try {
      return await askServer((signal) => this.#client.get({ namespace, name }, signal));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #follow(key: string, entry: Entry<T>): Promise<void> {
    const { signal } = entry.stop;
    const { namespace, name } = splitKey(key);
    const fieldSelector = `metadata.name=${name}`;
    while (!signal.aborted) {
      try {
        const list = await this.#client.list({ namespace, fieldSelector }, signal);
        this.#take(entry, list.items[0]);
        entry.live = true;
        const resourceVersion = list.metadata.resourceVersion ?? '';
        const watch = this.#client.watch({ namespace, fieldSelector, resourceVersion }, signal);
        for await (const event of watch) {
          if (event.type === 'BOOKMARK') continue;
          this.#take(entry, event.type === 'DELETED' ? undefined : event.object);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.debug({ object: key, err: error }, 'Lost the watch of a referenced object');
      }
      entry.live = false;
      await pause(watchRetryMs, signal);
    }
  }

  #take(entry: Entry<T>, object: T | undefined): void {
    if (entry.object?.metadata.resourceVersion === object?.metadata.resourceVersion) return;
    entry.object = object;
    for (const podUid of entry.holders) this.#changed(podUid);
  }
}
