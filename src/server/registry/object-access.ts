import { clone } from '../../machinery/json.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { notFound } from '../../machinery/status-error.ts';
import type { ObjectAccess, ObjectChange } from '../contract.ts';
import type { UserInfo } from '../request.ts';
import type { CacheEvent } from '../watch-cache/cache-entry.ts';
import type { CacheHub } from '../watch-cache/cache-hub.ts';
import type { ResourceCache } from '../watch-cache/resource-cache.ts';
import { Selection } from '../watch-cache/selection.ts';
import { deleteObject } from './deletion.ts';
import type { Registry } from './registry.ts';
import { keyOf } from './target.ts';
import type { WriteRequest } from './write-request.ts';

interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

const serverUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };
const serverManager = 'roadstead';

/** The server's own reads and writes, in the version objects are stored in. */
export class StoredObjects implements ObjectAccess {
  readonly #hub: CacheHub;
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#hub = registry.hub;
    this.#registry = registry;
  }

  get(of: GroupResource, namespace: string, name: string): UnknownObject | undefined {
    const cache = this.#hub.cache(of);
    return cache?.get(keyOf(cache.row, namespace, name))?.object;
  }

  list(of: GroupResource, namespace = ''): readonly UnknownObject[] {
    const cache = this.#hub.cache(of);
    if (cache === undefined) return [];
    const objects: UnknownObject[] = [];
    for (const entry of cache.select(new Selection(cache.row, namespace))) objects.push(entry.object);
    return objects;
  }

  names(of: GroupResource): readonly string[] {
    const cache = this.#hub.cache(of);
    if (cache === undefined) return [];
    return [...cache.snapshot().range('')].map(({ name }) => name);
  }

  async getFresh(of: GroupResource, namespace: string, name: string): Promise<UnknownObject | undefined> {
    await this.#hub.fresh();
    return this.get(of, namespace, name);
  }

  async create(of: GroupResource, object: UnknownObject): Promise<UnknownObject> {
    const request = this.#request(of, object.metadata.namespace ?? '', '');
    return (await this.#registry.create(request, clone(object))).object;
  }

  async modify(
    of: GroupResource,
    namespace: string,
    name: string,
    change: (object: UnknownObject) => boolean | undefined,
    subresource?: string,
  ): Promise<UnknownObject> {
    const written = await this.#registry.update(this.#request(of, namespace, name, subresource), {
      change: (old) => {
        const copy = clone(old);
        return change(copy) === false ? clone(old) : copy;
      },
    });
    return written.object;
  }

  async delete(of: GroupResource, namespace: string, name: string, preconditions?: { uid?: string }): Promise<void> {
    const options = preconditions === undefined ? {} : { preconditions };
    await deleteObject(this.#registry, this.#request(of, namespace, name), options);
  }

  onChange(of: GroupResource, listener: (change: ObjectChange) => void): () => void {
    const cache = this.#cache(of);
    const onEvent = ({ before, after }: CacheEvent, decoded: UnknownObject | undefined) => {
      const entry = after ?? before;
      if (entry === undefined) return;
      const { namespace, name } = entry;
      listener({ type: after === undefined ? 'delete' : 'put', namespace, name, object: decoded ?? entry.object });
    };
    cache.listeners.add(onEvent);
    return () => cache.listeners.delete(onEvent);
  }

  #cache(of: GroupResource): ResourceCache {
    const cache = this.#hub.cache(of);
    if (cache === undefined) throw notFound(of, '');
    return cache;
  }

  #request(of: GroupResource, namespace: string, name: string, subresource?: string): WriteRequest {
    const { row } = this.#cache(of);
    return {
      row,
      subresource: row.subresources.find((candidate) => candidate.name === subresource),
      namespace,
      name,
      user: serverUser,
      dryRun: false,
      fieldManager: serverManager,
      options: {},
      warnings: [],
      admission: false,
    };
  }
}
