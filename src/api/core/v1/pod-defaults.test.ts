import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone } from '../../../machinery/json.ts';
import { pullPolicyOf } from './image-policy.ts';
import { applyPodDefaults, applyPodTemplateDefaults } from './pod-defaults.ts';
import { qosClassOf } from './pod-qos.ts';
import type { Container, Pod } from './types.generated.ts';

function podOf(container: Partial<Container> = {}, spec: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'web', image: 'nginx', ...container }], ...spec },
  };
}

function defaulted(pod: Pod): Pod {
  applyPodDefaults(pod);
  return pod;
}

test('a bare pod gets what upstream gives it', () => {
  assert.deepEqual(defaulted(podOf()).spec, {
    containers: [
      {
        name: 'web',
        image: 'nginx',
        imagePullPolicy: 'Always',
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
      },
    ],
    dnsPolicy: 'ClusterFirst',
    enableServiceLinks: true,
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    securityContext: {},
    terminationGracePeriodSeconds: 30,
  });
});

test('defaults are the same the second time', () => {
  const pod = defaulted(
    podOf(
      { livenessProbe: { httpGet: { port: 80 } }, resources: { limits: { cpu: '1000m' } } },
      { volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 's' } }] },
    ),
  );
  const once = clone(pod);
  assert.deepEqual(defaulted(pod), once);
});

test('requests follow limits in pods and not in templates', () => {
  const resources = { limits: { cpu: '1000m', memory: '1024Mi' }, requests: { cpu: '0.5' } };
  assert.deepEqual(defaulted(podOf({ resources: clone(resources) })).spec.containers[0]?.resources, {
    limits: { cpu: '1', memory: '1Gi' },
    requests: { cpu: '500m', memory: '1Gi' },
  });
  const template = { spec: podOf({ resources: clone(resources) }).spec };
  applyPodTemplateDefaults(template);
  assert.deepEqual(template.spec.containers[0]?.resources?.requests, { cpu: '500m' });
  assert.equal(template.spec.enableServiceLinks, undefined);
});

test('a pod on the host network has its container ports as host ports', () => {
  const pod = defaulted(podOf({ ports: [{ containerPort: 80 }] }, { hostNetwork: true }));
  assert.deepEqual(pod.spec.containers[0]?.ports, [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }]);
});

test('the pull policy depends on the tag', () => {
  const policies: readonly [string, string][] = [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.25', 'IfNotPresent'],
    ['registry:5000/nginx', 'Always'],
    ['registry:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:0123', 'IfNotPresent'],
    ['nginx:latest@sha256:0123', 'Always'],
  ];
  for (const [image, policy] of policies) assert.equal(pullPolicyOf(image), policy, image);
});

test('the QoS class counts CPU and memory of every container', () => {
  const both = { cpu: '1', memory: '1Gi' };
  const classes: readonly [Container['resources'] | undefined, string][] = [
    [undefined, 'BestEffort'],
    [{ limits: { 'example.com/gpu': '1' } }, 'BestEffort'],
    [{ requests: { cpu: '100m' } }, 'Burstable'],
    [{ limits: { cpu: '1' } }, 'Burstable'],
    [{ limits: both }, 'Guaranteed'],
    [{ limits: both, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    [{ limits: both, requests: { cpu: '500m' } }, 'Burstable'],
  ];
  for (const [resources, expected] of classes) {
    const pod = podOf(resources === undefined ? {} : { resources });
    assert.equal(qosClassOf(pod.spec), expected, JSON.stringify(resources));
  }
});
