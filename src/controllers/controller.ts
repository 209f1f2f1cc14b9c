import type { Client, EventRecorder, InformerFactory, Reconcile, WorkQueue } from '../client/index.ts';
import type { Logger } from '../machinery/logger.ts';

/** What every controller is given. Informers are asked for while a controller is made, and are filled before it runs. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly settings: ControllerSettings;
  /** Events that name `component` as their source. */
  recorder(component: string): EventRecorder;
}

export interface ControllerSettings {
  /** From which nodes get their pod networks; undefined: nodes bring their own. */
  readonly clusterCidr?: string;
  /** Bits of a node's pod network. Default 24. */
  readonly nodeCidrMaskSize?: number;
  /** PEM, published to every namespace as `kube-root-ca.crt`. */
  readonly rootCa?: string;
  /** A node whose Lease is older than this is taken for lost. Default 40 s. */
  readonly nodeMonitorGracePeriodMs?: number;
}

/** A loop over keys, ready to be run. */
export interface Controller {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** Keys worked on at a time. Default 2. */
  readonly workers?: number;
  /** Runs beside the loop until `signal` aborts, once the informers are filled; never throws. */
  readonly beside?: (signal: AbortSignal) => Promise<void>;
}
