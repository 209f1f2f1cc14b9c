import type { Service, ServiceSpec } from '../../api/core/v1/types.generated.ts';
import type { Endpoint, EndpointSlice } from '../../api/discovery/v1/types.generated.ts';
import type { EventHandler, Informer } from '../../client/contract.ts';
import { type KubeObject, objectKey, type ResourceType } from '../../machinery/meta.ts';

/** Doubles and builders for the tests of this folder. */
export class MemoryInformer<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>;
  readonly synced = true;
  readonly lastResourceVersion = '1';
  readonly #objects = new Map<string, T>();
  readonly #handlers: EventHandler<T>[] = [];
  readonly #indexes = new Map<string, (object: T) => readonly string[]>();

  constructor(type: ResourceType<T>) {
    this.type = type;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter(({ metadata }) => metadata.namespace === namespace);
  }

  byIndex(index: string, value: string): readonly T[] {
    const keysOf = this.#indexes.get(index);
    if (keysOf === undefined) throw new Error(`no index "${index}"`);
    return this.list().filter((object) => keysOf(object).includes(value));
  }

  addHandler(handler: EventHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#objects.values()) handler.added?.(object);
  }

  addIndex(name: string, keysOf: (object: T) => readonly string[]): void {
    this.#indexes.set(name, keysOf);
  }

  set(...objects: readonly T[]): void {
    for (const object of objects) {
      const old = this.#objects.get(objectKey(object));
      this.#objects.set(objectKey(object), object);
      for (const handler of this.#handlers) {
        if (old === undefined) handler.added?.(object);
        else handler.updated?.(old, object);
      }
    }
  }

  delete(key: string): void {
    const object = this.#objects.get(key);
    if (object === undefined) return;
    this.#objects.delete(key);
    for (const handler of this.#handlers) handler.deleted?.(object);
  }
}

export function makeService(name: string, clusterIp: string, spec: Partial<ServiceSpec> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: {
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      ports: [{ name: 'http', port: 80, protocol: 'TCP', ...(spec.type === 'NodePort' ? { nodePort: 30080 } : {}) }],
      ...spec,
    },
  };
}

export function makeSlice(
  service: string,
  endpoints: readonly Endpoint[],
  port = 8080,
  protocol = 'TCP',
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-a`, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports: [{ name: 'http', port, protocol }],
  };
}

export function makeEndpoint(address: string, more: Partial<Endpoint> = {}): Endpoint {
  return { addresses: [address], conditions: { ready: true }, nodeName: 'here', ...more };
}
