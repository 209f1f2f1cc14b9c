import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { inDeletionOrder } from './deletion-order.ts';

const now = Date.parse('2026-01-02T00:00:00Z');

function pod(
  name: string,
  change: { node?: string; phase?: string; ready?: string; cost?: string; restarts?: number; created?: string },
): Pod {
  const {
    node = 'n',
    phase = 'Running',
    ready = '2026-01-01T00:00:00Z',
    cost,
    restarts = 0,
    created = '2026-01-01T00:00:00Z',
  } = change;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      creationTimestamp: created,
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { nodeName: node, containers: [] },
    status: {
      phase,
      conditions: ready === '' ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: ready }],
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: restarts }],
    },
  };
}

it('pods go in the order of their use', () => {
  const inOrder = [
    pod('unassigned', { node: '' }),
    pod('pending', { phase: 'Pending' }),
    pod('not-ready', { ready: '' }),
    pod('cheap', { cost: '-5' }),
    pod('crowded', { node: 'crowd' }),
    pod('just-ready', { ready: '2026-01-01T23:59:00Z' }),
    pod('restarted', { restarts: 3 }),
    pod('young', { created: '2026-01-01T22:00:00Z' }),
    pod('old', {}),
  ];
  const neighbours = ({ spec }: Pod): number => (spec?.nodeName === 'crowd' ? 2 : 1);
  const ordered = inDeletionOrder([...inOrder].reverse(), neighbours, now);
  assert.deepEqual(
    ordered.map(({ metadata }) => metadata.name),
    inOrder.map(({ metadata }) => metadata.name),
  );
});
