import type { CacheEvent } from './cache-entry.ts';
import type { Selection } from './selection.ts';

/** Someone who wants the events of a selection as they come. */
export interface LiveWatcher {
  readonly selection: Selection;
  offer(event: CacheEvent): void;
}

/**
 * The live watchers of one resource by the narrowest thing they ask for, so that an event costs what it interests: a
 * thousand agents that watch their own pods do not all look at each pod.
 */
export class WatcherIndex {
  readonly #everything = new Set<LiveWatcher>();
  readonly #byNamespace = new Map<string, Set<LiveWatcher>>();
  readonly #byKey = new Map<string, Set<LiveWatcher>>();
  /** By place of the field in `CacheEntry.fields`, then by value. */
  readonly #byField = new Map<number, Map<string, Set<LiveWatcher>>>();

  add(watcher: LiveWatcher): void {
    this.#bucketOf(watcher.selection, (map, key) => {
      const set = map.get(key);
      if (set === undefined) map.set(key, new Set([watcher]));
      else set.add(watcher);
    })?.add(watcher);
  }

  remove(watcher: LiveWatcher): void {
    this.#bucketOf(watcher.selection, (map, key) => {
      const set = map.get(key);
      set?.delete(watcher);
      if (set?.size === 0) map.delete(key);
    })?.delete(watcher);
  }

  dispatch(event: CacheEvent): void {
    const { before, after } = event;
    const entry = after ?? before;
    if (entry === undefined) return;
    offerTo(this.#everything, event);
    if (this.#byNamespace.size > 0) offerTo(this.#byNamespace.get(entry.namespace), event);
    if (this.#byKey.size > 0) offerTo(this.#byKey.get(entry.key), event);
    for (const [field, watchers] of this.#byField) {
      const is = after?.fields[field];
      const was = before?.fields[field];
      if (is !== undefined) offerTo(watchers.get(is), event);
      if (was !== undefined && was !== is) offerTo(watchers.get(was), event);
    }
  }

  /** Calls `inMap` for a watcher that belongs into a map, or returns the set of those that watch everything. */
  #bucketOf(
    selection: Selection,
    inMap: (map: Map<string, Set<LiveWatcher>>, key: string) => void,
  ): Set<LiveWatcher> | undefined {
    const key = selection.onlyKey;
    const field = selection.fieldEquality;
    if (key !== undefined) inMap(this.#byKey, key);
    else if (field !== undefined) {
      let values = this.#byField.get(field.index);
      if (values === undefined) {
        values = new Map();
        this.#byField.set(field.index, values);
      }
      inMap(values, field.value);
      if (values.size === 0) this.#byField.delete(field.index);
    } else if (selection.namespace !== '') inMap(this.#byNamespace, selection.namespace);
    else return this.#everything;
    return undefined;
  }
}

function offerTo(watchers: ReadonlySet<LiveWatcher> | undefined, event: CacheEvent): void {
  if (watchers !== undefined) for (const watcher of watchers) watcher.offer(event);
}
