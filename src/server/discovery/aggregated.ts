import type { ResourceDefinition } from '../../api/resource.ts';
import type { APIResource } from '../../machinery/meta-types.generated.ts';
import type { DiscoveredGroup } from './groups.ts';

/** The aggregated documents: every group, version and resource under `/api` or `/apis` in one answer. */

export type AggregatedVersion = 'v2' | 'v2beta1';

/** What the answer is called, and what a client writes in `Accept` to get it. */
export function aggregatedMediaType(version: AggregatedVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

/**
 * The first aggregated form that `Accept` names, or undefined when the client takes the plain documents first or only.
 * The order of parameters is the client's own.
 */
export function acceptedAggregation(accept: string | undefined): AggregatedVersion | undefined {
  if (accept === undefined || !accept.includes('APIGroupDiscoveryList')) return undefined;
  for (const range of accept.split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    if (type !== 'application/json' && type !== '*/*') continue;
    const named = new Set(parameters);
    if (!named.has('as=APIGroupDiscoveryList')) {
      if (parameters.length === 0) return undefined;
      continue;
    }
    if (!named.has('g=apidiscovery.k8s.io')) continue;
    if (named.has('v=v2')) return 'v2';
    if (named.has('v=v2beta1')) return 'v2beta1';
  }
  return undefined;
}

export function aggregatedDocument(groups: readonly DiscoveredGroup[], version: AggregatedVersion): object {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(group.group === '' ? {} : { name: group.group }), creationTimestamp: null },
      versions: group.versions.map((found) => ({
        version: found.version,
        resources: found.remote === undefined ? found.rows.map(resourceEntry) : remoteEntries(found.remote.resources),
        freshness: found.remote?.isCurrent === false ? 'Stale' : 'Current',
      })),
    })),
  };
}

/** The same from an extension server's own list, where subresources stand beside their resource. */
function remoteEntries(resources: readonly APIResource[]): object[] {
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const { name, shortNames = [], categories = [] } = resource;
      const subresources = resources
        .filter((candidate) => candidate.name.startsWith(`${name}/`))
        .map((candidate) => ({
          subresource: candidate.name.slice(name.length + 1),
          responseKind: kindOf(candidate),
          verbs: candidate.verbs,
        }));
      return {
        resource: name,
        responseKind: kindOf(resource),
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singularName ?? '',
        verbs: resource.verbs,
        ...(shortNames.length === 0 ? {} : { shortNames }),
        ...(categories.length === 0 ? {} : { categories }),
        ...(subresources.length === 0 ? {} : { subresources }),
      };
    });
}

function kindOf({ group = '', version = '', kind }: APIResource): object {
  return { group, version, kind };
}

/** An empty group and version in `responseKind` mean those of the list, as upstream writes them. */
function resourceEntry(row: ResourceDefinition): object {
  const subresources = [...row.subresources].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    resource: row.resource,
    responseKind: { group: '', version: '', kind: row.kind },
    scope: row.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: row.singular,
    verbs: row.verbs,
    ...(row.shortNames.length === 0 ? {} : { shortNames: row.shortNames }),
    ...(row.categories.length === 0 ? {} : { categories: row.categories }),
    ...(subresources.length === 0
      ? {}
      : {
          subresources: subresources.map((subresource) => ({
            subresource: subresource.name,
            responseKind: {
              group: subresource.group ?? '',
              version: subresource.version ?? '',
              kind: subresource.kind,
            },
            verbs: subresource.verbs,
          })),
        }),
  };
}
