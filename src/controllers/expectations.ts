/** After this long what was expected is taken for lost, and the cache is believed again. */
const expectationsAgeMsMax = 300_000;

interface Expected {
  creations: number;
  /** Keys of objects whose deletion was asked for. */
  readonly deletions: Set<string>;
  readonly at: number;
}

/**
 * What a controller has done that its cache has not shown yet, by key of the root object. Until it has, the controller
 * must not count children: it would make or delete them twice.
 */
export class Expectations {
  private readonly byKey = new Map<string, Expected>();
  private readonly now: () => number;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  satisfied(key: string): boolean {
    const expected = this.byKey.get(key);
    if (expected === undefined) return true;
    if (expected.creations <= 0 && expected.deletions.size === 0) return true;
    return this.now() - expected.at > expectationsAgeMsMax;
  }

  expectCreations(key: string, count: number): void {
    this.byKey.set(key, { creations: count, deletions: new Set(), at: this.now() });
  }

  expectDeletions(key: string, children: Iterable<string>): void {
    this.byKey.set(key, { creations: 0, deletions: new Set(children), at: this.now() });
  }

  /** A creation was seen, or will not come. */
  creationObserved(key: string): void {
    const expected = this.byKey.get(key);
    if (expected !== undefined) expected.creations--;
  }

  deletionObserved(key: string, child: string): void {
    this.byKey.get(key)?.deletions.delete(child);
  }

  forget(key: string): void {
    this.byKey.delete(key);
  }
}
