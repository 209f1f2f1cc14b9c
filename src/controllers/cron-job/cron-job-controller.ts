import { parseCronSchedule } from '../../api/batch/v1/cron-schedule.ts';
import type { CronJob, CronJobStatus, Job } from '../../api/batch/v1/types.generated.ts';
import { cronJobs, jobs } from '../../api/resource-types.ts';
import { type Client, createWorkQueue, type EventRecorder, type Informer, referenceTo } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { finishedCondition } from '../job/job-plan.ts';
import { controllerOf, controllerReferenceTo } from '../owners.ts';
import { isNamespaceTerminating, messageOf } from '../pods/pod-control.ts';
import { missedTimes, nextTime, wallClockIn } from './cron-times.ts';

const byController = 'controllerUid';
const scheduledAnnotation = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** A little after the minute, so that the time has come for certain when the key does. */
const scheduleDeltaMs = 100;

/** Starts Jobs at their times. Inputs: CronJobs, Jobs. Outputs: Jobs, CronJob status. */
export function cronJobController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const informer = informers.informer(cronJobs);
  const children = informers.informer(jobs);
  const recorder = context.recorder('cronjob-controller');
  children.addIndex(byController, (job) => [controllerOf(job)?.uid ?? '']);
  informer.addHandler({
    added: (cronJob) => queue.add(objectKey(cronJob)),
    updated: (_old, cronJob) => queue.add(objectKey(cronJob)),
  });
  const addOwner = (job: Job): void => {
    const owner = controllerOf(job);
    if (owner?.kind === 'CronJob') queue.add(`${job.metadata.namespace ?? ''}/${owner.name}`);
  };
  children.addHandler({ added: addOwner, updated: (_old, job) => addOwner(job), deleted: addOwner });
  return {
    name: 'cronjob',
    queue,
    workers: 5,
    async reconcile(key) {
      const cronJob = informer.get(key);
      if (cronJob === undefined || cronJob.metadata.deletionTimestamp !== undefined) return undefined;
      return new CronJobSync(client, recorder, cronJob, children).run(Date.now());
    },
  };
}

class CronJobSync {
  private readonly client: Client;
  private readonly recorder: EventRecorder;
  private readonly cronJob: CronJob;
  private readonly owned: readonly Job[];

  constructor(client: Client, recorder: EventRecorder, cronJob: CronJob, children: Informer<Job>) {
    this.client = client;
    this.recorder = recorder;
    this.cronJob = cronJob;
    this.owned = children.byIndex(byController, cronJob.metadata.uid ?? '');
  }

  async run(now: number): Promise<{ requeueAfterMs: number } | undefined> {
    const status = this.observe();
    await this.forgetOld();
    const next = await this.schedule(status, now);
    if (!equal(status, this.cronJob.status ?? {})) {
      try {
        await this.client.resource(cronJobs).updateStatus({ ...this.cronJob, status });
      } catch (error) {
        // Gone meanwhile: nobody is left to tell.
        if (!isNotFound(error)) throw error;
      }
    }
    return next === undefined ? undefined : { requeueAfterMs: next - now + scheduleDeltaMs };
  }

  /** The status as the Jobs have it. */
  private observe(): CronJobStatus {
    const { active: before = [], ...rest } = this.cronJob.status ?? {};
    const status: CronJobStatus = { ...rest };
    const active = this.owned.filter((job) => finishedCondition(job) === undefined);
    for (const job of this.owned) {
      const ended = finishedCondition(job);
      if (ended === undefined) continue;
      if (before.some(({ uid }) => uid === job.metadata.uid)) {
        const message = `Saw completed job: ${job.metadata.name}, condition: ${ended.type}`;
        this.recorder.event(this.cronJob, 'Normal', 'SawCompletedJob', message);
      }
      const { completionTime } = job.status ?? {};
      if (
        ended.type === 'Complete' &&
        completionTime !== undefined &&
        completionTime > (status.lastSuccessfulTime ?? '')
      ) {
        status.lastSuccessfulTime = completionTime;
      }
    }
    if (active.length > 0) status.active = active.map(referenceTo);
    return status;
  }

  private async forgetOld(): Promise<void> {
    const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = this.cronJob.spec;
    const limits = { Complete: successfulJobsHistoryLimit, Failed: failedJobsHistoryLimit };
    for (const [type, limit] of Object.entries(limits)) {
      const ended = this.owned
        .filter((job) => finishedCondition(job)?.type === type && job.metadata.deletionTimestamp === undefined)
        .sort((a, b) => ((a.status?.startTime ?? '') < (b.status?.startTime ?? '') ? -1 : 1));
      for (const job of ended.slice(0, Math.max(0, ended.length - limit))) await this.deleteJob(job);
    }
  }

  /** Starts what is due; answers the next time. */
  private async schedule(status: CronJobStatus, now: number): Promise<number | undefined> {
    const { schedule: text, timeZone, suspend, startingDeadlineSeconds } = this.cronJob.spec;
    if (suspend === true) return undefined;
    let schedule: ReturnType<typeof parseCronSchedule>;
    let clock: ReturnType<typeof wallClockIn>;
    try {
      schedule = parseCronSchedule(text);
      clock = wallClockIn(timeZone);
    } catch (error) {
      const message = `unparseable schedule: ${JSON.stringify(text)} : ${messageOf(error)}`;
      this.recorder.event(this.cronJob, 'Warning', 'UnparseableSchedule', message);
      return undefined;
    }
    const last = Date.parse(status.lastScheduleTime ?? this.cronJob.metadata.creationTimestamp ?? '') || now;
    const earliest =
      startingDeadlineSeconds === undefined ? last : Math.max(last, now - startingDeadlineSeconds * 1000);
    const missed = missedTimes(schedule, earliest, now, clock);
    if (missed?.tooMany === true) {
      const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.recorder.event(this.cronJob, 'Warning', 'TooManyMissedTimes', message);
    }
    if (missed !== undefined) await this.start(missed.latest, status);
    return nextTime(schedule, now, clock);
  }

  private async start(time: number, status: CronJobStatus): Promise<void> {
    const active = status.active ?? [];
    const policy = this.cronJob.spec.concurrencyPolicy ?? 'Allow';
    if (policy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.recorder.event(this.cronJob, 'Normal', 'JobAlreadyActive', message);
      return;
    }
    if (policy === 'Replace') {
      for (const job of this.owned) if (finishedCondition(job) === undefined) await this.deleteJob(job);
      delete status.active;
    }
    const made = await this.createJob(jobFor(this.cronJob, time));
    status.lastScheduleTime = rfc3339(time);
    if (made !== undefined) status.active = [...(status.active ?? []), referenceTo(made)];
  }

  /** The name says the time, so that a time is never started twice. */
  private async createJob(job: Job): Promise<Job | undefined> {
    try {
      const made = await this.client.resource(jobs).create(job);
      this.recorder.event(this.cronJob, 'Normal', 'SuccessfulCreate', `Created job ${made.metadata.name}`);
      return made;
    } catch (error) {
      if (isAlreadyExists(error) || isNamespaceTerminating(error)) return undefined;
      this.recorder.event(this.cronJob, 'Warning', 'FailedCreate', `Error creating job: ${messageOf(error)}`);
      throw error;
    }
  }

  private async deleteJob({ metadata }: Job): Promise<void> {
    try {
      await this.client.resource(jobs).delete(metadata, { propagationPolicy: 'Background' });
      this.recorder.event(this.cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${metadata.name}`);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function jobFor(cronJob: CronJob, time: number): Job {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const { namespace, name } = cronJob.metadata;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${name}-${Math.floor(time / 60_000)}`,
      ...(namespace === undefined ? {} : { namespace }),
      ...(metadata?.labels === undefined ? {} : { labels: metadata.labels }),
      annotations: { ...metadata?.annotations, [scheduledAnnotation]: rfc3339(time) },
      ownerReferences: [controllerReferenceTo(cronJob)],
    },
    spec: spec ?? { template: {} },
  };
}
