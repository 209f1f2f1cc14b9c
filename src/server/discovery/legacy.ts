import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '../../api/resource.ts';
import { formatGroupVersion } from '../../machinery/meta.ts';
import type { APIGroup, APIResource } from '../../machinery/meta-types.generated.ts';
import type { DiscoveredGroup, DiscoveredVersion } from './groups.ts';

/** The unaggregated documents: one request for the groups and one for each version. */

export function versionsDocument(serverAddress: string): object {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

export function groupListDocument(groups: readonly DiscoveredGroup[]): object {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.filter(({ group }) => group !== '').map(groupEntry),
  };
}

export function groupDocument(group: DiscoveredGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) };
}

export function resourceListDocument(group: string, { version, rows }: DiscoveredVersion): object {
  const resources = rows.flatMap(resourceEntries).sort((a, b) => (a.name < b.name ? -1 : 1));
  // Upstream leaves out apiVersion in the core group's list and gives it in all others.
  const apiVersion = group === '' ? {} : { apiVersion: 'v1' };
  return { kind: 'APIResourceList', ...apiVersion, groupVersion: formatGroupVersion({ group, version }), resources };
}

function groupEntry({ group, versions }: DiscoveredGroup): Omit<APIGroup, 'apiVersion' | 'kind'> {
  const entries = versions.map(({ version }) => ({ groupVersion: formatGroupVersion({ group, version }), version }));
  return { name: group, versions: entries, ...(entries[0] === undefined ? {} : { preferredVersion: entries[0] }) };
}

function resourceEntries(row: ResourceDefinition): APIResource[] {
  const entry: APIResource = {
    name: row.resource,
    singularName: row.singular,
    namespaced: row.namespaced,
    kind: row.kind,
    verbs: [...row.verbs],
    ...(row.shortNames.length === 0 ? {} : { shortNames: [...row.shortNames] }),
    ...(row.categories.length === 0 ? {} : { categories: [...row.categories] }),
    ...(row.virtual === true ? {} : { storageVersionHash: storageVersionHash(row) }),
  };
  const subresources = row.subresources.map((subresource) => ({
    name: `${row.resource}/${subresource.name}`,
    singularName: '',
    namespaced: row.namespaced,
    ...(subresource.group === undefined ? {} : { group: subresource.group, version: subresource.version ?? '' }),
    kind: subresource.kind,
    verbs: [...subresource.verbs],
  }));
  return [entry, ...subresources];
}

/** Changes when objects of the resource are stored in another version; the form is upstream's. */
function storageVersionHash({ group, version, kind, storedAs }: ResourceDefinition): string {
  const stored = storedAs ?? { group, version };
  const digest = createHash('sha256').update(`${stored.group}/${stored.version}/${kind}`).digest();
  return digest.subarray(0, 8).toString('base64');
}
