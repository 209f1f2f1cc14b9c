import {
  namespaces,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  podDisruptionBudgets,
  pods,
  storageClasses,
} from '../api/resource-types.ts';
import type { Client, InformerFactory } from '../client/contract.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { Logger } from '../machinery/logger.ts';
import { AssumedPods } from './assumed-pods.ts';
import { createClaimBinder } from './claim-binder.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { PlacementWriter } from './placement-writer.ts';
import { defaultPlugins } from './plugins/default-plugins.ts';
import { volumeBinding } from './plugins/volume-binding.ts';
import { volumeRestrictions } from './plugins/volume-restrictions.ts';
import { SchedulingQueue } from './queue/scheduling-queue.ts';
import { Scheduler } from './scheduler.ts';
import { ClusterSnapshot } from './snapshot.ts';
import { trimPod } from './trim-pod.ts';
import { Waker } from './waker.ts';

export interface StartSchedulerOptions {
  readonly client: Client;
  /** Shared with others in this process; left out, the scheduler keeps its own. */
  readonly informers?: InformerFactory;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly options?: {
    /** Only pods that name this scheduler are placed. Default `default-scheduler`. */
    readonly schedulerName?: string;
    /** 1..100; default 0: as upstream, by the size of the cluster. */
    readonly percentageOfNodesToScore?: number;
  };
}

/** Starts scheduling; resolves once the caches are filled and pods are being placed. Ends when `signal` aborts. */
export async function startScheduler(start: StartSchedulerOptions): Promise<void> {
  const { client, signal, options = {} } = start;
  const logger = start.logger.child({ part: 'scheduler' });
  const schedulerName = options.schedulerName ?? 'default-scheduler';
  const informers = start.informers ?? createInformerFactory(client, { logger, transforms: { pods: trimPod } });
  const now = (): number => Date.now();
  const namespaceInformer = informers.informer(namespaces);
  const budgets = informers.informer(podDisruptionBudgets);
  const claims = informers.informer(persistentVolumeClaims);
  const volumes = informers.informer(persistentVolumes);
  const classes = informers.informer(storageClasses);
  const binder = createClaimBinder({ client, claims, now });
  const plugins = [...defaultPlugins, volumeRestrictions(claims), volumeBinding({ claims, volumes, classes }, binder)];
  const snapshot = new ClusterSnapshot((name) => namespaceInformer.get(name)?.metadata.labels);
  const queue = new SchedulingQueue(plugins, now);
  const assumed = new AssumedPods(snapshot, now);
  const waker = new Waker();
  const watch = new ClusterWatch({ snapshot, queue, assumed, schedulerName, wake: () => waker.wake() });
  watch.watch(informers.informer(pods), informers.informer(nodes), namespaceInformer);
  watch.watchStorage(claims, volumes, classes);
  informers.start(signal);
  await informers.synced(signal);

  const recorder = createEventRecorder({ client, component: schedulerName, logger, signal });
  const writer = new PlacementWriter({ client, recorder, schedulerName, now, signal });
  const scheduler = new Scheduler({
    snapshot,
    queue,
    assumed,
    writer,
    waker,
    budgets,
    plugins,
    percentageOfNodesToScore: options.percentageOfNodesToScore ?? 0,
    logger,
    now,
    random: Math.random,
    signal,
  });
  scheduler.run(signal).catch((err: unknown) => logger.error({ err }, 'Scheduling stopped'));
}
