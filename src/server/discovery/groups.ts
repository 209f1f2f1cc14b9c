import { builtinResources } from '../../api/registry.ts';
import type { ResourceDefinition } from '../../api/resource.ts';
import type { RemoteVersion } from './remote-versions.ts';
import { compareVersions } from './version-order.ts';

/** One version of a group with its rows, sorted by resource name. */
export interface DiscoveredVersion {
  readonly version: string;
  readonly rows: readonly ResourceDefinition[];
  /** Set when another server serves it; it has no rows then. */
  readonly remote?: RemoteVersion;
}

/** A group with its versions, the preferred one first. */
export interface DiscoveredGroup {
  readonly group: string;
  readonly versions: readonly DiscoveredVersion[];
}

/**
 * Groups in the order in which clients should prefer them: built-in ones in the order of their rows, then those of
 * CustomResourceDefinitions and extension servers by name. Clients resolve an ambiguous `kubectl get <noun>` to the first that has it.
 */
export function discoverGroups(
  rows: Iterable<ResourceDefinition>,
  remotes: readonly RemoteVersion[] = [],
): DiscoveredGroup[] {
  const byGroup = new Map<string, Map<string, ResourceDefinition[]>>();
  for (const row of rows) {
    let versions = byGroup.get(row.group);
    if (versions === undefined) {
      versions = new Map();
      byGroup.set(row.group, versions);
    }
    const members = versions.get(row.version);
    if (members === undefined) versions.set(row.version, [row]);
    else members.push(row);
  }
  const remoteByKey = new Map(remotes.map((remote) => [`${remote.group}/${remote.version}`, remote]));
  for (const { group, version } of remotes) {
    const versions = byGroup.get(group) ?? new Map<string, ResourceDefinition[]>();
    byGroup.set(group, versions.set(version, []));
  }
  const priority = (group: string, version: string): number =>
    remoteByKey.get(`${group}/${version}`)?.versionPriority ?? 0;
  const rank = builtinRank();
  return [...byGroup]
    .sort(([a], [b]) => (rank.get(a) ?? rank.size) - (rank.get(b) ?? rank.size) || compareText(a, b))
    .map(([group, versions]) => ({
      group,
      versions: [...versions]
        .sort(([a], [b]) => priority(group, b) - priority(group, a) || compareVersions(a, b))
        .map(([version, members]) => {
          const remote = remoteByKey.get(`${group}/${version}`);
          const sorted = members.sort((a, b) => compareText(a.resource, b.resource));
          return { version, rows: sorted, ...(remote === undefined ? {} : { remote }) };
        }),
    }));
}

function builtinRank(): Map<string, number> {
  const rank = new Map<string, number>();
  for (const { group } of builtinResources) if (!rank.has(group)) rank.set(group, rank.size);
  return rank;
}

/** By code unit, as Go sorts strings. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
