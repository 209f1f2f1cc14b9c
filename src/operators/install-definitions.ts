import type { CustomResourceDefinition } from '../api/apiextensions/v1/types.generated.ts';
import { customResourceDefinitions } from '../api/resource-types.ts';
import type { Client } from '../client/contract.ts';
import { sleep } from '../client/index.ts';
import type { Logger } from '../machinery/logger.ts';

const retryMsMin = 100;
const retryMsMax = 5_000;
const establishedPollMs = 50;

export interface InstallOptions {
  readonly client: Client;
  readonly definitions: readonly CustomResourceDefinition[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Applies the definitions and waits until all of them are served; tries until it works or the signal aborts. */
export async function installDefinitions({ client, definitions, logger, signal }: InstallOptions): Promise<void> {
  const resource = client.resource(customResourceDefinitions);
  for (const definition of definitions) {
    const { name } = definition.metadata;
    let retryMs = retryMsMin;
    while (!signal.aborted) {
      try {
        await resource.patch(
          { name },
          { type: 'apply', body: definition },
          { fieldManager: 'roadstead-operators', force: true, signal },
        );
        break;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ err: error, definition: name }, 'Definition could not be installed');
        await sleep(retryMs, signal);
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    }
    while (!signal.aborted && !isEstablished(await resource.get({ name }, signal))) {
      await sleep(establishedPollMs, signal);
    }
  }
}

function isEstablished({ status }: CustomResourceDefinition): boolean {
  return (status?.conditions ?? []).some(({ type, status }) => type === 'Established' && status === 'True');
}
