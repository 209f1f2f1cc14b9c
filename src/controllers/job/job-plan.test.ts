import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Job, JobSpec, JobStatus } from '../../api/batch/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { formatIndexes, parseIndexes } from './completion-indexes.ts';
import { planJob } from './job-plan.ts';
import { trackingFinalizer } from './job-tally.ts';

const now = Date.parse('2026-01-01T01:00:00Z');

function job(spec: Partial<JobSpec>, status: JobStatus = {}): Job {
  const full = { parallelism: 1, completions: 1, backoffLimit: 6, template: {}, ...spec };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'job' }, spec: full, status };
}

function pod(uid: string, phase: string, tracked = true): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: uid,
      uid,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(tracked ? { finalizers: [trackingFinalizer] } : {}),
    },
    spec: { nodeName: 'n', containers: [] },
    status: { phase },
  };
}

describe('job', () => {
  it('starts as many pods as parallelism and completions allow', () => {
    assert.equal(planJob(job({ parallelism: 5, completions: 3 }), [], now).create.length, 3);
    assert.equal(planJob(job({ parallelism: 2, completions: 3 }), [pod('a', 'Running')], now).create.length, 1);
  });

  it('notes an ended pod before it lets it go, and counts it after', () => {
    const spec = { completions: 2 };
    const first = planJob(job(spec), [pod('a', 'Succeeded')], now);
    assert.deepEqual(first.status.uncountedTerminatedPods, { succeeded: ['a'] });
    assert.equal(first.status.succeeded, undefined);
    assert.deepEqual(
      first.release.map(({ metadata }) => metadata.name),
      ['a'],
    );
    const second = planJob(job(spec, first.status), [pod('a', 'Succeeded', false)], now);
    assert.equal(second.status.succeeded, 1);
    assert.deepEqual(second.status.uncountedTerminatedPods, {});
  });

  it('counts a pod once when the write is known and the release is not', () => {
    const noted = planJob(job({ completions: 2 }), [pod('a', 'Succeeded')], now).status;
    const again = planJob(job({ completions: 2 }, noted), [pod('a', 'Succeeded')], now);
    assert.deepEqual(again.status.uncountedTerminatedPods, { succeeded: ['a'] });
    assert.equal(again.release.length, 1);
  });

  it('is complete with its completions, and counts them with the last write', () => {
    const { status, finished } = planJob(job({}), [pod('a', 'Succeeded')], now);
    assert.equal(finished?.type, 'Complete');
    assert.deepEqual(
      status.conditions?.map(({ type }) => type),
      ['SuccessCriteriaMet', 'Complete'],
    );
    assert.equal(status.succeeded, 1);
    assert.equal(status.completionTime, '2026-01-01T01:00:00Z');
  });

  it('fails past the back-off limit, and stops what runs first', () => {
    const pods = [pod('a', 'Failed'), pod('b', 'Running')];
    const plan = planJob(job({ backoffLimit: 0, parallelism: 2, completions: 2 }), pods, now);
    assert.equal(plan.finished, undefined);
    assert.deepEqual(
      plan.status.conditions?.map(({ type, reason }) => [type, reason]),
      [['FailureTarget', 'BackoffLimitExceeded']],
    );
    assert.deepEqual(
      plan.remove.map(({ metadata }) => metadata.name),
      ['b'],
    );
  });

  it('waits longer after each failure', () => {
    const failed = pod('a', 'Failed');
    const ended = new Date(now - 3_000).toISOString();
    Object.assign(failed.status ?? {}, { containerStatuses: [{ state: { terminated: { finishedAt: ended } } }] });
    const plan = planJob(job({}, { failed: 1 }), [failed], now);
    assert.equal(plan.create.length, 0);
    assert.equal(plan.requeueAfterMs, 17_000);
  });

  it('runs out of time', () => {
    const plan = planJob(job({ activeDeadlineSeconds: 10 }, { startTime: '2026-01-01T00:00:00Z' }), [], now);
    assert.equal(plan.finished?.reason, 'DeadlineExceeded');
  });

  it('stops its pods while suspended', () => {
    const plan = planJob(job({ suspend: true }), [pod('a', 'Running')], now);
    assert.deepEqual([plan.remove.length, plan.create.length], [1, 0]);
    assert.equal(plan.status.conditions?.[0]?.type, 'Suspended');
  });
});

it('completion indexes are written as ranges and read back', () => {
  assert.equal(formatIndexes([5, 1, 3, 4, 7, 8]), '1,3-5,7,8');
  assert.deepEqual(parseIndexes('1,3-5,7,8'), [1, 3, 4, 5, 7, 8]);
});

describe('rules of a job', () => {
  const indexed = (uid: string, phase: string, index: number, annotations: Record<string, string> = {}): Pod => {
    const made = pod(uid, phase);
    made.metadata.annotations = { 'batch.kubernetes.io/job-completion-index': String(index), ...annotations };
    return made;
  };
  const failedWith = (exitCode: number): Pod => {
    const made = pod('a', 'Failed');
    const state = { terminated: { exitCode } };
    made.status = {
      phase: 'Failed',
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state }],
    };
    return made;
  };
  const onCode = (action: string, values: number[]) => ({
    podFailurePolicy: { rules: [{ action, onExitCodes: { operator: 'In', values } }] },
  });

  it('end it on an exit code, ignore another, and count the rest', () => {
    const ended = planJob(job(onCode('FailJob', [42])), [failedWith(42)], now);
    assert.equal(ended.finished?.reason, 'PodFailurePolicy');
    assert.match(ended.finished?.message ?? '', /failed with exit code 42 matching FailJob rule at index 0$/);
    const ignored = planJob(job(onCode('Ignore', [42])), [failedWith(42)], now);
    assert.deepEqual(ignored.status.uncountedTerminatedPods, {});
    assert.equal(ignored.release.length, 1);
    const counted = planJob(job(onCode('Ignore', [42])), [failedWith(1)], now);
    assert.deepEqual(counted.status.uncountedTerminatedPods, { failed: ['a'] });
  });

  it('end it when the indexes of a success policy are done', () => {
    const spec: Partial<JobSpec> = {
      completionMode: 'Indexed',
      completions: 3,
      parallelism: 3,
      successPolicy: { rules: [{ succeededIndexes: '0,2', succeededCount: 1 }] },
    };
    const plan = planJob(job(spec), [indexed('a', 'Succeeded', 2), indexed('b', 'Running', 0)], now);
    assert.deepEqual(
      plan.status.conditions?.map(({ type, reason }) => [type, reason]),
      [['SuccessCriteriaMet', 'SuccessPolicy']],
    );
    assert.equal(plan.remove.length, 1);
    // What was stopped for it has not failed.
    const after = planJob(job(spec, plan.status), [indexed('b', 'Failed', 0)], now);
    assert.equal(after.finished?.type, 'Complete');
    assert.equal(after.status.failed, undefined);
  });

  it('let an index fail by itself, and carry its failures from pod to pod', () => {
    const spec: Partial<JobSpec> = {
      completionMode: 'Indexed',
      completions: 2,
      parallelism: 2,
      backoffLimit: 100,
      backoffLimitPerIndex: 1,
    };
    const once = planJob(job(spec), [indexed('a', 'Failed', 0), indexed('b', 'Running', 1)], now);
    assert.deepEqual(once.create, [{ index: 0, failures: 1 }]);
    const failures = { 'batch.kubernetes.io/job-index-failure-count': '1' };
    const twice = planJob(job(spec), [indexed('c', 'Failed', 0, failures), indexed('b', 'Running', 1)], now);
    assert.equal(twice.status.failedIndexes, '0');
    assert.deepEqual(twice.create, []);
    const last = planJob(job(spec, twice.status), [indexed('b', 'Succeeded', 1)], now);
    assert.equal(last.finished?.reason, 'FailedIndexes');
  });

  it('count a deleted pod as failed at once, unless only failed ones are replaced', () => {
    const leaving = pod('a', 'Running');
    leaving.metadata.deletionTimestamp = 'now';
    assert.deepEqual(planJob(job({}), [leaving], now).status.uncountedTerminatedPods, { failed: ['a'] });
    const patient = planJob(job({ podReplacementPolicy: 'Failed' }), [leaving], now);
    assert.deepEqual(patient.status.uncountedTerminatedPods, {});
    assert.equal(patient.create.length, 0);
  });
});
