/**
 * What upstream's "API operations" tests do with every kind: discovery, create, get, list, watch, patch, update, the
 * parts of an object (`/status`...), delete and deletecollection.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { UnknownObject } from '../../src/machinery/meta.ts';
import { type Api, at, namesOf } from './api.ts';

export interface LifecycleCase {
  readonly group: string;
  readonly version?: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Everything but apiVersion, kind and metadata; `index` 0 to 2. */
  readonly body: (index: number) => Readonly<Record<string, unknown>>;
  readonly name?: (suffix: string, index: number) => string;
  /** A merge patch of a mutable field, and where to find its value. */
  readonly change?: { readonly patch: Readonly<Record<string, unknown>>; readonly path: string };
  readonly parts?: readonly PartCase[];
}

export interface PartCase {
  readonly name: string;
  /** A merge patch of the part, and where to find its value afterwards. */
  readonly patch: Readonly<Record<string, unknown>>;
  readonly path: string;
  /** Changes what was read before it is put back, and where to find that. */
  readonly update: (object: UnknownObject) => void;
  readonly updatedPath: string;
}

export async function runLifecycle(api: Api, of: LifecycleCase, namespace: string): Promise<void> {
  const run = new Lifecycle(api, of, namespace);
  await run.discover();
  await run.createAndRead();
  await run.change();
  for (const part of of.parts ?? []) await run.changePart(part);
  await run.remove();
}

class Lifecycle {
  readonly #api: Api;
  readonly #of: LifecycleCase;
  readonly #namespace: string;
  readonly #suffix = randomBytes(3).toString('hex');
  readonly #selector = `labelSelector=lifecycle%3D${this.#suffix}`;
  #watchFrom = '';

  constructor(api: Api, of: LifecycleCase, namespace: string) {
    this.#api = api;
    this.#of = of;
    this.#namespace = namespace;
  }

  get #version(): string {
    return this.#of.version ?? 'v1';
  }

  get #groupPath(): string {
    return this.#of.group === '' ? `/api/${this.#version}` : `/apis/${this.#of.group}/${this.#version}`;
  }

  get #collection(): string {
    const { namespaced, resource } = this.#of;
    return namespaced
      ? `${this.#groupPath}/namespaces/${this.#namespace}/${resource}`
      : `${this.#groupPath}/${resource}`;
  }

  #name(index: number): string {
    return this.#of.name?.(this.#suffix, index) ?? `lifecycle-${this.#suffix}-${index}`;
  }

  #path(index: number): string {
    return `${this.#collection}/${this.#name(index)}`;
  }

  async discover(): Promise<void> {
    const { group, resource, kind, parts = [] } = this.#of;
    if (group !== '') {
      const groups = (await this.#api.get('/apis'))['groups'] as { name: string; versions: { version: string }[] }[];
      const found = groups.find(({ name }) => name === group);
      assert.ok(found, `/apis lists ${group}`);
      assert.ok(found.versions.some(({ version }) => version === this.#version));
      const document = (await this.#api.get(`/apis/${group}`)) as unknown as typeof found;
      assert.ok(document.versions.some(({ version }) => version === this.#version));
    }
    const resources = (await this.#api.get(this.#groupPath))['resources'] as { name: string; kind: string }[];
    for (const name of [resource, ...parts.map((part) => `${resource}/${part.name}`)]) {
      assert.equal(resources.find((entry) => entry.name === name)?.kind, kind, `discovery lists ${name}`);
    }
  }

  async createAndRead(): Promise<void> {
    const empty = await this.#api.get(`${this.#collection}?${this.#selector}`);
    assert.deepEqual(empty['items'], []);
    this.#watchFrom = String(at(empty, 'metadata.resourceVersion'));
    for (const index of [0, 1, 2]) await this.#create(index);
    const read = await this.#api.get(this.#path(0));
    assert.equal(read.kind, this.#of.kind);
    assert.equal(read.metadata.name, this.#name(0));
    assert.ok(read.metadata.uid);
    const names = [0, 1, 2].map((index) => this.#name(index));
    assert.deepEqual(namesOf(await this.#listed()), names);
    if (this.#of.namespaced) {
      const everywhere = await this.#api.items(`${this.#groupPath}/${this.#of.resource}?${this.#selector}`);
      assert.deepEqual(namesOf(everywhere), names);
    }
  }

  async #create(index: number): Promise<void> {
    const { group, kind, body } = this.#of;
    const created = await this.#api.create(this.#collection, {
      apiVersion: group === '' ? this.#version : `${group}/${this.#version}`,
      kind,
      metadata: { name: this.#name(index), labels: { lifecycle: this.#suffix } },
      ...body(index),
    });
    assert.equal(created.metadata.name, this.#name(index));
  }

  #listed(): Promise<UnknownObject[]> {
    return this.#api.items(`${this.#collection}?${this.#selector}`);
  }

  async change(): Promise<void> {
    const watch = await this.#api.watch(this.#collection, `${this.#selector}&resourceVersion=${this.#watchFrom}`);
    try {
      for (const index of [0, 1, 2]) await watch.until('ADDED', ({ metadata }) => metadata.name === this.#name(index));
      const patched = await this.#api.patch(this.#path(0), {
        metadata: { annotations: { patched: 'true' } },
        ...this.#of.change?.patch,
      });
      assert.equal(patched.metadata.annotations?.['patched'], 'true');
      this.#assertChanged(patched);
      const updated = await this.#api.change(this.#path(0), ({ metadata }) => {
        metadata.annotations = { ...metadata.annotations, updated: 'true' };
      });
      assert.equal(updated.metadata.annotations?.['updated'], 'true');
      const seen = await watch.until('MODIFIED', ({ metadata }) => metadata.annotations?.['updated'] === 'true');
      this.#assertChanged(seen);
      assert.equal(seen.metadata.annotations?.['patched'], 'true');
    } finally {
      watch.close();
    }
  }

  #assertChanged(object: UnknownObject): void {
    const { change } = this.#of;
    if (change !== undefined) assert.deepEqual(at(object, change.path), at(change.patch, change.path), change.path);
  }

  async changePart(part: PartCase): Promise<void> {
    const path = `${this.#path(0)}/${part.name}`;
    const read = await this.#api.get(path);
    assert.equal(read.metadata.uid, (await this.#api.get(this.#path(0))).metadata.uid);
    const annotation = `patched-${part.name}`;
    const patched = await this.#api.patch(path, { metadata: { annotations: { [annotation]: 'true' } }, ...part.patch });
    assert.equal(patched.metadata.annotations?.[annotation], 'true');
    assert.deepEqual(at(patched, part.path), at(part.patch, part.path), `${part.name} as patched`);
    const updated = await this.#api.change(path, part.update);
    assert.notEqual(at(updated, part.updatedPath), undefined, `${part.name} as updated`);
    assert.deepEqual(
      at(await this.#api.get(this.#path(0)), part.updatedPath),
      at(updated, part.updatedPath),
      `${part.name} as read afterwards`,
    );
  }

  async remove(): Promise<void> {
    const watch = await this.#api.watch(this.#collection, `${this.#selector}&resourceVersion=${this.#watchFrom}`);
    try {
      await this.#api.delete(this.#path(0));
      await watch.until('DELETED', ({ metadata }) => metadata.name === this.#name(0));
      await this.#api.refused(404, 'GET', this.#path(0));
      assert.equal((await this.#listed()).length, 2);
      await this.#api.delete(`${this.#collection}?${this.#selector}`);
      const gone = [await watch.until('DELETED'), await watch.until('DELETED')];
      assert.deepEqual(namesOf(gone).sort(), [this.#name(1), this.#name(2)].sort());
      assert.deepEqual(await this.#listed(), []);
    } finally {
      watch.close();
    }
  }
}
