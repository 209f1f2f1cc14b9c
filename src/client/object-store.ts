import { type KubeObject, objectKey } from '../machinery/meta.ts';
import type { Lister } from './contract.ts';

interface Index<T> {
  readonly keysOf: (object: T) => readonly string[];
  /** Index value -> object key -> object. */
  readonly buckets: Map<string, Map<string, T>>;
}

const namespaceIndex = 'namespace';

/** What an informer knows: objects by key, and by whatever indexes were asked for. */
export class ObjectStore<T extends KubeObject> implements Lister<T> {
  private readonly objects = new Map<string, T>();
  private readonly indexes = new Map<string, Index<T>>();
  /** The last answer of `list()`, good until the next change: listers are asked far more often than they change. */
  private all: readonly T[] | undefined;

  constructor(namespaced: boolean) {
    if (namespaced) this.addIndex(namespaceIndex, (object) => [object.metadata.namespace ?? '']);
  }

  get size(): number {
    return this.objects.size;
  }

  keys(): IterableIterator<string> {
    return this.objects.keys();
  }

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  list(namespace?: string): readonly T[] {
    if (namespace !== undefined) return this.byIndex(namespaceIndex, namespace);
    this.all ??= [...this.objects.values()];
    return this.all;
  }

  byIndex(index: string, value: string): readonly T[] {
    const found = this.indexes.get(index);
    if (found === undefined) throw new Error(`No index "${index}" was added`);
    const bucket = found.buckets.get(value);
    return bucket === undefined ? [] : [...bucket.values()];
  }

  addIndex(name: string, keysOf: (object: T) => readonly string[]): void {
    if (this.indexes.has(name)) return;
    const index: Index<T> = { keysOf, buckets: new Map() };
    this.indexes.set(name, index);
    for (const [key, object] of this.objects) addToIndex(index, key, object);
  }

  /** Answers what was there before. */
  put(object: T): T | undefined {
    const key = objectKey(object);
    const old = this.objects.get(key);
    this.objects.set(key, object);
    this.all = undefined;
    for (const index of this.indexes.values()) {
      if (old !== undefined) removeFromIndex(index, key, old);
      addToIndex(index, key, object);
    }
    return old;
  }

  /** Answers what was there. */
  remove(key: string): T | undefined {
    const old = this.objects.get(key);
    if (old === undefined) return undefined;
    this.objects.delete(key);
    this.all = undefined;
    for (const index of this.indexes.values()) removeFromIndex(index, key, old);
    return old;
  }
}

function addToIndex<T>({ keysOf, buckets }: Index<T>, key: string, object: T): void {
  for (const value of keysOf(object)) {
    const bucket = buckets.get(value);
    if (bucket === undefined) buckets.set(value, new Map([[key, object]]));
    else bucket.set(key, object);
  }
}

function removeFromIndex<T>({ keysOf, buckets }: Index<T>, key: string, object: T): void {
  for (const value of keysOf(object)) {
    const bucket = buckets.get(value);
    if (bucket === undefined) continue;
    bucket.delete(key);
    if (bucket.size === 0) buckets.delete(value);
  }
}
