import type { Namespace } from '../../api/core/v1/types.generated.ts';
import { namespaces, pods } from '../../api/resource-types.ts';
import { createWorkQueue } from '../../client/index.ts';
import { equal } from '../../machinery/json.ts';
import { formatGroupResource } from '../../machinery/meta.ts';
import { isConflict, isNotFound } from '../../machinery/status-error.ts';
import { type ApiResource, discoverResources } from '../api-resources.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { messageOf } from '../pods/pod-control.ts';
import { type DeletionOutcome, deletionConditions } from './namespace-conditions.ts';
import { deleteContent, type Remaining } from './namespace-content.ts';

const finalizer = 'kubernetes';
/** Content that waits for others (finalizers, pods that stop) is looked at again this often. */
const recheckMs = 1_000;

/** Empties namespaces that are being deleted, then lets them go. Inputs: Namespaces, discovery. */
export function namespaceController(context: ControllerContext): Controller {
  const queue = createWorkQueue();
  const informer = context.informers.informer(namespaces);
  const add = (namespace: Namespace): void => {
    if (namespace.metadata.deletionTimestamp !== undefined) queue.add(namespace.metadata.name);
  };
  informer.addHandler({ added: add, updated: (_old, namespace) => add(namespace) });
  context.informers.informer(pods).addHandler({
    deleted: ({ metadata }) => {
      const namespace = informer.get(metadata.namespace ?? '');
      if (namespace !== undefined) add(namespace);
    },
  });
  return {
    name: 'namespace',
    queue,
    workers: 4,
    async reconcile(name) {
      const namespace = informer.get(name);
      if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
      if (!(namespace.spec?.finalizers ?? []).includes(finalizer)) return undefined;
      const outcome = await empty(context, name);
      await writeConditions(context, name, outcome);
      if (isEmpty(outcome)) {
        await finalize(context, name);
        return undefined;
      }
      return { requeueAfterMs: recheckMs };
    },
  };
}

async function empty({ client, signal }: ControllerContext, namespace: string): Promise<DeletionOutcome> {
  const { resources, failures } = await discoverResources(client, signal);
  const discoveryFailures = failures.map(({ groupVersion, error }) => `${groupVersion}: ${messageOf(error)}`);
  const deletable = resources.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes('delete') && verbs.includes('list'),
  );
  const isPods = ({ group, resource }: ApiResource): boolean => group === '' && resource === 'pods';
  const deletionFailures: string[] = [];
  const remaining: Remaining[] = [];
  const remove = async (resource: ApiResource): Promise<void> => {
    try {
      remaining.push(await deleteContent(client, resource, namespace));
    } catch (error) {
      // Served no longer: nothing of it can remain.
      if (!isNotFound(error)) deletionFailures.push(`${formatGroupResource(resource)}: ${messageOf(error)}`);
    }
  };
  // Pods go first, while the policies, secrets and quotas that bound them still stand.
  await Promise.all(deletable.filter(isPods).map(remove));
  if (deletionFailures.length === 0 && remaining.every(({ count }) => count === 0)) {
    await Promise.all(deletable.filter((resource) => !isPods(resource)).map(remove));
  }
  return { discoveryFailures, deletionFailures, remaining };
}

function isEmpty({ discoveryFailures, deletionFailures, remaining }: DeletionOutcome): boolean {
  return discoveryFailures.length === 0 && deletionFailures.length === 0 && remaining.every(({ count }) => count === 0);
}

async function writeConditions({ client }: ControllerContext, name: string, outcome: DeletionOutcome): Promise<void> {
  const typed = client.resource(namespaces);
  try {
    const namespace = await typed.get({ name });
    const conditions = deletionConditions(namespace.status?.conditions ?? [], outcome, Date.now());
    if (equal(conditions, namespace.status?.conditions)) return;
    await typed.updateStatus({ ...namespace, status: { ...namespace.status, conditions } });
  } catch (error) {
    // What could not be said now is said the next time round; deletion does not wait for it.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}

async function finalize({ client }: ControllerContext, name: string): Promise<void> {
  const typed = client.resource(namespaces);
  try {
    const namespace = await typed.get({ name });
    const finalizers = (namespace.spec?.finalizers ?? []).filter((entry) => entry !== finalizer);
    const body = { ...namespace, spec: { ...namespace.spec, finalizers } };
    await typed.updateSubresource({ name }, 'finalize', body);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
