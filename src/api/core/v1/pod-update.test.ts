import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import type { UnknownObject } from '../../../machinery/meta.ts';
import { podResource } from './pod.ts';
import type { Pod, PodSpec } from './types.generated.ts';

const { strategy } = podResource;

function stored(spec: Partial<PodSpec> = {}): Pod {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { containers: [{ name: 'web', image: 'nginx:1' }], ...spec },
  };
  strategy.applyDefaults(pod);
  strategy.prepareForCreate(pod);
  return pod as unknown as Pod;
}

const untyped = (pod: Pod): UnknownObject => pod as unknown as UnknownObject;

function update(change: (pod: Pod) => void, old = stored()): { pod: Pod; errors: string[] } {
  const pod = clone(old);
  change(pod);
  strategy.applyDefaults(untyped(pod));
  strategy.prepareForUpdate(untyped(pod), untyped(old));
  const errors = strategy.validateUpdate(untyped(pod), untyped(old));
  return { pod, errors: errors.map((error) => `${error.field}: ${error.detail.split('\n')[0]}`) };
}

const first = (pod: Pod): NonNullable<PodSpec['containers'][number]> => {
  const [container] = pod.spec.containers;
  assert.ok(container);
  return container;
};

test('a new pod is pending and has its QoS class', () => {
  assert.deepEqual(stored().status, { phase: 'Pending', qosClass: 'BestEffort' });
  assert.equal(stored().metadata.generation, 1);
});

test('a pod may change its images, and nothing else of its containers', () => {
  const image = update((pod) => {
    first(pod).image = 'nginx:2';
  });
  assert.deepEqual(image.errors, []);
  assert.equal(image.pod.metadata.generation, 2);
  const command = update((pod) => {
    first(pod).command = ['sh'];
  });
  assert.deepEqual(command.errors, [
    'spec: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
  ]);
});

test('containers can be neither added nor removed', () => {
  const { errors } = update((pod) => pod.spec.containers.push({ name: 'more', image: 'x' }));
  assert.deepEqual(errors, ['spec.containers: pod updates may not add or remove containers']);
});

test('tolerations can be added and not taken away', () => {
  const toleration = { key: 'a', operator: 'Exists' };
  const added = update((pod) => {
    pod.spec.tolerations = [toleration];
  });
  assert.deepEqual(added.errors, []);
  const removed = update(
    (pod) => {
      delete pod.spec.tolerations;
    },
    stored({ tolerations: [toleration] }),
  );
  assert.deepEqual(removed.errors, [
    'spec.tolerations: existing toleration can not be modified except its tolerationSeconds',
  ]);
});

test('a client that leaves out the defaults changes nothing', () => {
  const { pod, errors } = update((changed) => {
    changed.spec = { containers: [{ name: 'web', image: 'nginx:1' }] };
  });
  assert.deepEqual(errors, []);
  assert.equal(pod.metadata.generation, 1);
});

test('a delete waits only for a pod that runs somewhere', () => {
  const grace = (pod: Pod): number | undefined => strategy.defaultGracePeriodSeconds?.(untyped(pod));
  assert.equal(grace(stored()), 0);
  assert.equal(grace(stored({ nodeName: 'n1' })), 30);
  assert.equal(grace({ ...stored({ nodeName: 'n1' }), status: { phase: 'Succeeded' } }), 0);
});

test('ephemeral containers can be added through their subresource alone', () => {
  const part = podResource.subresources.find((each) => each.name === 'ephemeralcontainers')?.strategy;
  assert.ok(part);
  const old = stored();
  const pod = clone(old);
  pod.spec.ephemeralContainers = [{ name: 'debug', image: 'busybox' }];
  first(pod).image = 'changed';
  part.prepareForUpdate(untyped(pod), untyped(old));
  assert.deepEqual(part.validateUpdate(untyped(pod), untyped(old)), []);
  assert.equal(first(pod).image, 'nginx:1');
  assert.equal(pod.spec.ephemeralContainers?.[0]?.imagePullPolicy, 'Always');
  const removed = part.validateUpdate(untyped(old), untyped(pod));
  assert.match(removed[0]?.detail ?? '', /^existing ephemeral containers "debug" may not be removed/);
});
