import type { Client, InformerFactory, Reconcile, WorkQueue } from '../client/contract.ts';
import { runController } from '../client/index.ts';
import type { Logger } from '../machinery/logger.ts';

/** What every operator's controller is given. Informers are asked for while it is made, and filled before it runs. */
export interface OperatorContext {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A loop over keys of one root kind. */
export interface Operator {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** Keys worked on at a time. Default 2. */
  readonly workers?: number;
}

export function runOperator(operator: Operator, { informers, logger }: OperatorContext, signal: AbortSignal) {
  const { name, queue, reconcile, workers } = operator;
  const synced = (waiting: AbortSignal): Promise<void> => informers.synced(waiting);
  return runController(
    { name, queue, reconcile, logger, synced, ...(workers === undefined ? {} : { workers }) },
    signal,
  );
}
