import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl } from './kubectl.ts';
import { deployment } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const describe = (...args: string[]): Promise<string> => kubectl(['describe', '-n', namespace.name, ...args]);

before(async () => {
  namespace = await createNamespace('describe');
  await kubectl(['apply', '-n', namespace.name, '-f', '-'], { input: deployment('web', { replicas: 1 }) });
  await kubectl(['rollout', 'status', '-n', namespace.name, 'deployment/web', '--timeout=60s']);
  await kubectl(['expose', '-n', namespace.name, 'deployment', 'web', '--port=80', '--target-port=8080']);
});
after(() => namespace.remove());

test('describe of a pod tells its life in Events', async () => {
  const text = await eventually('the Started event', async () => {
    const described = await describe('pod', '-l', 'app=web');
    return /Started/.test(described) ? described : undefined;
  });
  assert.match(text, /Controlled By: +ReplicaSet\/web-/);
  assert.match(text, /Normal +Scheduled .*Successfully assigned/);
  assert.match(text, /Normal +Pulled .*already present on machine/);
  assert.match(text, /Normal +Created/);
  assert.match(text, /QoS Class: +BestEffort/);
  assert.match(text, /node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s/);
  assert.match(text, /\/var\/run\/secrets\/kubernetes\.io\/serviceaccount from kube-api-access-/);
});

test('describe of a deployment shows strategy, conditions and scaling', async () => {
  const text = await describe('deployment', 'web');
  assert.match(text, /Replicas: +1 desired \| 1 updated \| 1 total \| 1 available \| 0 unavailable/);
  assert.match(text, /RollingUpdateStrategy: +25% max unavailable, 25% max surge/);
  assert.match(text, /Available +True +MinimumReplicasAvailable/);
  assert.match(text, /Progressing +True +NewReplicaSetAvailable/);
  assert.match(text, /ScalingReplicaSet .*Scaled up replica set web-\w+ from 0 to 1/);
});

test('describe of a service shows its endpoints', async () => {
  const text = await eventually('an endpoint', async () => {
    const described = await describe('service', 'web');
    return /Endpoints: +10\.244/.test(described) ? described : undefined;
  });
  assert.match(text, /TargetPort: +8080\/TCP/);
});

test('describe of a node shows capacity, conditions and pods', async () => {
  const text = await kubectl(['describe', 'nodes']);
  assert.match(text, /KubeletReady/);
  assert.match(text, /Capacity:\n +cpu: +\d/);
  assert.match(text, /Container Runtime Version: +docker:\/\//);
  assert.match(text, new RegExp(`${namespace.name} +web-`));
});

test('explain shows a field with its prose', async () => {
  const text = await kubectl(['explain', 'pod.spec.containers.livenessProbe.httpGet']);
  assert.match(text, /KIND: +Pod\nVERSION: +v1/);
  assert.match(text, /FIELD: httpGet <HTTPGetAction>/);
  assert.match(text, /port\t<IntOrString> -required-/);
  const recursive = await kubectl(['explain', 'deployment.spec', '--recursive']);
  assert.match(recursive, /GROUP: +apps/);
  assert.match(recursive, /maxSurge\t<IntOrString>/);
});
