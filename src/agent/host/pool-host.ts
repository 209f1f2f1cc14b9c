import type { Client } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { dialServer } from '../../tunnel/host-end.ts';
import { HostTasks } from '../host-tasks/host-tasks.ts';
import { createStreamHandler } from '../streams/stream-handler.ts';

export interface PoolHostOptions {
  readonly client: Client;
  readonly hostName: string;
  /** The agent's. */
  readonly dataDirectory: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A host that runs no pods: it does its tasks, and holds the tunnel open by which their logs are read. */
export async function startPoolHost(options: PoolHostOptions): Promise<{ close(): Promise<void> }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const hostTasks = new HostTasks({ ...options, signal });
  await hostTasks.start();
  const handler = createStreamHandler({ logger: options.logger, hostTasks });
  void dialServer({ ...options, signal, handler });
  return { close: async () => stop.abort() };
}
