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
import { type ClaimBinder, volumeBinding } from './volume-binding.ts';

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

const byHand: StorageClass = { ...late, metadata: { name: 'by-hand' }, provisioner: 'kubernetes.io/no-provisioner' };
/** Free, on node b. */
const spare: PersistentVolume = {
  ...volume,
  metadata: { name: 'spare' },
  spec: {
    ...volume.spec,
    storageClassName: 'by-hand',
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '5Gi' },
  },
  status: { phase: 'Available' },
};

const noBinder = { bind: async () => assert.fail('nothing is bound here') };

/** The node, or the message. */
function placeWith(...claims: readonly PersistentVolumeClaim[]): string {
  const plugins = [
    volumeBinding(
      { claims: listerOf(...claims), volumes: listerOf(volume, spare), classes: listerOf(late, byHand) },
      noBinder,
    ),
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

  const asking = (storage: string): PersistentVolumeClaim => {
    const made = claim('data', '', 'by-hand');
    return { ...made, spec: { ...made.spec, accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } } };
  };
  test('goes where a free volume suits a claim that waits for its pod', () => {
    assert.equal(placeWith(asking('1Gi')), 'b');
    assert.equal(
      placeWith(asking('9Gi')),
      "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.",
    );
  });

  test('goes to the node that was chosen for the claim before', () => {
    const chosen = claim('data', '', 'late');
    chosen.metadata.annotations = { 'volume.kubernetes.io/selected-node': 'b' };
    assert.equal(placeWith(chosen), 'b');
  });

  test('has what it chose bound before the pod is', async () => {
    const wanted = asking('1Gi');
    const listers = { claims: listerOf(wanted), volumes: listerOf(volume, spare), classes: listerOf(byHand) };
    const chosen: unknown[] = [];
    const binder: ClaimBinder = {
      bind: async (choices) => void chosen.push(...choices.map((one) => one.volume?.metadata.name)),
    };
    const pod = makePod('p', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
    await volumeBinding(listers, binder).preBind?.(podInfoOf(pod), makeNode('b'), new AbortController().signal);
    assert.deepEqual(chosen, ['spare']);
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
