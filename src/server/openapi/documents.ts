import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '../../api/resource.ts';
import type { RowCatalog } from '../contract.ts';
import { discoverGroups } from '../discovery/groups.ts';
import { DefinitionSet, type Prose } from './definitions.ts';
import { type Dialect, openApiV2, openApiV3 } from './dialect.ts';
import { addPaths } from './paths.ts';
import { encodeSwagger, swaggerProtobufTypes } from './swagger-protobuf.ts';

export interface Document {
  readonly contentType: string;
  /** Of the content; the same as long as the content is, also after a restart. */
  readonly hash: string;
  /** Makes the content again when it was let go; a client that has it already need not ask. */
  body(): Promise<Uint8Array>;
}

/** A document made of certain rows. Its text is large, so the collector may have it and it is made again. */
interface Cached {
  readonly rows: readonly ResourceDefinition[];
  readonly hash: string;
  readonly body: WeakRef<Uint8Array>;
}

type Rows = readonly ResourceDefinition[];

const jsonType = 'application/json';
const info = { title: 'Kubernetes', version: 'v1.36.0' };

/** Makes the OpenAPI documents of a catalog and keeps them while they are in use. */
export class OpenApiDocuments {
  private readonly catalog: RowCatalog;
  private readonly loadProse: () => Promise<Prose>;
  private readonly cache = new Map<string, Cached>();
  private generation = -1;
  /** By path below `/openapi/v3/`: `api/v1`, `apis/apps/v1`. */
  private groupVersions = new Map<string, Rows>();
  private indexBody: Uint8Array | undefined;
  private prose: WeakRef<Prose> | undefined;

  constructor(catalog: RowCatalog, loadProse: () => Promise<Prose>) {
    this.catalog = catalog;
    this.loadProse = loadProse;
  }

  /** The addresses of all version 3 documents, each with the hash of its content. */
  async index(): Promise<Uint8Array> {
    this.refresh();
    if (this.indexBody !== undefined) return this.indexBody;
    const madeFor = this.generation;
    const paths: Record<string, { serverRelativeURL: string }> = {};
    for (const [path, rows] of this.groupVersions) {
      paths[path] = { serverRelativeURL: documentAddress(path, await this.hashOf(path, rows)) };
    }
    const body = Buffer.from(JSON.stringify({ paths }));
    if (madeFor === this.generation) this.indexBody = body;
    return body;
  }

  /** The version 3 document of one group and version; undefined when nothing of it is served. */
  async groupVersion(path: string): Promise<Document | undefined> {
    this.refresh();
    const rows = this.groupVersions.get(path);
    if (rows === undefined) return undefined;
    const found = await this.documentOf(path, rows, (prose) => toJson(buildDocument(rows, openApiV3, prose)));
    return { contentType: jsonType, ...found };
  }

  /** The version 2 document of everything. */
  async whole(form: 'json' | 'protobuf'): Promise<Document> {
    this.refresh();
    const rows = [...this.groupVersions.values()].flat();
    const isJson = form === 'json';
    const found = await this.documentOf(form, rows, (prose) => {
      const document = buildDocument(rows, openApiV2, prose);
      return isJson ? toJson(document) : encodeSwagger(document);
    });
    return { contentType: isJson ? jsonType : swaggerProtobufTypes.answered, ...found };
  }

  private async hashOf(path: string, rows: Rows): Promise<string> {
    const found = this.cache.get(path);
    if (found !== undefined && sameRows(found.rows, rows)) return found.hash;
    return (await this.groupVersion(path))?.hash ?? '';
  }

  private async documentOf(
    key: string,
    rows: Rows,
    make: (prose: Prose) => Uint8Array,
  ): Promise<Omit<Document, 'contentType'>> {
    const found = this.cache.get(key);
    if (found !== undefined && sameRows(found.rows, rows)) {
      const { hash } = found;
      return { hash, body: async () => found.body.deref() ?? this.keep(key, rows, make(await this.proseText()), hash) };
    }
    const body = make(await this.proseText());
    const hash = createHash('sha512').update(body).digest('hex').toUpperCase();
    this.keep(key, rows, body, hash);
    return { hash, body: async () => body };
  }

  private keep(key: string, rows: Rows, body: Uint8Array, hash: string): Uint8Array {
    this.cache.set(key, { rows, hash, body: new WeakRef(body) });
    return body;
  }

  private async proseText(): Promise<Prose> {
    const held = this.prose?.deref();
    if (held !== undefined) return held;
    const loaded = await this.loadProse();
    this.prose = new WeakRef(loaded);
    return loaded;
  }

  private refresh(): void {
    if (this.generation === this.catalog.generation) return;
    this.generation = this.catalog.generation;
    this.indexBody = undefined;
    this.groupVersions = rowsByPath(this.catalog.all());
    for (const key of this.cache.keys()) {
      if (key.includes('/') && !this.groupVersions.has(key)) this.cache.delete(key);
    }
  }
}

export function documentAddress(path: string, hash: string): string {
  return `/openapi/v3/${path}?hash=${hash}`;
}

function rowsByPath(rows: Iterable<ResourceDefinition>): Map<string, Rows> {
  const found = new Map<string, Rows>();
  for (const { group, versions } of discoverGroups(rows)) {
    for (const { version, rows: members } of versions) {
      found.set(group === '' ? `api/${version}` : `apis/${group}/${version}`, members);
    }
  }
  return found;
}

function buildDocument(rows: Rows, dialect: Dialect, prose: Prose): object {
  const set = new DefinitionSet(dialect, prose);
  const paths: Record<string, unknown> = {};
  for (const row of rows) addPaths(row, paths, set, dialect);
  return dialect.version === 'v2'
    ? { swagger: '2.0', info, paths, definitions: set.members }
    : { openapi: '3.0.0', info, paths, components: { schemas: set.members } };
}

function toJson(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

function sameRows(a: Rows, b: Rows): boolean {
  return a.length === b.length && a.every((row, index) => row === b[index]);
}
