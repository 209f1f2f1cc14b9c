import { type Host, type HostCondition, hosts } from '../../../api/fleet/v1/host.ts';
import { createWorkQueue } from '../../../client/index.ts';
import { objectKey } from '../../../machinery/meta.ts';
import { rfc3339 } from '../../../machinery/time.ts';
import type { Operator, OperatorContext } from '../../operator.ts';

/** A host that has not been heard of for this long is lost: three reports missed. */
export const lostAfterMs = 50_000;

/**
 * Says of hosts that went silent that they are lost; the agent says the rest. Inputs: Hosts. Outputs: their `phase` and
 * the condition `Connected`, while they are silent.
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
      const silentMs = silenceMs(host, now());
      if (silentMs < lostAfterMs) return { requeueAfterMs: lostAfterMs - silentMs + 1 };
      if (host.status?.phase !== 'Lost') await client.resource(hosts).updateStatus(lost(host, now()));
      return undefined;
    },
  };
}

function silenceMs({ metadata, status }: Host, now: number): number {
  const heard = Date.parse(status?.lastSeen ?? metadata.creationTimestamp ?? '');
  return Number.isNaN(heard) ? lostAfterMs : Math.max(0, now - heard);
}

/** With the revision that was looked at: a report that comes meanwhile wins. */
export function lost(host: Host, now: number): Host {
  const change = { status: 'Unknown' as const, reason: 'AgentSilent', lastTransitionTime: rfc3339(now) };
  const message = 'The agent of this host has stopped reporting';
  const condition = (type: string): HostCondition => ({ type, ...change, message });
  return {
    ...host,
    status: { ...host.status, phase: 'Lost', conditions: [condition('Connected'), condition('Ready')] },
  };
}
