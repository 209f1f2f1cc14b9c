import type { CacheEntry } from './cache-entry.ts';

/** Indexes one resource keeps; a selector that would need one more is answered by a scan. */
const indexesMax = 32;

/**
 * Keys by label value and by field value. An index is built when a selector first asks for it and kept up from then on,
 * so nobody pays for those that nobody uses.
 */
export class EntryIndexes {
  readonly #indexes = new Map<string, EntryIndex>();
  readonly #fieldPaths: readonly string[];

  constructor(fieldPaths: readonly string[]) {
    this.#fieldPaths = fieldPaths;
  }

  /** Undefined: there is no such index and no room for it. `all` is read when it must be built. */
  lookup(
    requirement: { kind: 'label' | 'field'; path: string; values: readonly string[] },
    all: () => Iterable<CacheEntry>,
  ): readonly ReadonlySet<string>[] | undefined {
    const id = `${requirement.kind} ${requirement.path}`;
    let index = this.#indexes.get(id);
    if (index === undefined) {
      if (this.#indexes.size >= indexesMax) return undefined;
      index = new EntryIndex(this.#valueGetter(requirement.kind, requirement.path));
      for (const entry of all()) index.change(undefined, entry);
      this.#indexes.set(id, index);
    }
    return requirement.values.flatMap((value) => index.keys(value) ?? []);
  }

  change(before: CacheEntry | undefined, after: CacheEntry | undefined): void {
    for (const index of this.#indexes.values()) index.change(before, after);
  }

  #valueGetter(kind: 'label' | 'field', path: string): (entry: CacheEntry) => string | undefined {
    if (kind === 'label') return (entry) => entry.labels?.[path];
    const at = this.#fieldPaths.indexOf(path);
    return (entry) => entry.fields[at];
  }
}

class EntryIndex {
  readonly #fieldValue: (entry: CacheEntry) => string | undefined;
  readonly #keysByValue = new Map<string, Set<string>>();

  constructor(fieldValue: (entry: CacheEntry) => string | undefined) {
    this.#fieldValue = fieldValue;
  }

  keys(value: string): ReadonlySet<string> | undefined {
    return this.#keysByValue.get(value);
  }

  change(before: CacheEntry | undefined, after: CacheEntry | undefined): void {
    const was = before === undefined ? undefined : this.#fieldValue(before);
    const is = after === undefined ? undefined : this.#fieldValue(after);
    if (was === is) return;
    if (was !== undefined && before !== undefined) {
      const keys = this.#keysByValue.get(was);
      keys?.delete(before.key);
      if (keys?.size === 0) this.#keysByValue.delete(was);
    }
    if (is !== undefined && after !== undefined) {
      const keys = this.#keysByValue.get(is);
      if (keys === undefined) this.#keysByValue.set(is, new Set([after.key]));
      else keys.add(after.key);
    }
  }
}
