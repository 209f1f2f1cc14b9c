import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineResource } from '../../api/strategy.ts';
import { acceptedAggregation, aggregatedDocument } from './aggregated.ts';
import { discoverGroups } from './groups.ts';
import { groupListDocument, resourceListDocument } from './legacy.ts';
import { compareVersions } from './version-order.ts';

const rows = [
  defineResource({
    group: 'zoo.example.com',
    version: 'v1beta1',
    kind: 'Ape',
    resource: 'apes',
    schema: 'core/v1.Pod',
  }),
  defineResource({ group: 'zoo.example.com', version: 'v1', kind: 'Ape', resource: 'apes', schema: 'core/v1.Pod' }),
  defineResource({
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    resource: 'deployments',
    shortNames: ['deploy'],
    schema: 'apps/v1.Deployment',
    statusSubresource: true,
    scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas' },
  }),
  defineResource({ version: 'v1', kind: 'Pod', resource: 'pods', schema: 'core/v1.Pod' }),
];

describe('discovery', () => {
  it('puts built-in groups before others and stable versions first', () => {
    const groups = discoverGroups(rows);
    assert.deepEqual(
      groups
        .filter(({ group }) => group !== '')
        .map(({ group, versions }) => [group, versions.map(({ version }) => version)]),
      [
        ['apps', ['v1']],
        ['zoo.example.com', ['v1', 'v1beta1']],
      ],
    );
  });

  it('leaves the core group out of the group list', () => {
    const document = groupListDocument(discoverGroups(rows)) as { groups: { name: string }[] };
    assert.deepEqual(
      document.groups.map(({ name }) => name),
      ['apps', 'zoo.example.com'],
    );
  });

  it('lists a resource with its subresources and the hash of its stored version', () => {
    const core = discoverGroups(rows).find(({ group }) => group === '');
    const apps = discoverGroups(rows).find(({ group }) => group === 'apps');
    assert.ok(core?.versions[0] !== undefined && apps?.versions[0] !== undefined);
    const pods = resourceListDocument('', core.versions[0]) as { resources: { storageVersionHash?: string }[] };
    // The value that upstream publishes for pods.
    assert.equal(pods.resources[0]?.storageVersionHash, 'xPOwRZ+Yhw8=');
    const list = resourceListDocument('apps', apps.versions[0]) as { resources: { name: string; group?: string }[] };
    assert.deepEqual(
      list.resources.map(({ name, group }) => [name, group]),
      [
        ['deployments', undefined],
        ['deployments/scale', 'autoscaling'],
        ['deployments/status', undefined],
      ],
    );
  });

  it('aggregates groups with their resources', () => {
    const groups = discoverGroups(rows).filter(({ group }) => group === 'apps');
    const document = aggregatedDocument(groups, 'v2') as {
      items: { metadata: { name?: string }; versions: { resources: { resource: string; scope: string }[] }[] }[];
    };
    assert.equal(document.items[0]?.metadata.name, 'apps');
    assert.equal(document.items[0]?.versions[0]?.resources[0]?.scope, 'Namespaced');
  });

  const accepted: [accept: string | undefined, version: string | undefined][] = [
    [undefined, undefined],
    ['application/json', undefined],
    ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json', 'v2'],
    ['application/json;as=APIGroupDiscoveryList;v=v2beta1;g=apidiscovery.k8s.io, application/json', 'v2beta1'],
    ['application/json, application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', undefined],
    ['application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json', undefined],
  ];
  for (const [accept, version] of accepted) {
    it(`answers Accept ${String(accept)} with ${version ?? 'the plain document'}`, () => {
      assert.equal(acceptedAggregation(accept), version);
    });
  }

  it('orders versions as upstream', () => {
    const versions = ['v1alpha1', 'foo1', 'v2', 'v1beta2', 'v10', 'v1', 'v1beta10', 'bar'];
    assert.deepEqual(versions.sort(compareVersions), [
      'v10',
      'v2',
      'v1',
      'v1beta10',
      'v1beta2',
      'v1alpha1',
      'bar',
      'foo1',
    ]);
  });
});
