import { type Logger, silentLogger } from '../machinery/logger.ts';
import type { KubeObject, ResourceType } from '../machinery/meta.ts';
import type { Client, Informer, InformerFactory, InformerFilter } from './contract.ts';
import { type InformerOptions, WatchedResource } from './informer.ts';

export interface InformerFactoryOptions {
  readonly logger?: Logger;
  readonly freeze?: boolean;
  readonly streamInitial?: boolean;
  /** Per resource, as `pods` or `deployments.apps`. Default for all: managed fields are dropped. */
  readonly transforms?: Readonly<Record<string, (object: KubeObject) => KubeObject>>;
}

/** Informers over one client; see `InformerFactory`. */
export function createInformerFactory(client: Client, options: InformerFactoryOptions = {}): InformerFactory {
  const informers = new Map<string, WatchedResource<KubeObject>>();
  const started = new Set<WatchedResource<KubeObject>>();
  return {
    informer<T extends KubeObject>(type: ResourceType<T>, filter?: InformerFilter): Informer<T> {
      const key = keyOf(type, filter);
      let found = informers.get(key);
      if (found === undefined) {
        found = new WatchedResource<KubeObject>(optionsFor(client, type, filter, options));
        informers.set(key, found);
      }
      return found as unknown as Informer<T>;
    },
    start(signal) {
      for (const informer of informers.values()) {
        if (started.has(informer)) continue;
        started.add(informer);
        // `run` ends with the signal and never throws.
        void informer.run(signal);
      }
    },
    async synced(signal) {
      await Promise.all([...started].map((informer) => informer.whenSynced(signal)));
    },
  };
}

/** Managed fields are a third of a typical object and nobody reads them from a cache. */
export function dropManagedFields<T extends KubeObject>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}

function optionsFor(
  client: Client,
  type: ResourceType<KubeObject>,
  filter: InformerFilter | undefined,
  options: InformerFactoryOptions,
): InformerOptions<KubeObject> {
  const name = type.group === '' ? type.resource : `${type.resource}.${type.group}`;
  return {
    client: client.resource(type),
    type,
    logger: options.logger ?? silentLogger,
    transform: options.transforms?.[name] ?? dropManagedFields,
    ...(filter === undefined ? {} : { filter }),
    ...(options.freeze === undefined ? {} : { freeze: options.freeze }),
    ...(options.streamInitial === undefined ? {} : { streamInitial: options.streamInitial }),
  };
}

function keyOf(type: ResourceType<KubeObject>, filter: InformerFilter = {}): string {
  const { namespace = '', labelSelector = '', fieldSelector = '' } = filter;
  return JSON.stringify([type.group, type.version, type.resource, namespace, labelSelector, fieldSelector]);
}
