import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResourceDefinition } from '../../api/resource.ts';
import { defineResource } from '../../api/strategy.ts';
import type { RowCatalog } from '../contract.ts';
import { OpenApiDocuments } from './documents.ts';

const pods = defineResource({ version: 'v1', kind: 'Pod', resource: 'pods', schema: 'core/v1.Pod' });
const deployments = defineResource({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  schema: 'apps/v1.Deployment',
});

class Catalog implements RowCatalog {
  generation = 0;
  rows: ResourceDefinition[];

  constructor(...rows: ResourceDefinition[]) {
    this.rows = rows;
  }

  all(): Iterable<ResourceDefinition> {
    return this.rows;
  }

  find(): ResourceDefinition | undefined {
    return undefined;
  }

  async add(row: ResourceDefinition): Promise<void> {
    this.rows = [...this.rows, row];
    this.generation++;
  }

  remove(): void {
    this.rows = [];
    this.generation++;
  }

  onChange(): void {
    // Documents look at the generation.
  }
}

interface Index {
  readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
}

describe('OpenAPI documents', () => {
  it('are named in the index by the hash of their content', async () => {
    const documents = new OpenApiDocuments(new Catalog(pods, deployments), async () => ({}));
    const index: Index = JSON.parse(Buffer.from(await documents.index()).toString());
    assert.deepEqual(Object.keys(index.paths), ['api/v1', 'apis/apps/v1']);
    const document = await documents.groupVersion('apis/apps/v1');
    assert.equal(index.paths['apis/apps/v1']?.serverRelativeURL, `/openapi/v3/apis/apps/v1?hash=${document?.hash}`);
    assert.equal(JSON.parse(Buffer.from((await document?.body()) ?? []).toString()).openapi, '3.0.0');
  });

  it('keep the hash of a group that did not change when another comes', async () => {
    const catalog = new Catalog(pods);
    const documents = new OpenApiDocuments(catalog, async () => ({}));
    const before = await documents.groupVersion('api/v1');
    assert.equal(await documents.groupVersion('apis/apps/v1'), undefined);
    await catalog.add(deployments);
    const after = await documents.groupVersion('api/v1');
    assert.equal(after?.hash, before?.hash);
    assert.notEqual(await documents.groupVersion('apis/apps/v1'), undefined);
  });

  it('have another hash in each form and with other prose', async () => {
    const plain = new OpenApiDocuments(new Catalog(pods), async () => ({}));
    const told = new OpenApiDocuments(new Catalog(pods), async () => ({ 'core/v1.Pod': { '': 'A pod.' } }));
    const hashes = [
      (await plain.whole('json')).hash,
      (await plain.whole('protobuf')).hash,
      (await told.whole('json')).hash,
    ];
    assert.equal(new Set(hashes).size, hashes.length);
  });
});
