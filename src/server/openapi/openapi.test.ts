import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResourceDefinition } from '../../api/resource.ts';
import { defineResource } from '../../api/strategy.ts';
import { DefinitionSet } from './definitions.ts';
import { type JsonSchema, openApiV2, openApiV3 } from './dialect.ts';
import { addPaths } from './paths.ts';

const prose = { 'core/v1.PodSpec': { '': 'What a pod is.', containers: 'The containers.' } };
const deployments = defineResource({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  schema: 'apps/v1.Deployment',
  statusSubresource: true,
});
const apes: ResourceDefinition = {
  ...defineResource({ group: 'zoo.example.com', version: 'v1', kind: 'Ape', resource: 'apes', schema: 'core/v1.Pod' }),
  schema: { type: 'struct', name: '', fields: new Map(), atomic: false },
  openApiSchema: {
    type: 'object',
    properties: { spec: { type: 'object', properties: { diet: { type: 'string', nullable: true } } } },
  },
};

type Node = { [key: string]: Node } & JsonSchema;

function documentOf(row: ResourceDefinition, dialect = openApiV3): { paths: Node; schemas: Node } {
  const set = new DefinitionSet(dialect, prose);
  const paths: Record<string, unknown> = {};
  addPaths(row, paths, set, dialect);
  return JSON.parse(JSON.stringify({ paths, schemas: set.members }));
}

describe('OpenAPI', () => {
  it('tells kubectl that the server validates fields, and how it may be patched', () => {
    const { paths } = documentOf(deployments);
    const patch = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch'];
    assert.deepEqual(patch?.['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
    const parameters = Object.values(patch?.['parameters'] ?? {}).map(({ name }) => name);
    assert.ok(parameters.some((name) => String(name) === 'fieldValidation'));
    assert.ok('application/strategic-merge-patch+json' in (patch?.['requestBody']?.['content'] ?? {}));
  });

  it('carries prose, list keys and merge keys', () => {
    const { schemas } = documentOf(deployments);
    const containers = schemas['io.k8s.api.core.v1.PodSpec']?.['properties']?.['containers'];
    assert.equal(containers?.['description'], 'The containers.');
    assert.deepEqual(containers?.['x-kubernetes-list-map-keys'], ['name']);
    assert.equal(containers?.['x-kubernetes-patch-merge-key'], 'name');
    const template = schemas['io.k8s.api.core.v1.PodTemplateSpec']?.['properties']?.['spec'];
    assert.equal(template?.['description'], 'What a pod is.');
  });

  it('refers only to definitions that it holds', () => {
    for (const dialect of [openApiV2, openApiV3]) {
      const document = documentOf(deployments, dialect);
      const text = JSON.stringify(document);
      for (const [, name = ''] of text.matchAll(/"\$ref":"#\/(?:definitions|components\/schemas)\/([^"]+)"/g)) {
        assert.ok(name in document.schemas, name);
      }
    }
  });

  it('publishes the schema of a custom resource as it was written', () => {
    const { schemas, paths } = documentOf(apes);
    const ape = schemas['com.example.zoo.v1.Ape'];
    assert.equal(ape?.['properties']?.['spec']?.['properties']?.['diet']?.['nullable'], true);
    assert.ok(ape?.['properties']?.['metadata'] !== undefined);
    const patch = paths['/apis/zoo.example.com/v1/namespaces/{namespace}/apes/{name}']?.['patch'];
    assert.equal(patch?.['requestBody']?.['content']?.['application/strategic-merge-patch+json'], undefined);
  });

  it('leaves out of version 2 what it cannot say', () => {
    const { schemas } = documentOf(apes, openApiV2);
    const diet = schemas['com.example.zoo.v1.Ape']?.['properties']?.['spec']?.['properties']?.['diet'];
    assert.deepEqual(diet, {});
  });
});
