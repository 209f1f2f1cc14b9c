import type { Lease } from '../../api/coordination/v1/types.generated.ts';
import type { Node } from '../../api/core/v1/types.generated.ts';
import { leases } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isAlreadyExists, isNotFound } from '../../machinery/status-error.ts';
import { rfc3339Micro } from '../../machinery/time.ts';
import { pause } from '../pause.ts';

const namespace = 'kube-node-lease';
const durationSeconds = 40;
const renewMs = 10_000;
const retryMs = 1_000;

/** Renews the node's Lease until the signal aborts: the heartbeat that the server judges the node by. */
export async function keepNodeLease(options: {
  client: Client;
  nodeName: string;
  node: () => Node | undefined;
  logger: Logger;
  signal: AbortSignal;
}): Promise<void> {
  const { client, nodeName, logger, signal } = options;
  let held: Lease | undefined;
  while (!signal.aborted) {
    try {
      held = await renew(client, nodeName, options.node(), held);
      await pause(renewMs, signal);
    } catch (error) {
      held = undefined;
      if (!signal.aborted) logger.debug({ err: error }, 'Could not renew the lease of the node');
      await pause(retryMs, signal);
    }
  }
}

async function renew(
  client: Client,
  nodeName: string,
  node: Node | undefined,
  held: Lease | undefined,
): Promise<Lease> {
  const resource = client.resource(leases);
  const renewTime = rfc3339Micro(Date.now());
  if (held !== undefined) {
    return await resource.update({ ...held, spec: { ...held.spec, renewTime } });
  }
  const fresh = leaseOf(nodeName, node, renewTime);
  try {
    return await resource.create(fresh);
  } catch (error) {
    if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
    const found = await resource.get({ namespace, name: nodeName });
    return await resource.update({ ...found, spec: { ...found.spec, ...fresh.spec } });
  }
}

function leaseOf(nodeName: string, node: Node | undefined, renewTime: string): Lease {
  const uid = node?.metadata.uid;
  const owner = uid === undefined ? {} : { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] };
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: nodeName, namespace, ...owner },
    spec: { holderIdentity: nodeName, leaseDurationSeconds: durationSeconds, renewTime },
  };
}
