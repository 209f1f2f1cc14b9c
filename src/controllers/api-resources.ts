import type { Client } from '../client/index.ts';
import type { APIGroupList, APIResourceList } from '../machinery/meta-types.generated.ts';

/** A resource that the server has, as discovery tells it. */
export interface ApiResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

export interface ApiResources {
  readonly resources: readonly ApiResource[];
  /** Group versions that did not answer, with why. What they hold is unknown. */
  readonly failures: readonly { readonly groupVersion: string; readonly error: unknown }[];
}

/** Every resource of the preferred version of every group; subresources are left out. */
export async function discoverResources(client: Client, signal?: AbortSignal): Promise<ApiResources> {
  const groups = await getJson<APIGroupList>(client, '/apis', signal);
  const versions = [{ group: '', version: 'v1', path: '/api/v1' }];
  for (const { name, preferredVersion, versions: all } of groups.groups) {
    const version = preferredVersion?.version ?? all[0]?.version;
    if (version !== undefined) versions.push({ group: name, version, path: `/apis/${name}/${version}` });
  }
  const resources: ApiResource[] = [];
  const failures: { groupVersion: string; error: unknown }[] = [];
  await Promise.all(
    versions.map(async ({ group, version, path }) => {
      try {
        const list = await getJson<APIResourceList>(client, path, signal);
        for (const { name, kind, namespaced, verbs } of list.resources) {
          if (!name.includes('/')) resources.push({ group, version, resource: name, kind, namespaced, verbs });
        }
      } catch (error) {
        failures.push({ groupVersion: group === '' ? version : `${group}/${version}`, error });
      }
    }),
  );
  return { resources, failures };
}

async function getJson<T>(client: Client, path: string, signal: AbortSignal | undefined): Promise<T> {
  const response = await client.request({
    method: 'GET',
    path,
    headers: { accept: 'application/json' },
    ...(signal === undefined ? {} : { signal }),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T;
}
