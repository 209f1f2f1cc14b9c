import type { ResourceDefinition } from '../../api/resource.ts';
import type { VersionedRowCatalog } from '../contract.ts';
import type { CacheHub } from '../watch-cache/cache-hub.ts';

/** The rows being served, with their caches brought up and taken down as they come and go. */
export class ServedRows implements VersionedRowCatalog {
  readonly #rows = new Map<string, ResourceDefinition>();
  readonly #listeners: (() => void)[] = [];
  readonly #hub: CacheHub;
  generation = 0;

  constructor(rows: readonly ResourceDefinition[], hub: CacheHub) {
    this.#hub = hub;
    for (const row of rows) this.#rows.set(idOf(row.group, row.version, row.resource), row);
  }

  find(group: string, version: string, resource: string): ResourceDefinition | undefined {
    return this.#rows.get(idOf(group, version, resource));
  }

  all(): Iterable<ResourceDefinition> {
    return this.#rows.values();
  }

  /** Replaces a row of the same group, version and resource. Resolves when the resource can be read and written. */
  async add(row: ResourceDefinition): Promise<void> {
    if (isStored(row)) await this.#hub.add(row);
    this.#rows.set(idOf(row.group, row.version, row.resource), row);
    this.#changed();
  }

  remove(group: string, version: string, resource: string): void {
    const id = idOf(group, version, resource);
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    if (isStored(row)) this.#hub.remove(row);
    this.#changed();
  }

  async serveVersions(stored: ResourceDefinition, served: readonly ResourceDefinition[]): Promise<void> {
    await this.#hub.replace(stored);
    const wanted = new Map(served.map((row) => [idOf(row.group, row.version, row.resource), row]));
    const present = [...this.#rows].filter(([, row]) => isSameResource(row, stored));
    let isChanged = wanted.size !== present.length;
    for (const [id, row] of present) {
      const now = wanted.get(id);
      if (now === row) continue;
      isChanged = true;
      if (now === undefined) this.#rows.delete(id);
      this.#hub.endWatches(row);
    }
    if (!isChanged) return;
    for (const [id, row] of wanted) this.#rows.set(id, row);
    this.#changed();
  }

  withdraw(of: { readonly group: string; readonly resource: string }): void {
    for (const [id, row] of this.#rows) if (isSameResource(row, of)) this.#rows.delete(id);
    this.#hub.remove(of);
    this.#changed();
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** The row in whose version objects of this resource are stored. */
  storedRow(group: string, resource: string): ResourceDefinition | undefined {
    return this.#hub.cache({ group, resource })?.row;
  }

  #changed(): void {
    this.generation++;
    for (const listener of this.#listeners) listener();
  }
}

export function isStored(row: ResourceDefinition): boolean {
  return row.storedAs === undefined && row.virtual !== true;
}

function isSameResource(row: ResourceDefinition, of: { readonly group: string; readonly resource: string }): boolean {
  return row.group === of.group && row.resource === of.resource;
}

function idOf(group: string, version: string, resource: string): string {
  return `${group}/${version}/${resource}`;
}
