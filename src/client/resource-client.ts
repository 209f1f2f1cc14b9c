import type { KubeList, KubeObject, ResourceType } from '../machinery/meta.ts';
import type { Client, ObjectRef, Patch, ResourceClient, WriteOptions } from './contract.ts';
import { listQuery, resourcePath, watchQuery, writeQuery } from './paths.ts';
import { readText } from './response-error.ts';
import { decodeWatch } from './watch.ts';

const patchTypes: Record<Patch['type'], string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export interface ResourceClientOptions {
  /** Media type asked for. Default `application/json`. */
  readonly accept?: string;
  /** The same for lists, where the media type differs. */
  readonly acceptList?: string;
}

/** The verbs of one resource over any client. */
export function createResourceClient<T extends KubeObject>(
  client: Pick<Client, 'request'>,
  type: ResourceType<T>,
  options: ResourceClientOptions = {},
): ResourceClient<T> {
  const accept = options.accept ?? 'application/json';

  const call = async <R>(method: string, path: string, body?: unknown, more: CallOptions = {}): Promise<R> => {
    const response = await client.request({
      method,
      path,
      headers:
        body === undefined
          ? { accept: more.accept ?? accept }
          : { accept, 'content-type': more.contentType ?? 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(more.signal === undefined ? {} : { signal: more.signal }),
    });
    return JSON.parse(await readText(response.body)) as R;
  };
  const pathOf = (ref: ObjectRef, subresource?: string): string =>
    resourcePath(type, ref.namespace, ref.name, subresource);
  const update = (object: T, subresource: string | undefined, write: WriteOptions | undefined): Promise<T> =>
    call('PUT', pathOf(object.metadata, subresource) + writeQuery(write), object, signalOf(write));

  return {
    get: (ref, signal) => call('GET', pathOf(ref), undefined, signal === undefined ? {} : { signal }),
    async list(list = {}, signal) {
      const path = resourcePath(type, list.namespace) + listQuery(list);
      const found = await call<KubeList<T>>('GET', path, undefined, {
        accept: options.acceptList ?? accept,
        ...(signal === undefined ? {} : { signal }),
      });
      return completeItems(found, type, accept);
    },
    async *watch(watch, signal) {
      const path = resourcePath(type, watch.namespace) + watchQuery(watch);
      const response = await client.request({ method: 'GET', path, headers: { accept }, signal });
      yield* decodeWatch<T>(response.body);
    },
    create: (object, write) =>
      call('POST', resourcePath(type, object.metadata.namespace) + writeQuery(write), object, signalOf(write)),
    update: (object, write) => update(object, undefined, write),
    updateStatus: (object, write) => update(object, 'status', write),
    patch: (ref, patch, write) =>
      call('PATCH', pathOf(ref, write?.subresource) + writeQuery(write), patch.body, {
        ...signalOf(write),
        contentType: patchTypes[patch.type],
      }),
    async delete(ref, body) {
      await call('DELETE', pathOf(ref), deleteBody(body));
    },
    async deleteCollection({ deleteOptions, ...list }) {
      await call('DELETE', resourcePath(type, list.namespace) + listQuery(list), deleteBody(deleteOptions));
    },
    createSubresource: (ref, subresource, body, write) =>
      call('POST', pathOf(ref, subresource) + writeQuery(write), body, signalOf(write)),
    getSubresource: (ref, subresource) => call('GET', pathOf(ref, subresource)),
    updateSubresource: (ref, subresource, body) => call('PUT', pathOf(ref, subresource), body),
  };
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly contentType?: string;
  readonly accept?: string;
}

function signalOf(write: WriteOptions | undefined): { signal?: AbortSignal } {
  return write?.signal === undefined ? {} : { signal: write.signal };
}

function deleteBody(options: object | undefined): object | undefined {
  return options === undefined ? undefined : { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
}

/** Items of a list of built-in kinds carry no kind upstream; whoever holds one alone needs it. */
function completeItems<T extends KubeObject>(list: KubeList<T>, type: ResourceType<T>, accept: string): KubeList<T> {
  list.items ??= [];
  if (accept !== 'application/json') return list;
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  for (const item of list.items) {
    item.apiVersion ??= apiVersion;
    item.kind ??= type.kind;
  }
  return list;
}
