import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowsNode, termMatchesNode } from './node-selector.ts';
import type { Node, NodeSelectorRequirement } from './types.generated.ts';

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', labels: { zone: 'a', cores: '16' } },
  spec: {},
};

const requirements: [NodeSelectorRequirement, boolean][] = [
  [{ key: 'zone', operator: 'In', values: ['b', 'a'] }, true],
  [{ key: 'zone', operator: 'In', values: ['b'] }, false],
  [{ key: 'rack', operator: 'In', values: [''] }, false],
  [{ key: 'zone', operator: 'NotIn', values: ['a'] }, false],
  [{ key: 'rack', operator: 'NotIn', values: ['a'] }, true],
  [{ key: 'zone', operator: 'Exists' }, true],
  [{ key: 'rack', operator: 'Exists' }, false],
  [{ key: 'rack', operator: 'DoesNotExist' }, true],
  [{ key: 'zone', operator: 'DoesNotExist' }, false],
  [{ key: 'cores', operator: 'Gt', values: ['9'] }, true],
  [{ key: 'cores', operator: 'Gt', values: ['16'] }, false],
  [{ key: 'cores', operator: 'Lt', values: ['100'] }, true],
  [{ key: 'cores', operator: 'Gt', values: ['1.5'] }, false],
  [{ key: 'zone', operator: 'Lt', values: ['9'] }, false],
  [{ key: 'zone', operator: 'Like', values: ['a'] }, false],
];

for (const [requirement, expected] of requirements) {
  test(`${JSON.stringify(requirement)} ${expected ? 'matches' : 'does not match'}`, () => {
    assert.equal(termMatchesNode({ matchExpressions: [requirement] }, node), expected);
  });
}

test('a term that asks for nothing matches nothing', () => {
  assert.equal(termMatchesNode({}, node), false);
});

test('a field of a node is its name alone', () => {
  const named = { key: 'metadata.name', operator: 'In', values: ['n1'] };
  assert.equal(termMatchesNode({ matchFields: [named] }, node), true);
  assert.equal(termMatchesNode({ matchFields: [{ ...named, key: 'metadata.uid' }] }, node), false);
});

test('a pod is allowed where its whole nodeSelector and one of its terms match', () => {
  const zone = (value: string) => ({ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] });
  const spec = (...zones: string[]) => ({
    containers: [],
    nodeSelector: { cores: '16' },
    affinity: {
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: zones.map(zone) } },
    },
  });
  assert.equal(allowsNode(spec('b', 'a'), node), true);
  assert.equal(allowsNode(spec('b'), node), false);
  assert.equal(allowsNode({ ...spec('a'), nodeSelector: { cores: '16', zone: 'b' } }, node), false);
  assert.equal(allowsNode({ containers: [] }, node), true);
});
