import type { Job } from '../../api/batch/v1/types.generated.ts';
import type { EnvVar, Pod } from '../../api/core/v1/types.generated.ts';
import { jobs, pods } from '../../api/resource-types.ts';
import { type Client, createWorkQueue, type EventRecorder } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { selectorOf } from '../../machinery/labels.ts';
import { objectKey } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { claim } from '../claim.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { Expectations } from '../expectations.ts';
import { watchOwnedPods } from '../pods/owned-pods.ts';
import { createPodControl, type PodControl } from '../pods/pod-control.ts';
import { podIndex } from '../pods/pod-index.ts';
import { slowStart } from '../slow-start.ts';
import { WrittenVersions } from '../written-versions.ts';
import { completionIndexAnnotation } from './completion-indexes.ts';
import { finishedCondition, type JobPlan, type NewPod, planJob } from './job-plan.ts';
import { indexFailureAnnotations, trackingFinalizer } from './job-tally.ts';

const staleRetryMs = 20;

/** Runs Jobs to their end. Inputs: Jobs, Pods. Outputs: Pods, Job status, deletion of Jobs whose time is up. */
export function jobController(context: ControllerContext): Controller {
  const { client, informers } = context;
  const queue = createWorkQueue();
  const informer = informers.informer(jobs);
  const index = podIndex(informers);
  const expectations = new Expectations();
  const written = new WrittenVersions();
  const recorder = context.recorder('job-controller');
  const control = createPodControl(client, recorder);
  informer.addHandler({
    added: (job) => queue.add(objectKey(job)),
    updated: (_old, job) => queue.add(objectKey(job)),
    deleted: (job) => {
      expectations.forget(objectKey(job));
      written.forget(objectKey(job));
      // Its pods are let go, or nothing could ever delete them.
      for (const pod of index.controlledBy(job.metadata.uid ?? ''))
        void releasePod(client, pod).catch(() => queue.add(objectKey(job)));
    },
  });
  watchOwnedPods({ kind: 'Job', owners: informer, pods: index.informer, expectations, queue });
  releaseOrphans(context, index.informer, (pod) =>
    informer.list(pod.metadata.namespace).some((job) => {
      const isAlive = job.metadata.deletionTimestamp === undefined && finishedCondition(job) === undefined;
      return isAlive && selectorOf(job.spec?.selector).matches(pod.metadata.labels);
    }),
  );
  return {
    name: 'job',
    queue,
    workers: 5,
    async reconcile(key) {
      const job = informer.get(key);
      if (
        job === undefined ||
        (job.spec?.managedBy ?? 'kubernetes.io/job-controller') !== 'kubernetes.io/job-controller'
      ) {
        return undefined;
      }
      const { namespace = '', name, uid = '' } = job.metadata;
      const mine = await claim([...index.controlledBy(uid), ...index.orphansIn(namespace)], {
        owner: job,
        freshOwner: () => client.resource(jobs).get({ namespace, name }),
        selector: selectorOf(job.spec?.selector),
        client: client.resource(pods),
        finalizer: trackingFinalizer,
      });
      const finished = finishedCondition(job);
      if (finished !== undefined || job.metadata.deletionTimestamp !== undefined) {
        for (const pod of mine) await releasePod(client, pod);
        return finished === undefined ? undefined : expire(client, job, finished.lastTransitionTime);
      }
      if (!written.seen(key, job)) return { requeueAfterMs: staleRetryMs };
      if (!expectations.satisfied(key)) return undefined;
      const plan = planJob(job, mine, Date.now());
      await carryOut(job, plan, { client, control, recorder, expectations, written });
      return plan.requeueAfterMs === undefined ? undefined : { requeueAfterMs: plan.requeueAfterMs };
    },
  };
}

interface Means {
  readonly client: Client;
  readonly control: PodControl;
  readonly recorder: EventRecorder;
  readonly expectations: Expectations;
  readonly written: WrittenVersions;
}

async function carryOut(
  job: Job,
  plan: JobPlan,
  { client, control, recorder, expectations, written }: Means,
): Promise<void> {
  const key = objectKey(job);
  // The counts are written before the pods they count are let go, and before anything new is started.
  if (!equal(plan.status, job.status ?? {})) {
    written.wrote(key, await client.resource(jobs).updateStatus({ ...job, status: plan.status }));
  }
  const suspension = plan.status.conditions?.find(({ type }) => type === 'Suspended');
  const before = job.status?.conditions?.find(({ type }) => type === 'Suspended');
  if (suspension !== undefined && suspension.status !== before?.status) {
    const reason = suspension.status === 'True' ? 'Suspended' : 'Resumed';
    recorder.event(job, 'Normal', reason, suspension.message ?? '');
  }
  for (const pod of plan.release) await releasePod(client, pod);
  for (const pod of plan.remove) {
    await control.delete(job, pod).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
  if (plan.finished !== undefined) {
    const { type, reason = '', message = '' } = plan.finished;
    if (type === 'Complete') recorder.event(job, 'Normal', 'Completed', 'Job completed');
    else recorder.event(job, 'Warning', reason, message);
  }
  if (plan.create.length === 0) return;
  expectations.expectCreations(key, plan.create.length);
  const { succeeded, failure } = await slowStart(plan.create.length, (position) =>
    control.create(job, job.spec?.template ?? {}, (pod) => prepare(pod, job, plan.create[position])),
  );
  for (let missing = succeeded; missing < plan.create.length; missing++) expectations.creationObserved(key);
  if (failure !== undefined) throw failure;
}

function prepare(pod: Pod, job: Job, { index, failures }: NewPod = {}): void {
  pod.metadata.finalizers = [...(pod.metadata.finalizers ?? []), trackingFinalizer];
  if (index === undefined || pod.spec === undefined) return;
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [completionIndexAnnotation]: String(index),
    ...(failures === undefined ? {} : indexFailureAnnotations(failures)),
  };
  pod.metadata.labels = { ...pod.metadata.labels, [completionIndexAnnotation]: String(index) };
  pod.metadata.generateName = `${job.metadata.name}-${index}-`;
  pod.spec.hostname ??= `${job.metadata.name}-${index}`;
  const fieldPath = `metadata.annotations['${completionIndexAnnotation}']`;
  const variable: EnvVar = { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath } } };
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    if (container.env?.some(({ name }) => name === variable.name) === true) continue;
    container.env = [...(container.env ?? []), variable];
  }
}

/** Takes the tracking finalizer off. */
async function releasePod(client: Client, pod: Pod): Promise<void> {
  const { uid, finalizers = [] } = pod.metadata;
  if (!finalizers.includes(trackingFinalizer)) return;
  const body = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
  try {
    await client.resource(pods).patch(pod.metadata, { type: 'strategic', body });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Pods that were orphaned with their Job's deletion are nobody's to count; one that a Job will adopt is its again. */
function releaseOrphans(
  { client, logger }: ControllerContext,
  informer: ReturnType<typeof podIndex>['informer'],
  isWanted: (pod: Pod) => boolean,
): void {
  const release = (pod: Pod): void => {
    const isOwned = pod.metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
    if (isOwned || pod.metadata.finalizers?.includes(trackingFinalizer) !== true || isWanted(pod)) return;
    releasePod(client, pod).catch((err: unknown) => {
      logger.warn({ err, pod: objectKey(pod) }, 'Orphaned pod of a job was not released');
    });
  };
  informer.addHandler({ added: release, updated: (_old, pod) => release(pod) });
}

async function expire(client: Client, job: Job, finishedAt: string | undefined) {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  if (seconds === undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  const waitMs = Date.parse(finishedAt ?? '') + seconds * 1000 - Date.now();
  if (waitMs > 0) return { requeueAfterMs: waitMs };
  const { uid } = job.metadata;
  try {
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await client.resource(jobs).delete(job.metadata, { propagationPolicy: 'Foreground', ...preconditions });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}
