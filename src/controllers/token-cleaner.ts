import type { Secret } from '../api/core/v1/types.generated.ts';
import { secrets } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { objectKey } from '../machinery/meta.ts';
import { isNotFound } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';

const expiration = 'expiration';

/** Deletes bootstrap tokens that have expired. Inputs: Secrets of that type. Outputs: their deletion. */
export function tokenCleanerController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const tokens = informers.informer(secrets, {
    namespace: 'kube-system',
    fieldSelector: 'type=bootstrap.kubernetes.io/token',
  });
  tokens.addHandler({
    added: (secret) => queue.add(objectKey(secret)),
    updated: (_old, secret) => queue.add(objectKey(secret)),
  });
  return {
    name: 'token-cleaner',
    queue,
    workers: 1,
    async reconcile(key) {
      const secret = tokens.get(key);
      const end = secret === undefined ? undefined : expirationOf(secret);
      if (secret === undefined || end === undefined) return undefined;
      const leftMs = end - Date.now();
      if (leftMs > 0) return { requeueAfterMs: leftMs };
      const { uid } = secret.metadata;
      try {
        await client.resource(secrets).delete(secret.metadata, uid === undefined ? {} : { preconditions: { uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    },
  };
}

/** ms since the epoch. One that cannot be read has passed, as upstream: a token must not live for ever by mistake. */
function expirationOf({ data }: Secret): number | undefined {
  const encoded = data?.[expiration];
  if (encoded === undefined || encoded === '') return undefined;
  const time = Date.parse(Buffer.from(encoded, 'base64').toString('utf8'));
  return Number.isNaN(time) ? 0 : time;
}
