import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';
import { deployment } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const rollout = (...args: string[]): Promise<string> => kubectl(inNamespace('rollout', ...args));

interface Deployment {
  metadata: { annotations: Record<string, string> };
  spec: { replicas: number; template: { spec: { containers: { env?: { name: string; value: string }[] }[] } } };
  status: { replicas: number; readyReplicas: number; updatedReplicas: number };
}
const read = (): Promise<Deployment> => kubectlJson<Deployment>(inNamespace('get', 'deployment', 'web'));

before(async () => {
  namespace = await createNamespace('rollout');
  await kubectl(inNamespace('apply', '-f', '-'), { input: deployment('web', { replicas: 2 }) });
  assert.match(await rollout('status', 'deployment/web', '--timeout=60s'), /successfully rolled out/);
});
after(() => namespace.remove());

test('a new template rolls out, is in the history, and can be undone', async () => {
  await kubectl(inNamespace('set', 'env', 'deployment/web', 'VERSION=2'));
  await kubectl(inNamespace('annotate', 'deployment/web', 'kubernetes.io/change-cause=second'));
  assert.match(await rollout('status', 'deployment/web', '--timeout=60s'), /successfully rolled out/);
  const history = await rollout('history', 'deployment/web');
  assert.match(history, /REVISION +CHANGE-CAUSE\n1 +<none>\n2 +second/);
  assert.match(await rollout('history', 'deployment/web', '--revision=2'), /VERSION:\s+2/);

  assert.match(await rollout('undo', 'deployment/web'), /rolled back/);
  await rollout('status', 'deployment/web', '--timeout=60s');
  const undone = await read();
  assert.equal(undone.spec.template.spec.containers[0]?.env, undefined);
  assert.equal(undone.metadata.annotations['deployment.kubernetes.io/revision'], '3');
  assert.equal(undone.status.updatedReplicas, 2);
});

test('restart replaces every pod, pause holds a change back', async () => {
  const names = async (): Promise<string[]> =>
    (await kubectl(inNamespace('get', 'pods', '-l', 'app=web', '-o', 'name', '--field-selector=status.phase=Running')))
      .trim()
      .split('\n');
  const before = await names();
  await rollout('restart', 'deployment/web');
  await rollout('status', 'deployment/web', '--timeout=60s');
  await eventually('the old pods to go', async () => (await names()).every((name) => !before.includes(name)));

  await rollout('pause', 'deployment/web');
  await kubectl(inNamespace('set', 'env', 'deployment/web', 'HELD=1'));
  const { status } = await eventually('the pause to be seen', async () => {
    const paused = await kubectlJson<Deployment & { status: { conditions: { reason: string }[] } }>(
      inNamespace('get', 'deployment', 'web'),
    );
    return paused.status.conditions.some(({ reason }) => reason === 'DeploymentPaused') ? paused : undefined;
  });
  assert.ok((status.updatedReplicas ?? 0) < 2);
  await rollout('resume', 'deployment/web');
  await rollout('status', 'deployment/web', '--timeout=60s');
});

test('scale goes up and down', async () => {
  await kubectl(inNamespace('scale', 'deployment/web', '--replicas=4'));
  await rollout('status', 'deployment/web', '--timeout=60s');
  assert.equal((await read()).status.readyReplicas, 4);
  await kubectl(inNamespace('scale', 'deployment/web', '--replicas=1', '--current-replicas=4'));
  await eventually('one pod', async () => (await read()).status.replicas === 1);
});

test('a rollout that cannot progress says so', async () => {
  await kubectl(inNamespace('apply', '-f', '-'), {
    input: deployment('stuck', { spec: { progressDeadlineSeconds: 2 }, container: { image: 'roadstead/none:1' } }),
  });
  const { status } = await eventually('the deadline', async () => {
    const stuck = await kubectlJson<{ status: { conditions: { type: string; reason: string; message: string }[] } }>(
      inNamespace('get', 'deployment', 'stuck'),
    );
    return stuck.status.conditions?.some(({ reason }) => reason === 'ProgressDeadlineExceeded') ? stuck : undefined;
  });
  const condition = status.conditions.find(({ type }) => type === 'Progressing');
  assert.match(condition?.message ?? '', /ReplicaSet "stuck-\w+" has timed out progressing/);
  const reason = await kubectl(
    inNamespace(
      'get',
      'pods',
      '-l',
      'app=stuck',
      '-o',
      'jsonpath={.items[0].status.containerStatuses[0].state.waiting.reason}',
    ),
  );
  assert.match(reason, /ErrImageNeverPull|ErrImagePull|ImagePullBackOff/);
});
