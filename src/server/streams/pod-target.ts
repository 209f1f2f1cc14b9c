import type { Container, EphemeralContainer, Pod } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { badRequest, notFound } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import type { RequestContext } from '../request.ts';

const pods = { group: '', resource: 'pods' };

/** The pod a request names. Throws 404. */
export async function podOf({ info }: RequestContext, objects: ObjectAccess): Promise<Pod> {
  const found =
    objects.get(pods, info.namespace, info.name) ?? (await objects.getFresh(pods, info.namespace, info.name));
  if (found === undefined) throw notFound(pods, info.name);
  return as<Pod>(found);
}

/** The named container, or the only one. Throws 400 in upstream's words. */
export function containerOf(pod: Pod, asked: string): string {
  const { name } = pod.metadata;
  const containers = pod.spec?.containers ?? [];
  const initContainers = pod.spec?.initContainers ?? [];
  const ephemeralContainers = pod.spec?.ephemeralContainers ?? [];
  if (asked !== '') {
    const all: readonly (Container | EphemeralContainer)[] = [...containers, ...initContainers, ...ephemeralContainers];
    if (all.some((container) => container.name === asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [first] = containers;
  if (first !== undefined && containers.length === 1) return first.name;
  if (first === undefined) throw badRequest(`a container name must be specified for pod ${name}`);
  const others = initContainers.length === 0 ? '' : ` or one of the init containers: [${names(initContainers)}]`;
  throw badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${names(containers)}]${others}`,
  );
}

/** The node the pod runs on. Throws 400 when it has none yet. */
export function hostOf(pod: Pod): string {
  const host = pod.spec?.nodeName ?? '';
  if (host === '') throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return host;
}

/** The path of a request to the host: parts escaped, the query without what is undefined. */
export function hostPath(
  parts: readonly string[],
  query: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) search.append(name, one);
  }
  const text = search.toString();
  return `/${parts.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

function names(containers: readonly { readonly name: string }[]): string {
  return containers.map(({ name }) => name).join(' ');
}
