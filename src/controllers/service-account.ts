import type { Namespace } from '../api/core/v1/types.generated.ts';
import { namespaces, serviceAccounts } from '../api/resource-types.ts';
import { createWorkQueue } from '../client/index.ts';
import { isAlreadyExists } from '../machinery/status-error.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { isNamespaceTerminating } from './pods/pod-control.ts';

const name = 'default';

/** A ServiceAccount `default` in every namespace. Inputs: Namespaces, ServiceAccounts of that name. */
export function serviceAccountController({ client, informers }: ControllerContext): Controller {
  const queue = createWorkQueue();
  const all = informers.informer(namespaces);
  const accounts = informers.informer(serviceAccounts, { fieldSelector: `metadata.name=${name}` });
  const add = (namespace: Namespace): void => queue.add(namespace.metadata.name);
  all.addHandler({ added: add, updated: (_old, namespace) => add(namespace) });
  accounts.addHandler({ deleted: ({ metadata }) => queue.add(metadata.namespace ?? '') });
  return {
    name: 'serviceaccount',
    queue,
    async reconcile(namespace) {
      const found = all.get(namespace);
      if (found === undefined || found.metadata.deletionTimestamp !== undefined) return undefined;
      if (accounts.get(`${namespace}/${name}`) !== undefined) return undefined;
      try {
        const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name } };
        await client.resource(serviceAccounts).create(account);
      } catch (error) {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      }
      return undefined;
    },
  };
}
