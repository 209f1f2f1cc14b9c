import { type HostTask, isFinished, referencesOfTask } from '../../api/fleet/v1/host-task.ts';
import { as } from '../../api/resource.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import type { ObjectAccess, ObjectChange } from '../contract.ts';
import type { AuthorizationAttributes } from '../request.ts';

const hostTasks = { group: 'fleet.roadstead.dev', resource: 'hosttasks' };
/** The tasks of a host may be asked for again so soon after the kind was found missing, in ms. */
const followRetryMs = 1_000;

/**
 * What the tasks of a host let its agent do: read and report them, and read the Secrets and ConfigMaps that the
 * unfinished ones refer to. References are counted as tasks come and go, so a request is one look-up.
 */
export class HostTaskAccess {
  readonly #objects: ObjectAccess;
  /** `<namespace>/secrets/<name>` -> host -> how many of its tasks refer to it. */
  readonly #references = new Map<string, Map<string, number>>();
  readonly #counted = new Map<string, { readonly host: string; readonly keys: readonly string[] }>();
  #stop: (() => void) | undefined;
  #followedAt = Number.NEGATIVE_INFINITY;

  constructor(objects: ObjectAccess) {
    this.#objects = objects;
  }

  close(): void {
    this.#stop?.();
  }

  /** Undefined: allowed; else why not. */
  refusal({ verb, subresource, namespace, name, fieldSelector }: AuthorizationAttributes, host: string) {
    if (verb === 'list' || verb === 'watch') {
      return fieldSelector === `spec.host=${host}` ? undefined : 'can only list the tasks of its own host';
    }
    const verbs = subresource === 'status' ? ['get', 'patch', 'update'] : ['get'];
    if (!verbs.includes(verb)) return 'can only read tasks and write their status';
    const found = this.#read(namespace, name);
    return found?.spec.host === host ? undefined : 'can only access the tasks of its own host';
  }

  /** Whether an unfinished task of the host refers to this Secret or ConfigMap. */
  refers(host: string, { resource, namespace, name }: AuthorizationAttributes): boolean {
    const key = `${namespace}/${resource}/${name}`;
    if (this.#references.get(key)?.has(host) === true) return true;
    // The kind is installed while the server runs, and may have been installed anew.
    this.#follow();
    return this.#references.get(key)?.has(host) === true;
  }

  #read(namespace: string, name: string): HostTask | undefined {
    try {
      const found = this.#objects.get(hostTasks, namespace, name);
      return found === undefined ? undefined : as<HostTask>(found);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #follow(): void {
    const now = performance.now();
    if (now - this.#followedAt < followRetryMs) return;
    this.#followedAt = now;
    this.#stop?.();
    this.#stop = undefined;
    this.#references.clear();
    this.#counted.clear();
    try {
      this.#stop = this.#objects.onChange(hostTasks, (change) => this.#changed(change));
      for (const object of this.#objects.list(hostTasks)) {
        this.#changed({ type: 'put', namespace: object.metadata.namespace ?? '', name: object.metadata.name, object });
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  #changed({ type, namespace, name, object }: ObjectChange): void {
    const key = `${namespace}/${name}`;
    const task = as<HostTask>(object);
    const wanted = type === 'put' && !isFinished(task.status?.phase);
    const { host } = task.spec;
    const keys = wanted ? [...referencesOfTask(task.spec)].map((reference) => `${namespace}/${reference}`) : [];
    const old = this.#counted.get(key);
    for (const one of keys) this.#count(one, host, 1);
    for (const one of old?.keys ?? []) this.#count(one, old?.host ?? '', -1);
    if (keys.length === 0) this.#counted.delete(key);
    else this.#counted.set(key, { host, keys });
  }

  #count(key: string, host: string, by: number): void {
    const hosts = this.#references.get(key) ?? new Map<string, number>();
    this.#references.set(key, hosts);
    const left = (hosts.get(host) ?? 0) + by;
    if (left > 0) hosts.set(host, left);
    else hosts.delete(host);
    if (hosts.size === 0) this.#references.delete(key);
  }
}
