import type { ConfigMap, Namespace } from '../api/core/v1/types.generated.ts';
import { configMaps, namespaces } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { equal } from '../machinery/json.ts';
import { isAlreadyExists, isNotFound } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';

const name = 'kube-root-ca.crt';

/** The cluster's certificate authority in every namespace, for pods to mount. Inputs: Namespaces, those ConfigMaps. */
export function rootCaController({ client, informers }: ControllerContext, rootCa: string): Controller {
  const queue = createWorkQueue();
  const all = informers.informer(namespaces);
  const published = informers.informer(configMaps, { fieldSelector: `metadata.name=${name}` });
  const add = (namespace: Namespace): void => queue.add(namespace.metadata.name);
  const addOf = ({ metadata }: ConfigMap): void => queue.add(metadata.namespace ?? '');
  all.addHandler({ added: add, updated: (_old, namespace) => add(namespace) });
  published.addHandler({ updated: (_old, map) => addOf(map), deleted: addOf });
  const data = { 'ca.crt': rootCa };
  const write = async (namespace: string, present: ConfigMap | undefined): Promise<void> => {
    if (present === undefined) {
      await client
        .resource(configMaps)
        .create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data });
    } else if (!equal(present.data, data)) await client.resource(configMaps).update({ ...present, data });
  };
  return {
    name: 'root-ca',
    queue,
    async reconcile(namespace) {
      const found = all.get(namespace);
      if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
      try {
        await write(namespace, published.get(`${namespace}/${name}`));
      } catch (error) {
        // There already, or gone again, before the cache knew: its event brings us back.
        if (!isAlreadyExists(error) && !isNotFound(error) && !isNamespaceTerminating(error)) throw error;
      }
      return undefined;
    },
  };
}
