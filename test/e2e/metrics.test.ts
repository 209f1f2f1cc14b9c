import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';
import { deployment, pod, sleepForever } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (input: string): Promise<string> => kubectl(inNamespace('apply', '-f', '-'), { input });

interface Autoscaler {
  status: {
    currentReplicas?: number;
    desiredReplicas: number;
    conditions?: { type: string; status: string; reason: string; message: string }[];
    currentMetrics?: { resource?: { current: { averageUtilization?: number } } }[];
  };
}
const autoscaler = (name: string): Promise<Autoscaler> => kubectlJson<Autoscaler>(inNamespace('get', 'hpa', name));
const replicasOf = async (name: string): Promise<number> =>
  (await kubectlJson<{ spec: { replicas: number } }>(inNamespace('get', 'deployment', name))).spec.replicas;

before(async () => {
  namespace = await createNamespace('metrics');
});
after(() => namespace.remove());

test('top shows what nodes and pods use', async () => {
  await apply(pod('idle', sleepForever));
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/idle', '--timeout=60s'));
  await eventually('the pod', async () => /idle +\d+m +\d+Mi/.test(await kubectl(inNamespace('top', 'pods'))));
  assert.match(await kubectl(inNamespace('top', 'pod', 'idle', '--containers')), /idle +main +\d+m +\d+Mi/);
  assert.match(await kubectl(['top', 'nodes']), /\S+ +\d+m +\d+% +\d+Mi +\d+%/);
  const { items } = JSON.parse(await kubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes']));
  assert.equal(items.length, 1);
});

test('an autoscaler adds pods while they are busy, and says what it sees', async () => {
  const busy = 'trap "exit 0" TERM; while true; do :; done';
  await apply(
    deployment('busy', {
      shell: busy,
      container: { resources: { requests: { cpu: '50m' }, limits: { cpu: '100m' } } },
    }),
  );
  await kubectl(inNamespace('rollout', 'status', 'deployment/busy', '--timeout=60s'));
  await kubectl(inNamespace('autoscale', 'deployment', 'busy', '--min=1', '--max=2', '--cpu-percent=50'));
  await eventually('a second pod', async () => (await replicasOf('busy')) === 2, 90_000);
  const { status } = await eventually('the status', async () => {
    const now = await autoscaler('busy');
    return now.status.conditions?.some(({ type }) => type === 'ScalingLimited') ? now : undefined;
  });
  const conditionOf = (type: string) => status.conditions?.find((condition) => condition.type === type);
  assert.equal(conditionOf('ScalingActive')?.reason, 'ValidMetricFound');
  assert.equal(conditionOf('AbleToScale')?.status, 'True');
  assert.ok((status.currentMetrics?.[0]?.resource?.current.averageUtilization ?? 0) > 50);
  assert.match(await kubectl(inNamespace('get', 'hpa', 'busy')), /busy +Deployment\/busy +cpu: \d+%\/50% +1 +2/);
  assert.match(
    await kubectl(inNamespace('describe', 'hpa', 'busy')),
    /SuccessfulRescale +.*New size: 2; reason: cpu resource utilization \(percentage of request\) above target/,
  );
});

test('an autoscaler keeps to its bounds without any metric, and says why it has none', async () => {
  await apply(deployment('bounded'));
  await kubectl(inNamespace('autoscale', 'deployment', 'bounded', '--min=2', '--max=3', '--cpu-percent=50'));
  await eventually('the least', async () => (await replicasOf('bounded')) === 2);
  const condition = await eventually(
    'the reason',
    async () => (await autoscaler('bounded')).status.conditions?.find(({ type }) => type === 'ScalingActive'),
    60_000,
  );
  assert.equal(condition.reason, 'FailedGetResourceMetric');
  assert.match(condition.message, /failed to get cpu utilization: unable to get metrics for resource cpu: /);
});
