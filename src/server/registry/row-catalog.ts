import type { ResourceDefinition } from '../../api/resource.ts';
import type { RowCatalog } from '../contract.ts';
import type { CacheHub } from '../watch-cache/cache-hub.ts';

/** The rows being served, with their caches brought up and taken down as they come and go. */
export class ServedRows implements RowCatalog {
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

function idOf(group: string, version: string, resource: string): string {
  return `${group}/${version}/${resource}`;
}
