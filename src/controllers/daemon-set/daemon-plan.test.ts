import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DaemonSet, DaemonSetSpec } from '../../api/apps/v1/types.generated.ts';
import type { Node, Pod } from '../../api/core/v1/types.generated.ts';
import { bindToNode, nodeOf, planDaemons, planUpdate } from './daemon-plan.ts';

const moment = { hash: 'new', now: 0 };

function set(spec: Partial<DaemonSetSpec> = {}): DaemonSet {
  const full = { selector: {}, template: { spec: { containers: [] } }, ...spec };
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'd' }, spec: full };
}

function node(name: string, spec: Node['spec'] = {}): Node {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec };
}

function pod(name: string, on: string, hash = 'new', ready = true): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, creationTimestamp: name, labels: { 'controller-revision-hash': hash } },
    spec: { nodeName: on, containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const names = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.name);

describe('daemons', () => {
  it('run once on every node that lets them, and not on one that does not', () => {
    const tainted = node('c', { taints: [{ key: 'k', effect: 'NoExecute' }] });
    const plan = planDaemons(
      set(),
      [node('a'), node('b'), tainted],
      [pod('1', 'b'), pod('2', 'b'), pod('3', 'c')],
      moment,
    );
    assert.deepEqual(plan.create, ['a']);
    assert.deepEqual(names(plan.remove), ['2', '3']);
  });

  it('stay on a node that takes no new pods', () => {
    const full = node('a', { taints: [{ key: 'k', effect: 'NoSchedule' }] });
    assert.deepEqual(planDaemons(set(), [full], [], moment).create, []);
    assert.deepEqual(planDaemons(set(), [full], [pod('1', 'a')], moment).remove, []);
  });

  it('are bound to their node by name', () => {
    const made: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [] } };
    bindToNode(made, 'a');
    assert.equal(nodeOf(made), 'a');
  });
});

describe('update of daemons', () => {
  const nodes = ['a', 'b', 'c'];
  const old = [pod('1', 'a', 'old'), pod('2', 'b', 'old'), pod('3', 'c', 'old')];

  it('replaces one at a time by default, and what does not work at once', () => {
    assert.deepEqual(names(planUpdate(set(), nodes, old, moment).remove), ['1']);
    const broken = [pod('1', 'a', 'old', false), ...old.slice(1)];
    assert.deepEqual(names(planUpdate(set(), nodes, broken, moment).remove), ['1']);
  });

  const surging = set({ updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
  it('with a surge starts the new one beside the old one', () => {
    assert.deepEqual(planUpdate(surging, nodes, old, moment), { create: ['a'], remove: [] });
    assert.deepEqual(planUpdate(surging, nodes, [...old, pod('4', 'a', 'new', false)], moment).create, []);
    assert.deepEqual(planUpdate(surging, nodes, [...old, pod('4', 'a')], moment).create, ['b']);
  });

  it('with a surge removes the old one when the new one works', () => {
    const [a] = [node('a')];
    assert.deepEqual(planDaemons(surging, [a], [pod('1', 'a', 'old'), pod('4', 'a', 'new', false)], moment).remove, []);
    assert.deepEqual(names(planDaemons(surging, [a], [pod('1', 'a', 'old'), pod('4', 'a')], moment).remove), ['1']);
  });
});
