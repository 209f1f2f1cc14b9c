import { localProvisioner } from '../api/core/v1/local-storage.ts';
import {
  type Client,
  createEventRecorder,
  createInformerFactory,
  type InformerFactory,
  runController,
} from '../client/index.ts';
import type { Logger } from '../machinery/logger.ts';
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts';
import type { Controller, ControllerContext, ControllerSettings } from './controller.ts';
import { cronJobController } from './cron-job/cron-job-controller.ts';
import { daemonSetController } from './daemon-set/daemon-set-controller.ts';
import { deploymentController } from './deployment/deployment-controller.ts';
import { disruptionController } from './disruption/disruption-controller.ts';
import { endpointSliceController } from './endpoint-slice/endpoint-slice-controller.ts';
import { endpointSliceMirroringController } from './endpoint-slice-mirroring/endpoint-slice-mirroring-controller.ts';
import { endpointsController } from './endpoints/endpoints-controller.ts';
import { ephemeralVolumeController } from './ephemeral-volume.ts';
import { garbageCollector } from './garbage-collector/garbage-collector.ts';
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts';
import { jobController } from './job/job-controller.ts';
import { localStorageController } from './local-storage/local-storage-controller.ts';
import { namespaceController } from './namespace/namespace-controller.ts';
import { nodeIpamController } from './node-ipam.ts';
import { nodeLifecycleController } from './node-lifecycle/node-lifecycle-controller.ts';
import { persistentVolumeController } from './persistent-volume/persistent-volume-controller.ts';
import { podGcController } from './pod-gc.ts';
import { replicaSetController, replicationController } from './replica-set/replica-set-controller.ts';
import { resourceQuotaController } from './resource-quota/resource-quota-controller.ts';
import { rootCaController } from './root-ca.ts';
import { serviceAccountController } from './service-account.ts';
import { ipAddressController } from './service-ip-address.ts';
import { serviceLoadBalancerController } from './service-load-balancer/service-load-balancer-controller.ts';
import { statefulSetController } from './stateful-set/stateful-set-controller.ts';
import {
  attributesClassProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from './storage-protection.ts';
import { taintEvictionController } from './taint-eviction.ts';
import { tokenCleanerController } from './token-cleaner.ts';

export interface StartControllersOptions {
  /** Everything goes through this; its user must be allowed everything. */
  readonly client: Client;
  /** Shared with others in this process; left out, the controllers keep their own. */
  readonly informers?: InformerFactory;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly options: ControllerSettings;
}

/** Runs all controllers over one set of informers until `signal` aborts; resolves when the last has ended. */
export async function startControllers(start: StartControllersOptions): Promise<void> {
  const { client, logger, signal, options } = start;
  const informers = start.informers ?? createInformerFactory(client, { logger });
  const context: ControllerContext = {
    client,
    informers,
    logger,
    signal,
    settings: options,
    recorder: (component) => createEventRecorder({ client, component, logger, signal }),
  };
  const controllers = makeControllers(context);
  informers.start(signal);
  await Promise.all(controllers.map((controller) => run(controller, context)));
}

function makeControllers(context: ControllerContext): Controller[] {
  const { clusterCidr, rootCa } = context.settings;
  return [
    namespaceController(context),
    serviceAccountController(context),
    ...(rootCa === undefined ? [] : [rootCaController(context, rootCa)]),
    ...(clusterCidr === undefined ? [] : [nodeIpamController(context, clusterCidr)]),
    replicaSetController(context),
    replicationController(context),
    deploymentController(context),
    daemonSetController(context),
    statefulSetController(context),
    jobController(context),
    cronJobController(context),
    disruptionController(context),
    horizontalPodAutoscalerController(context),
    persistentVolumeController(context, localProvisioner),
    localStorageController(context),
    ephemeralVolumeController(context),
    endpointSliceController(context),
    endpointsController(context),
    endpointSliceMirroringController(context),
    serviceLoadBalancerController(context),
    ipAddressController(context),
    tokenCleanerController(context),
    nodeLifecycleController(context),
    taintEvictionController(context),
    podGcController(context),
    resourceQuotaController(context),
    claimProtectionController(context),
    volumeProtectionController(context),
    attributesClassProtectionController(context),
    clusterRoleAggregationController(context),
    garbageCollector(context),
  ];
}

async function run(controller: Controller, { informers, logger, signal }: ControllerContext): Promise<void> {
  const synced = (waiting: AbortSignal): Promise<void> => informers.synced(waiting);
  const { name, queue, reconcile, workers, beside } = controller;
  const loop = runController(
    { name, queue, reconcile, logger, synced, ...(workers === undefined ? {} : { workers }) },
    signal,
  );
  await Promise.all([loop, beside?.(signal)]);
}
