import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson, tryKubectl } from './kubectl.ts';
import { cronJob, job } from './workloads.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const apply = (input: string): Promise<string> => kubectl(inNamespace('apply', '-f', '-'), { input });
const ended = (name: string, condition: 'Complete' | 'Failed'): Promise<string> =>
  kubectl(inNamespace('wait', `--for=condition=${condition}`, `job/${name}`, '--timeout=60s'));

interface Job {
  spec: { suspend?: boolean };
  status: {
    active?: number;
    ready?: number;
    succeeded?: number;
    failed?: number;
    completedIndexes?: string;
    failedIndexes?: string;
    startTime?: string;
    completionTime?: string;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}
const statusOf = async (name: string): Promise<Job['status']> =>
  (await kubectlJson<Job>(inNamespace('get', 'job', name))).status;
const conditionOf = async (name: string, type: string) =>
  (await statusOf(name)).conditions?.find((condition) => condition.type === type);
const podsOf = async (name: string): Promise<{ metadata: { name: string } }[]> =>
  (await kubectlJson<{ items: { metadata: { name: string } }[] }>(inNamespace('get', 'pods', '-l', `app=${name}`)))
    .items;

before(async () => {
  namespace = await createNamespace('job');
});
after(() => namespace.remove());

test('a job runs to its completions, some at a time', async () => {
  await apply(job('batch', { shell: 'echo done', of: { completions: 4, parallelism: 2 } }));
  await ended('batch', 'Complete');
  const status = await statusOf('batch');
  assert.equal(status.succeeded, 4);
  assert.ok(status.startTime !== undefined && status.completionTime !== undefined);
  assert.match(await kubectl(inNamespace('get', 'job', 'batch')), /batch +Complete +4\/4 +\d+s/);
  assert.match(await kubectl(inNamespace('logs', 'job/batch')), /done/);
  const finalizers = await kubectl(
    inNamespace('get', 'pods', '-l', 'app=batch', '-o', 'jsonpath={.items[*].metadata.finalizers}'),
  );
  assert.equal(finalizers.trim(), '');
});

test('failures beyond the limit fail the job', async () => {
  await apply(job('failing', { shell: 'exit 3', of: { backoffLimit: 0 } }));
  await ended('failing', 'Failed');
  const condition = await conditionOf('failing', 'Failed');
  assert.equal(condition?.reason, 'BackoffLimitExceeded');
  assert.equal(condition?.message, 'Job has reached the specified backoff limit');
  assert.equal((await statusOf('failing')).failed, 1);
});

test('an indexed job gives every pod its index, once', async () => {
  await apply(
    job('indexed', {
      shell: 'echo "index $JOB_COMPLETION_INDEX on $(hostname)"',
      of: { completions: 3, parallelism: 3, completionMode: 'Indexed' },
    }),
  );
  await ended('indexed', 'Complete');
  assert.equal((await statusOf('indexed')).completedIndexes, '0-2');
  const logs = await kubectl(inNamespace('logs', '-l', 'app=indexed', '--tail=-1'));
  for (const index of [0, 1, 2]) assert.match(logs, new RegExp(`index ${index} on indexed-${index}`));
});

test('an index may fail without the others, up to its own limit', async () => {
  await apply(
    job('perindex', {
      shell: '[ "$JOB_COMPLETION_INDEX" != 1 ]',
      of: { completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 0 },
    }),
  );
  await ended('perindex', 'Failed');
  const status = await statusOf('perindex');
  assert.equal(status.completedIndexes, '0,2');
  assert.equal(status.failedIndexes, '1');
  assert.equal((await conditionOf('perindex', 'Failed'))?.reason, 'FailedIndexes');
});

test('a pod failure policy ends the job on an exit code, and ignores another', async () => {
  const rules = [{ action: 'FailJob', onExitCodes: { containerName: 'main', operator: 'In', values: [42] } }];
  await apply(job('policy', { shell: 'exit 42', of: { backoffLimit: 6, podFailurePolicy: { rules } } }));
  await ended('policy', 'Failed');
  const condition = await conditionOf('policy', 'Failed');
  assert.equal(condition?.reason, 'PodFailurePolicy');
  assert.match(
    condition?.message ?? '',
    /^Container main for pod \S+\/policy-\w+ failed with exit code 42 matching FailJob rule at index 0$/,
  );
});

test('an eviction that the policy ignores costs nothing', async () => {
  const rules = [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }];
  await apply(
    job('moved', {
      shell: '[ -f /share/stop ] && exit 0; trap "exit 9" TERM; touch /share/stop; while true; do sleep 0.2; done',
      container: { volumeMounts: [{ name: 'share', mountPath: '/share' }] },
      spec: { volumes: [{ name: 'share', hostPath: { path: `/tmp/${namespace.name}`, type: 'DirectoryOrCreate' } }] },
      of: { backoffLimit: 0, podFailurePolicy: { rules } },
    }),
  );
  await eventually('its pod', async () => (await statusOf('moved')).ready === 1);
  const name = (await podsOf('moved'))[0]?.metadata.name ?? '';
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: namespace.name } };
  await kubectl(['create', '--raw', `/api/v1/namespaces/${namespace.name}/pods/${name}/eviction`, '-f', '-'], {
    input: JSON.stringify(eviction),
  });
  await ended('moved', 'Complete');
  assert.equal((await statusOf('moved')).failed, undefined);
});

test('an orphaned pod is taken back, and let go when it no longer fits', async () => {
  await apply(job('adopter'));
  await eventually('its pod', async () => (await statusOf('adopter')).ready === 1);
  const name = (await podsOf('adopter'))[0]?.metadata.name ?? '';
  const ownersOf = async (): Promise<string> =>
    kubectl(inNamespace('get', 'pod', name, '-o', 'jsonpath={.metadata.ownerReferences[*].name}'));
  await kubectl(
    inNamespace('patch', 'pod', name, '--type=json', '-p', '[{"op":"remove","path":"/metadata/ownerReferences"}]'),
  );
  await eventually('the adoption', async () => (await ownersOf()) === 'adopter');
  await eventually('the finalizer', async () =>
    /job-tracking/.test(await kubectl(inNamespace('get', 'pod', name, '-o', 'jsonpath={.metadata.finalizers}'))),
  );
  await kubectl(inNamespace('patch', 'pod', name, '--type=json', '-p', '[{"op":"remove","path":"/metadata/labels"}]'));
  await eventually('the release', async () => (await ownersOf()) === '');
  await kubectl(inNamespace('delete', 'job', 'adopter'));
  await kubectl(inNamespace('delete', 'pod', name));
});

test('a success policy ends the job when its leader is done', async () => {
  const sleeping =
    'if [ "$JOB_COMPLETION_INDEX" = 0 ]; then exit 0; fi; trap "exit 1" TERM; while true; do sleep 0.2; done';
  await apply(
    job('leader', {
      shell: sleeping,
      of: {
        completions: 2,
        parallelism: 2,
        completionMode: 'Indexed',
        successPolicy: { rules: [{ succeededIndexes: '0' }] },
      },
    }),
  );
  await ended('leader', 'Complete');
  assert.equal((await conditionOf('leader', 'SuccessCriteriaMet'))?.reason, 'SuccessPolicy');
  assert.equal((await statusOf('leader')).completedIndexes, '0');
});

test('a deadline ends the job, and its time to live removes it', async () => {
  await apply(job('late', { of: { activeDeadlineSeconds: 1 } }));
  await ended('late', 'Failed');
  assert.equal((await conditionOf('late', 'Failed'))?.reason, 'DeadlineExceeded');
  await apply(job('brief', { shell: 'true', of: { ttlSecondsAfterFinished: 1 } }));
  await eventually('the job to go', async () => (await tryKubectl(inNamespace('get', 'job', 'brief'))).code !== 0);
});

test('a suspended job has no pods until it is resumed, and loses them when suspended again', async () => {
  await apply(job('held', { of: { suspend: true } }));
  await eventually('the condition', async () => (await conditionOf('held', 'Suspended'))?.status === 'True');
  assert.equal((await podsOf('held')).length, 0);
  const suspend = (value: boolean): Promise<string> =>
    kubectl(inNamespace('patch', 'job', 'held', '-p', JSON.stringify({ spec: { suspend: value } })));
  await suspend(false);
  await eventually('its pod', async () => (await statusOf('held')).ready === 1);
  assert.equal((await conditionOf('held', 'Suspended'))?.status, 'False');
  await suspend(true);
  await eventually('no pods', async () => (await podsOf('held')).length === 0);
});

test('restarts in place count, and deleting a job takes its pods', async () => {
  await apply(
    job('retry', {
      shell: 'if [ -f /work/tried ]; then exit 0; fi; touch /work/tried; exit 1',
      container: { volumeMounts: [{ name: 'work', mountPath: '/work' }] },
      spec: { restartPolicy: 'OnFailure', volumes: [{ name: 'work', emptyDir: {} }] },
    }),
  );
  await ended('retry', 'Complete');
  assert.equal((await statusOf('retry')).failed, undefined);
  await kubectl(inNamespace('delete', 'job', 'retry'));
  await eventually('no pods', async () => (await podsOf('retry')).length === 0);
});

test('a cron job is run by hand, shows its schedule, and can be suspended', async () => {
  await apply(cronJob('nightly', '0 3 * * *', { shell: 'true' }));
  await kubectl(inNamespace('create', 'job', 'by-hand', '--from=cronjob/nightly'));
  await ended('by-hand', 'Complete');
  await kubectl(inNamespace('patch', 'cronjob', 'nightly', '-p', '{"spec":{"suspend":true}}'));
  assert.match(
    await kubectl(inNamespace('get', 'cronjob', 'nightly')),
    /nightly +0 3 \* \* \* +<none> +True +0 +<none>/,
  );
  await kubectl(inNamespace('delete', 'cronjob', 'nightly'));
  await eventually('its job to go', async () => (await tryKubectl(inNamespace('get', 'job', 'by-hand'))).code !== 0);
});

test('a cron job starts at its time', async () => {
  await apply(cronJob('often', '@every 2s', { shell: 'true' }));
  await eventually('a run', async () => {
    const { items } = await kubectlJson<{ items: { metadata: { ownerReferences?: { name: string }[] } }[] }>(
      inNamespace('get', 'jobs'),
    );
    return items.some(({ metadata }) => metadata.ownerReferences?.some(({ name }) => name === 'often'));
  });
  await kubectl(inNamespace('delete', 'cronjob', 'often'));
});
