import type { Client } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { apiError } from '../../machinery/status-error.ts';
import { dialServer } from '../../tunnel/host-end.ts';

export interface PoolHostOptions {
  readonly client: Client;
  readonly hostName: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** A host that runs no pods: it holds its tunnel open, and knows of no pod that is asked for through it. */
export function startPoolHost(options: PoolHostOptions): { close(): Promise<void> } {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  void dialServer({
    ...options,
    signal,
    handler: (stream) => {
      const { code, status } = apiError(404, 'NotFound', 'this host runs no pods', {});
      stream.respond({ ':status': code, 'content-type': 'application/json' });
      stream.end(JSON.stringify(status));
    },
  });
  return { close: async () => stop.abort() };
}
