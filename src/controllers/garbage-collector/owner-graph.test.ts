import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../machinery/meta.ts';
import type { ApiResource } from '../api-resources.ts';
import { blockingDependents, type GraphWork, OwnerGraph } from './owner-graph.ts';

const resource: ApiResource = {
  group: '',
  version: 'v1',
  resource: 'things',
  kind: 'Thing',
  namespaced: true,
  verbs: [],
};

function thing(uid: string, owners: string[] = [], more: Partial<KubeObject['metadata']> = {}): KubeObject {
  const ownerReferences = owners.map((owner) => ({
    apiVersion: 'v1',
    kind: 'Thing',
    name: owner,
    uid: owner,
    blockOwnerDeletion: true,
  }));
  return {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: uid, namespace: 'default', uid, ownerReferences, ...more },
  };
}

const examined = ({ examine }: GraphWork): string[] => examine.map(({ uid }) => uid).sort();

describe('owner graph', () => {
  it('asks for dependents when their owner is gone', () => {
    const graph = new OwnerGraph();
    graph.observe(resource, thing('owner'));
    for (const uid of ['a', 'b']) graph.observe(resource, thing(uid, ['owner']));
    assert.deepEqual(examined(graph.remove('owner')), ['a', 'b']);
  });

  it('asks for an object whose owner was never seen', () => {
    const graph = new OwnerGraph();
    assert.deepEqual(examined(graph.observe(resource, thing('a', ['ghost']))), ['a']);
    assert.deepEqual(examined(graph.observe(resource, thing('a', ['ghost']))), []);
  });

  it('asks for dependents and owner when a foreground deletion begins', () => {
    const graph = new OwnerGraph();
    graph.observe(resource, thing('owner'));
    graph.observe(resource, thing('a', ['owner']));
    const deleting = { deletionTimestamp: 'now', finalizers: ['foregroundDeletion'] };
    assert.deepEqual(examined(graph.observe(resource, thing('owner', [], deleting))), ['a', 'owner']);
    assert.deepEqual(
      blockingDependents(graph.get('owner') ?? assert.fail()).map(({ uid }) => uid),
      ['a'],
    );
    assert.deepEqual(examined(graph.remove('a')), ['owner']);
  });

  it('asks for orphaning once', () => {
    const graph = new OwnerGraph();
    graph.observe(resource, thing('owner'));
    const deleting = { deletionTimestamp: 'now', finalizers: ['orphan'] };
    assert.equal(graph.observe(resource, thing('owner', [], deleting)).orphan.length, 1);
    assert.equal(graph.observe(resource, thing('owner', [], deleting)).orphan.length, 0);
  });

  it('forgets everything when everything is gone', () => {
    const graph = new OwnerGraph();
    graph.observe(resource, thing('owner'));
    graph.observe(resource, thing('a', ['owner', 'ghost']));
    graph.remove('owner');
    graph.remove('a');
    assert.equal(graph.size, 0);
  });

  it('lets go of an owner whose reference is taken away', () => {
    const graph = new OwnerGraph();
    graph.observe(resource, thing('owner'));
    graph.observe(resource, thing('a', ['owner']));
    graph.observe(resource, thing('a'));
    assert.deepEqual(examined(graph.remove('owner')), []);
  });
});
