import type { Logger } from '../machinery/logger.ts';
import { isConflict } from '../machinery/status-error.ts';
import type { Reconcile, WorkQueue } from './contract.ts';

const terminalBrand = Symbol.for('roadstead.TerminalError');

/** Thrown by a reconcile for what trying again cannot mend: logged, and not retried until the object changes. */
export class TerminalError extends Error {
  readonly [terminalBrand] = true;
  override readonly name = 'TerminalError';
}

export function isTerminal(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && (error as { [terminalBrand]?: unknown })[terminalBrand] === true
  );
}

export interface ControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  /** Keys worked on at a time. Default 2. */
  readonly workers?: number;
  /** Resolves when every informer that the reconcile reads is filled. */
  readonly synced: (signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
}

/**
 * Works through the queue until `signal` aborts; resolves when the last reconcile has ended. Whatever a reconcile
 * throws is logged and the key comes back after its back-off.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { queue } = options;
  const logger = options.logger.child({ controller: options.name });
  const shutDown = (): void => queue.shutDown();
  if (signal.aborted) shutDown();
  signal.addEventListener('abort', shutDown, { once: true });
  try {
    await options.synced(signal);
  } catch (err) {
    if (signal.aborted) return;
    throw err;
  }
  const workers = Array.from({ length: options.workers ?? 2 }, () => work(options, logger, signal));
  await Promise.all(workers);
  signal.removeEventListener('abort', shutDown);
}

async function work(options: ControllerOptions, logger: Logger, signal: AbortSignal): Promise<void> {
  const { queue } = options;
  for (;;) {
    const key = await queue.get();
    if (key === undefined || signal.aborted) return;
    try {
      await workOn(key, options, signal);
    } catch (err) {
      if (signal.aborted) return;
      handleFailure(key, err, queue, logger);
    } finally {
      queue.done(key);
    }
  }
}

async function workOn(key: string, { queue, reconcile }: ControllerOptions, signal: AbortSignal): Promise<void> {
  const result = await reconcile(key, signal);
  queue.forget(key);
  if (result?.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
}

function handleFailure(key: string, err: unknown, queue: WorkQueue, logger: Logger): void {
  if (isTerminal(err)) {
    queue.forget(key);
    logger.error({ object: key, err }, 'Reconcile failed for good');
    return;
  }
  // A conflict only says that the cache is a moment behind: the ordinary course of things.
  if (isConflict(err)) logger.debug({ object: key, err }, 'Reconcile met a newer object and will be retried');
  else logger.warn({ object: key, err, retries: queue.requeues(key) }, 'Reconcile failed and will be retried');
  queue.addRateLimited(key);
}
