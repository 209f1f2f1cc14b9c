import type { ResourceDefinition, SubresourceDefinition, Verb } from '../api/resource.ts';
import type { Logger } from '../machinery/logger.ts';
import { apiError, methodNotSupported } from '../machinery/status-error.ts';
import type { Store } from '../store/contract.ts';
import type { AdmissionChain, Api, CustomHandler } from './contract.ts';
import { StoredObjects } from './registry/object-access.ts';
import { Registry } from './registry/registry.ts';
import type { ResourceHooks } from './registry/resource-hooks.ts';
import { isStored, ServedRows } from './registry/row-catalog.ts';
import type { Handler, RequestContext } from './request.ts';
import { create } from './verbs/create.ts';
import { deleteOne } from './verbs/delete.ts';
import { deleteCollection } from './verbs/delete-collection.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';
import { CacheHub } from './watch-cache/cache-hub.ts';

export interface ApiOptions {
  readonly store: Store;
  readonly rows: readonly ResourceDefinition[];
  readonly admission: AdmissionChain;
  readonly logger: Logger;
  /** Addresses of Services. Default `10.96.0.0/12`. */
  readonly serviceCidr?: string;
  /** First and last port, inclusive. Default 30000 to 32767. */
  readonly nodePortRange?: { readonly from: number; readonly to: number };
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: () => number;
}

type VerbHandler = (context: RequestContext, row: ResourceDefinition, registry: Registry) => Promise<void>;

const verbs: Readonly<Record<Verb, VerbHandler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** Loads the caches from the store and serves the rows. Resolves when requests can be answered. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { store, logger, admission, clock = Date.now } = options;
  const hub = new CacheHub(store, logger);
  const rows = new ServedRows(options.rows, hub);
  await hub.start(options.rows.filter(isStored));
  const hooks = new Map<string, ResourceHooks>();
  const registry = new Registry({ store, hub, admission, clock, hooks });
  const custom = new Map<string, CustomHandler>();
  let ready = true;

  const serve: Api['serve'] = ({ group, resource, subresource }, handler) => {
    const id = `${group}/${resource}/${subresource}`;
    if (custom.has(id)) throw new Error(`${id} is served already`);
    custom.set(id, handler);
  };

  const handle: Handler = async (context) => {
    const { info } = context;
    const row = rows.find(info.apiGroup, info.apiVersion, info.resource);
    if (row === undefined) throw pathNotFound();
    const handler = custom.get(`${row.group}/${row.resource}/${info.subresource}`);
    if (handler !== undefined) {
      await handler(context, row);
      return;
    }
    if (info.subresource !== '') await handleSubresource(context, row, registry);
    else {
      const verb = row.verbs.find((candidate) => candidate === info.verb);
      if (verb === undefined || row.virtual === true) throw methodNotSupported(row, info.verb);
      await verbs[verb](context, row, registry);
    }
  };

  return {
    handle,
    rows,
    objects: new StoredObjects(registry),
    serve,
    get ready() {
      return ready;
    },
    async close() {
      ready = false;
      await hub.close();
    },
  };
}

async function handleSubresource(context: RequestContext, row: ResourceDefinition, registry: Registry): Promise<void> {
  const { info } = context;
  const found = row.subresources.find((candidate) => candidate.name === info.subresource);
  if (found === undefined || found.serve === 'custom') throw pathNotFound();
  const verb = found.verbs.find((candidate) => candidate === info.verb);
  if (verb === undefined) throw methodNotSupported(row, info.verb);
  await serveStatus(context, row, registry, found);
}

async function serveStatus(
  context: RequestContext,
  row: ResourceDefinition,
  registry: Registry,
  subresource: SubresourceDefinition,
): Promise<void> {
  if (context.info.verb === 'get') await get(context, row, registry);
  else if (context.info.verb === 'update') await update(context, row, registry, subresource);
  else await patch(context, row, registry, subresource);
}

function pathNotFound(): Error {
  return apiError(404, 'NotFound', 'the server could not find the requested resource');
}
