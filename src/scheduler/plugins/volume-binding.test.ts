import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import type { Lister } from '../../client/contract.ts';
import { type KubeObject, objectKey } from '../../machinery/meta.ts';
import { failureMessage } from '../failure-message.ts';
import { podInfoOf } from '../pod-info.ts';
import { schedule } from '../schedule.ts';
import { firstOfEquals, makeCluster, makeNode, makePod } from '../testing.ts';
import { volumeBinding } from './volume-binding.ts';

function listerOf<T extends KubeObject>(...objects: readonly T[]): Lister<T> {
  return {
    get: (key) => objects.find((object) => objectKey(object) === key),
    list: () => objects,
    byIndex: () => [],
    size: objects.length,
  };
}

const claim = (name: string, volumeName: string, storageClassName = ''): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: { volumeName, storageClassName },
});
const volume: PersistentVolume = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'disk' },
  spec: {
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['b'] }] }],
      },
    },
  },
};
const late: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'late' },
  provisioner: 'x',
  volumeBindingMode: 'WaitForFirstConsumer',
};

const noBinder = { bind: async () => assert.fail('nothing is bound here') };

/** The node, or the message. */
function placeWith(...claims: readonly PersistentVolumeClaim[]): string {
  const plugins = [
    volumeBinding({ claims: listerOf(...claims), volumes: listerOf(volume), classes: listerOf(late) }, noBinder),
  ];
  const pod = makePod('p', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
  const snapshot = makeCluster([makeNode('a'), makeNode('b')]);
  const result = schedule(snapshot, podInfoOf(pod), { ...firstOfEquals, plugins });
  return result.kind === 'scheduled' ? result.node : failureMessage(result.diagnosis);
}

describe('VolumeBinding', () => {
  test('waits for a claim that is not there', () => {
    assert.equal(placeWith(), '0/2 nodes are available: persistentvolumeclaim "data" not found.');
  });

  test('waits for a claim to be bound', () => {
    assert.equal(
      placeWith(claim('data', '')),
      '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
    );
  });

  test('does not wait for a claim that waits for its pod', () => {
    assert.equal(placeWith(claim('data', '', 'late')), 'a');
  });

  test('goes where the volume is', () => {
    assert.equal(placeWith(claim('data', 'disk')), 'b');
  });

  test('goes nowhere when the volume is gone', () => {
    assert.equal(
      placeWith(claim('data', 'other')),
      '0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).',
    );
  });
});
