import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/apps/v1/types.generated.ts';
import { conditionOf, nextDeadlineCheckMs, rolloutStatus } from './deployment-status.ts';

const now = Date.parse('2026-01-01T00:10:00Z');

function deployment(status: DeploymentStatus): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', generation: 1 },
    spec: { replicas: 2, selector: {}, template: {}, progressDeadlineSeconds: 60 },
    status,
  };
}

function newest(replicas: number, available: number): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web-1' },
    spec: { replicas, selector: {} },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  };
}

function progressing(reason: string, updated: string, status = 'True'): DeploymentStatus {
  const time = { lastUpdateTime: updated, lastTransitionTime: updated };
  return { replicas: 2, updatedReplicas: 2, conditions: [{ type: 'Progressing', status, reason, ...time }] };
}

describe('Progressing condition', () => {
  const reasonAfter = (before: DeploymentStatus, set: ReplicaSet) => {
    const status = rolloutStatus(deployment(before), [set], set, now);
    const { reason, message, status: value } = conditionOf(status, 'Progressing') ?? {};
    return { reason, message, value };
  };

  it('says when all pods are new and available', () => {
    assert.deepEqual(reasonAfter(progressing('ReplicaSetUpdated', '2026-01-01T00:09:30Z'), newest(2, 2)), {
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "web-1" has successfully progressed.',
      value: 'True',
    });
  });
  it('is renewed by each step', () => {
    const before = progressing('NewReplicaSetCreated', '2026-01-01T00:00:00Z');
    assert.equal(reasonAfter(before, newest(2, 1)).reason, 'ReplicaSetUpdated');
  });
  it('fails when nothing moved for the deadline', () => {
    const before = progressing('ReplicaSetUpdated', '2026-01-01T00:08:00Z');
    assert.deepEqual(reasonAfter(before, newest(2, 0)), {
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "web-1" has timed out progressing.',
      value: 'False',
    });
  });
  it('stays as it is before the deadline, and asks to be looked at then', () => {
    const before = progressing('ReplicaSetUpdated', '2026-01-01T00:09:30Z');
    assert.equal(reasonAfter(before, newest(2, 0)).reason, 'ReplicaSetUpdated');
    assert.equal(nextDeadlineCheckMs(deployment(before), before, now), 31_000);
  });
  it('does not go back once the rollout was complete', () => {
    const before = progressing('NewReplicaSetAvailable', '2026-01-01T00:00:00Z');
    assert.equal(reasonAfter(before, newest(2, 0)).reason, 'NewReplicaSetAvailable');
  });
});

it('Available follows maxUnavailable', () => {
  const availability = (available: number) =>
    conditionOf(rolloutStatus(deployment({}), [newest(2, available)], newest(2, available), now), 'Available')?.status;
  assert.deepEqual([availability(2), availability(1)], ['True', 'False']);
});
