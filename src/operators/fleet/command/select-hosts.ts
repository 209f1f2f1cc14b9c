import type { HostSelection } from '../../../api/fleet/v1/command.ts';
import type { Host } from '../../../api/fleet/v1/host.ts';
import { parseLabelSelector } from '../../../machinery/labels.ts';

/** Names of the hosts, sorted. One that is named is taken whether or not it is there. Throws for a bad selector. */
export function selectHosts(hosts: readonly Host[], { names, selector, pool, all }: HostSelection): string[] {
  const found = new Set(names);
  const labels = selector === undefined || selector === '' ? undefined : parseLabelSelector(selector);
  for (const { metadata, spec } of hosts) {
    if (spec?.unschedulable === true || metadata.deletionTimestamp !== undefined) continue;
    const isInPool = (spec?.roles ?? []).length === 0;
    if (all === true || (pool === true && isInPool) || labels?.matches(metadata.labels) === true) {
      found.add(metadata.name);
    }
  }
  return [...found].sort();
}
