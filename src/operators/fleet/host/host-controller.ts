import { type Host, type HostCondition, hosts, leaveFinalizer } from '../../../api/fleet/v1/host.ts';
import { nodes } from '../../../api/resource-types.ts';
import type { Client } from '../../../client/contract.ts';
import { createWorkQueue } from '../../../client/index.ts';
import { objectKey } from '../../../machinery/meta.ts';
import { isNotFound } from '../../../machinery/status-error.ts';
import { rfc3339 } from '../../../machinery/time.ts';
import type { Operator, OperatorContext } from '../../operator.ts';

/** A host that has not been heard of for this long is lost: three reports missed. */
const lostAfterMs = 50_000;

/**
 * Says of hosts that went silent that they are lost; the agent says the rest. Takes the Node and the Host away of those
 * that left, and lets go of lost ones that are deleted. Inputs: Hosts. Outputs: their `phase` and conditions while they
 * are silent, the deletion of both objects.
 */
export function hostController({ client, informers, now }: OperatorContext): Operator {
  const queue = createWorkQueue();
  const informer = informers.informer(hosts);
  informer.addHandler({
    added: (host) => queue.add(objectKey(host)),
    updated: (_old, host) => queue.add(objectKey(host)),
  });
  return {
    name: 'host',
    queue,
    async reconcile(key) {
      const host = informer.get(key);
      if (host === undefined) return undefined;
      if (isGone(host)) {
        await removeHost(client, host);
        return undefined;
      }
      const silentMs = silenceMs(host, now());
      if (silentMs < lostAfterMs) return { requeueAfterMs: lostAfterMs - silentMs + 1 };
      if (host.status?.phase !== 'Lost') await client.resource(hosts).updateStatus(lost(host, now()));
      return undefined;
    },
  };
}

function isGone({ metadata, status }: Host): boolean {
  return status?.phase === 'Left' || (metadata.deletionTimestamp !== undefined && status?.phase === 'Lost');
}

async function removeHost(client: Client, { metadata }: Host): Promise<void> {
  const { name } = metadata;
  await deleteIfThere(client.resource(nodes).delete({ name }));
  if (metadata.deletionTimestamp === undefined) await deleteIfThere(client.resource(hosts).delete({ name }));
  const finalizers = (metadata.finalizers ?? []).filter((finalizer) => finalizer !== leaveFinalizer);
  await deleteIfThere(client.resource(hosts).patch({ name }, { type: 'merge', body: { metadata: { finalizers } } }));
}

async function deleteIfThere(deletion: Promise<unknown>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

function silenceMs({ metadata, status }: Host, now: number): number {
  const heard = Date.parse(status?.lastSeen ?? metadata.creationTimestamp ?? '');
  return Number.isNaN(heard) ? lostAfterMs : Math.max(0, now - heard);
}

/** With the revision that was looked at: a report that comes meanwhile wins. */
function lost(host: Host, now: number): Host {
  const change = { status: 'Unknown' as const, reason: 'AgentSilent', lastTransitionTime: rfc3339(now) };
  const message = 'The agent of this host has stopped reporting';
  const condition = (type: string): HostCondition => ({ type, ...change, message });
  return {
    ...host,
    status: { ...host.status, phase: 'Lost', conditions: [condition('Connected'), condition('Ready')] },
  };
}
