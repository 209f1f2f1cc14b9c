import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/core/v1/types.generated.ts';
import type { StorageClass } from '../../api/storage/v1/types.generated.ts';
import { planClaim, planVolume, type StorageWorld } from './binding-plan.ts';

function claim(
  spec: PersistentVolumeClaim['spec'] = {},
  annotations: Record<string, string> = {},
): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', namespace: 'n', uid: 'claim', annotations },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: '',
      resources: { requests: { storage: '2Gi' } },
      ...spec,
    },
  };
}

function volume(
  name: string,
  spec: PersistentVolume['spec'] = {},
  labels: Record<string, string> = {},
): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, labels },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '5Gi' }, ...spec },
    status: { phase: 'Available' },
  };
}

function storageClass(name: string, more: Partial<StorageClass> = {}): StorageClass {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner: 'example.com/p',
    ...more,
  };
}

function world(
  volumes: PersistentVolume[],
  claims: PersistentVolumeClaim[] = [],
  classes: StorageClass[] = [],
): StorageWorld {
  return {
    volumes,
    classes,
    volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
    claim: (namespace, name) =>
      claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
  };
}

/** The volume that the claim is given, or why it waits. */
function outcome(of: PersistentVolumeClaim, volumes: PersistentVolume[], classes: StorageClass[] = []): string {
  const plan = planClaim(of, world(volumes, [of], classes));
  if (plan.kind === 'bind') return plan.volume.metadata.name;
  if (plan.kind === 'takeDefaultClass') return `class ${plan.name}`;
  return `${plan.kind}: ${plan.event?.reason ?? ''}`;
}

describe('a claim', () => {
  const small = volume('small', { capacity: { storage: '1Gi' } });
  const large = volume('large', { capacity: { storage: '50Gi' } });
  const right = volume('right');
  const kept = volume('kept', { claimRef: { namespace: 'n', name: 'c' }, capacity: { storage: '99Gi' } });
  const foreign = volume('foreign', { claimRef: { namespace: 'n', name: 'x' }, capacity: { storage: '2Gi' } });
  const late = storageClass('late', { volumeBindingMode: 'WaitForFirstConsumer' });
  const isDefault = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  const bound = { 'pv.kubernetes.io/bind-completed': 'yes' };
  const { storageClassName: _none, ...unsaid } = claim().spec ?? {};
  const cases: [
    what: string,
    claim: PersistentVolumeClaim,
    volumes: PersistentVolume[],
    outcome: string,
    classes?: StorageClass[],
  ][] = [
    ['takes the smallest volume that is large enough', claim(), [large, small, right, foreign], 'right'],
    ['prefers the volume that is kept for it', claim(), [right, kept], 'kept'],
    [
      'needs all of its access modes',
      claim({ accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] }),
      [right],
      'wait: FailedBinding',
    ],
    [
      'needs the same class',
      claim({ storageClassName: 'fast' }),
      [right, volume('fast', { storageClassName: 'fast' })],
      'fast',
    ],
    [
      'needs the labels of its selector',
      claim({ selector: { matchLabels: { zone: 'a' } } }),
      [right, volume('a', {}, { zone: 'a' })],
      'a',
    ],
    ['needs the same volume mode', claim({ volumeMode: 'Block' }), [right], 'wait: FailedBinding'],
    ['takes the volume that it names', claim({ volumeName: 'large' }), [right, large], 'large'],
    ['does not take a named volume of another', claim({ volumeName: 'foreign' }), [foreign], 'wait: FailedBinding'],
    ['does not take a named volume that is too small', claim({ volumeName: 'small' }), [small], 'wait: VolumeMismatch'],
    [
      'waits for its pod where the class says so',
      claim({ storageClassName: 'late' }),
      [],
      'wait: WaitForFirstConsumer',
      [late],
    ],
    [
      'asks a provisioner once its node is known',
      claim({ storageClassName: 'late' }, { 'volume.kubernetes.io/selected-node': 'a' }),
      [],
      'wait: ExternalProvisioning',
      [late],
    ],
    ['is told of a class that is not there', claim({ storageClassName: 'gone' }), [], 'wait: ProvisioningFailed'],
    [
      'is given the default class when it says nothing',
      { ...claim(), spec: unsaid },
      [right],
      'class d',
      [storageClass('d', { metadata: { name: 'd', annotations: isDefault } })],
    ],
    ['is lost with its volume', claim({ volumeName: 'gone' }, bound), [], 'lost: ClaimLost'],
    [
      'is lost when its volume is that of another',
      claim({ volumeName: 'foreign' }, bound),
      [foreign],
      'lost: ClaimMisbound',
    ],
  ];
  for (const [what, of, volumes, wanted, classes] of cases) {
    it(what, () => assert.equal(outcome(of, volumes, classes), wanted));
  }
});

describe('a volume', () => {
  const claimRef = { namespace: 'n', name: 'c', uid: 'claim' };
  const plan = (of: PersistentVolume, ...claims: PersistentVolumeClaim[]): unknown =>
    planVolume(of, world([of], claims));

  it('is available without a claim, and while it is kept for one by name', () => {
    assert.deepEqual(plan(volume('v')), { kind: 'phase', phase: 'Available' });
    assert.deepEqual(plan(volume('v', { claimRef: { namespace: 'n', name: 'c' } })), {
      kind: 'phase',
      phase: 'Available',
    });
  });

  it('is bound when both say so', () => {
    assert.deepEqual(plan(volume('v', { claimRef }), claim({ volumeName: 'v' })), { kind: 'phase', phase: 'Bound' });
    assert.deepEqual(plan(volume('v', { claimRef }), claim()), { kind: 'expected' });
  });

  it('is released with its claim, and reclaimed as it says', () => {
    assert.deepEqual(plan(volume('v', { claimRef })), { kind: 'released', reclaim: 'retain' });
    const doomed = volume('v', { claimRef, persistentVolumeReclaimPolicy: 'Delete' });
    assert.deepEqual(plan(doomed), { kind: 'released', reclaim: 'delete' });
    const successor = claim();
    successor.metadata.uid = 'another';
    assert.deepEqual(plan(doomed, successor), { kind: 'released', reclaim: 'delete' });
  });

  it('is freed when the binder gave it to a claim that went elsewhere', () => {
    const ours = volume('v', { claimRef });
    ours.metadata.annotations = { 'pv.kubernetes.io/bound-by-controller': 'yes' };
    assert.deepEqual(plan(ours, claim({ volumeName: 'w' })), { kind: 'unbind' });
  });
});
