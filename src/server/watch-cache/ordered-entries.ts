/** Entries of a chunk before it is split in two. */
const chunkEntriesMax = 256;

export interface Keyed {
  readonly key: string;
}

/** Entries in key order as they were at one moment; never changes. */
export interface OrderedSnapshot<T extends Keyed> {
  readonly size: number;
  /** Entries whose key is greater than or equal to `from` (when given) and starts with `prefix`. */
  range(prefix: string, from?: string): IterableIterator<T>;
  /** All of `range(prefix)` at once. */
  list(prefix: string): T[];
}

interface Chunk<T> {
  /** The generation that may change `items` in place. */
  readonly generation: number;
  readonly items: T[];
}

/**
 * A map ordered by key whose snapshots cost nothing: entries stand in chunks of bounded size, and a chunk that a
 * snapshot can see is copied before its first change after that.
 */
export class OrderedEntries<T extends Keyed> {
  #chunks: Chunk<T>[] = [];
  #chunksShared = false;
  #generation = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    const chunk = this.#chunks[chunkIndex(this.#chunks, key)];
    if (chunk === undefined) return undefined;
    const found = chunk.items[lowerBound(chunk.items, key)];
    return found?.key === key ? found : undefined;
  }

  set(entry: T): void {
    if (this.#chunks.length === 0) {
      this.#ownChunks().push({ generation: this.#generation, items: [entry] });
      this.#size = 1;
      return;
    }
    const index = Math.max(0, chunkIndex(this.#chunks, entry.key));
    const { items } = this.#ownChunk(index);
    const at = lowerBound(items, entry.key);
    if (items[at]?.key === entry.key) {
      items[at] = entry;
      return;
    }
    items.splice(at, 0, entry);
    this.#size++;
    if (items.length > chunkEntriesMax) this.#split(index, at);
  }

  delete(key: string): void {
    const index = chunkIndex(this.#chunks, key);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return;
    const at = lowerBound(chunk.items, key);
    if (chunk.items[at]?.key !== key) return;
    const { items } = this.#ownChunk(index);
    items.splice(at, 1);
    this.#size--;
    if (items.length === 0) this.#ownChunks().splice(index, 1);
  }

  snapshot(): OrderedSnapshot<T> {
    this.#generation++;
    this.#chunksShared = true;
    return new Snapshot(this.#chunks, this.#size);
  }

  #ownChunks(): Chunk<T>[] {
    if (this.#chunksShared) {
      this.#chunks = [...this.#chunks];
      this.#chunksShared = false;
    }
    return this.#chunks;
  }

  #ownChunk(index: number): Chunk<T> {
    const chunk = this.#chunks[index];
    if (chunk === undefined) throw new RangeError(`No chunk ${index}`);
    if (chunk.generation === this.#generation) return chunk;
    const own = { generation: this.#generation, items: [...chunk.items] };
    this.#ownChunks()[index] = own;
    return own;
  }

  /** Splits at the end when keys come in order, so that chunks stay full; in the middle otherwise. */
  #split(index: number, insertedAt: number): void {
    const { items } = this.#ownChunk(index);
    const cut = insertedAt === items.length - 1 ? items.length - 1 : items.length >> 1;
    const tail = items.splice(cut);
    this.#ownChunks().splice(index + 1, 0, { generation: this.#generation, items: tail });
  }
}

class Snapshot<T extends Keyed> implements OrderedSnapshot<T> {
  readonly size: number;
  readonly #chunks: readonly Chunk<T>[];

  constructor(chunks: readonly Chunk<T>[], size: number) {
    this.#chunks = chunks;
    this.size = size;
  }

  *range(prefix: string, from?: string): IterableIterator<T> {
    const start = from === undefined || from < prefix ? prefix : from;
    for (let index = Math.max(0, chunkIndex(this.#chunks, start)); index < this.#chunks.length; index++) {
      const items = this.#chunks[index]?.items ?? [];
      for (let at = lowerBound(items, start); at < items.length; at++) {
        const entry = items[at];
        if (entry === undefined) break;
        if (!entry.key.startsWith(prefix)) return;
        yield entry;
      }
    }
  }

  list(prefix: string): T[] {
    const found: T[] = [];
    for (let index = Math.max(0, chunkIndex(this.#chunks, prefix)); index < this.#chunks.length; index++) {
      const items = this.#chunks[index]?.items ?? [];
      // Keys are in order, so what is between two that start with the prefix does so too.
      if (items[0]?.key.startsWith(prefix) === true && items.at(-1)?.key.startsWith(prefix) === true) {
        for (const item of items) found.push(item);
      } else if ((items[0]?.key ?? '') > prefix && items[0]?.key.startsWith(prefix) !== true) break;
      else for (const item of items) if (item.key.startsWith(prefix)) found.push(item);
    }
    return found;
  }
}

/** The last chunk whose first key is not after `key`; -1 when every chunk begins after it. */
function chunkIndex<T extends Keyed>(chunks: readonly Chunk<T>[], key: string): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const first = chunks[middle]?.items[0]?.key ?? '';
    if (first <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function lowerBound<T extends Keyed>(items: readonly T[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.key ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
