/** Jobs to their end. */
import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { eventually } from '../../e2e/kubectl.ts';
import { job, type WorkloadOptions } from '../../e2e/workloads.ts';
import { at } from '../api.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('jobs');
const batch = (resource: string, name = ''): string =>
  `/apis/batch/v1/namespaces/${suite.namespace}/${resource}${name === '' ? '' : `/${name}`}`;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}
interface JobStatus {
  readonly conditions?: readonly Condition[];
  readonly succeeded?: number;
  readonly failed?: number;
  readonly completedIndexes?: string;
  readonly failedIndexes?: string;
}

const statusOf = async (name: string): Promise<JobStatus> =>
  (await suite.api.get(batch('jobs', name)))['status'] as JobStatus;
const podsOf = (name: string): Promise<UnknownObject[]> =>
  suite.api.items(`${suite.core}/pods?labelSelector=app%3D${name}`);

/** Makes the job and waits for its last condition; the reasons of all that are true, by type. */
async function ends(name: string, options: WorkloadOptions): Promise<JobStatus & { reasons: Map<string, string> }> {
  await suite.create(job(name, options));
  return eventually(`the end of ${name}`, async () => {
    const status = await statusOf(name);
    const met = (status.conditions ?? []).filter((condition) => condition.status === 'True');
    const reasons = new Map(met.map(({ type, reason }) => [type, reason]));
    return reasons.has('Complete') || reasons.has('Failed') ? { ...status, reasons } : undefined;
  });
}

const indexed = { completionMode: 'Indexed', completions: 4, parallelism: 4 };
const sleeping = 'trap "exit 1" TERM; while true; do sleep 0.2; done';

sideBySide(() => {
  behaviour('Ensure that job with successPolicy succeeded when all indexes succeeded', async () => {
    const rules = [{ succeededIndexes: '0-3' }];
    const { reasons, completedIndexes } = await ends('all', {
      shell: 'true',
      of: { ...indexed, successPolicy: { rules } },
    });
    assert.equal(reasons.get('SuccessCriteriaMet'), 'SuccessPolicy');
    assert.equal(reasons.get('Complete'), 'SuccessPolicy');
    assert.equal(completedIndexes, '0-3');
  });
  behaviour(
    'Ensure that job with successPolicy succeededIndexes rule succeeded even when some indexes remain pending',
    async () => {
      const rules = [{ succeededIndexes: '0' }];
      const shell = `[ "$JOB_COMPLETION_INDEX" = 0 ] && exit 0; ${sleeping}`;
      const { reasons, completedIndexes } = await ends('some', { shell, of: { ...indexed, successPolicy: { rules } } });
      assert.equal(reasons.get('SuccessCriteriaMet'), 'SuccessPolicy');
      assert.equal(reasons.get('Complete'), 'SuccessPolicy');
      assert.equal(completedIndexes, '0');
    },
  );
  behaviour(
    'Ensure that job with successPolicy succeededCount rule succeeded even when some indexes remain pending',
    async () => {
      const rules = [{ succeededCount: 1 }];
      const shell = `[ "$JOB_COMPLETION_INDEX" = 2 ] && exit 0; ${sleeping}`;
      const { reasons, completedIndexes } = await ends('count', {
        shell,
        of: { ...indexed, successPolicy: { rules } },
      });
      assert.equal(reasons.get('SuccessCriteriaMet'), 'SuccessPolicy');
      assert.equal(reasons.get('Complete'), 'SuccessPolicy');
      assert.equal(completedIndexes, '2');
    },
  );

  behaviour('Terminate job execution when the maxFailedIndexes is exceeded', async () => {
    const shell = `[ $((JOB_COMPLETION_INDEX % 2)) = 0 ] && exit 1; ${sleeping}`;
    const { reasons, failed = 0 } = await ends('exceeds', {
      shell,
      of: { ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 0 },
    });
    assert.equal(reasons.get('Failed'), 'MaxFailedIndexesExceeded');
    assert.ok(failed >= 1);
    await eventually('no pod runs on', async () =>
      (await podsOf('exceeds')).every((one) => at(one, 'status.phase') !== 'Running'),
    );
  });

  behaviour('Mark indexes as failed when the FailIndex action is matched in podFailurePolicy', async () => {
    const rules = [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [42] } }];
    const shell = '[ $((JOB_COMPLETION_INDEX % 2)) = 0 ] && exit 42; exit 0';
    const status = await ends('fail-index', {
      shell,
      of: { ...indexed, backoffLimitPerIndex: 1, podFailurePolicy: { rules } },
    });
    assert.equal(status.reasons.get('Failed'), 'FailedIndexes');
    assert.equal(status.failedIndexes, '0,2');
    assert.equal(status.completedIndexes, '1,3');
    // Had they been tried again, there would be more.
    assert.equal(status.failed, 2);
  });

  behaviour('Jobs, completion after task failure', async () => {
    const status = await ends('again', {
      shell: 'test -e /work/tried && exit 0; touch /work/tried; exit 1',
      container: { volumeMounts: [{ name: 'work', mountPath: '/work' }] },
      spec: { restartPolicy: 'OnFailure', volumes: [{ name: 'work', emptyDir: {} }] },
      of: { completions: 4, parallelism: 2 },
    });
    assert.ok(status.reasons.has('Complete'));
    assert.equal(status.succeeded, 4);
    for (const one of await podsOf('again')) assert.equal(at(one, 'status.containerStatuses.0.restartCount'), 1);
  });

  behaviour('Jobs, active pods, graceful termination', async () => {
    await suite.create(job('deleted', { of: { completions: 4, parallelism: 2 } }));
    await eventually('two active pods', async () => {
      const pods = await podsOf('deleted');
      return pods.length === 2 && pods.every((one) => at(one, 'status.phase') === 'Running');
    });
    await suite.kubectl('delete', 'job', 'deleted');
    await suite.api.refused(404, 'GET', batch('jobs', 'deleted'));
    await eventually('no pods', async () => (await podsOf('deleted')).length === 0);
  });
});
