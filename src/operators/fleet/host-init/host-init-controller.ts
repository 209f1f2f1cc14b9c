import { hosts } from '../../../api/fleet/v1/host.ts';
import { hostInits } from '../../../api/fleet/v1/host-init.ts';
import { type HostTask, hostTasks } from '../../../api/fleet/v1/host-task.ts';
import { createWorkQueue, TerminalError } from '../../../client/index.ts';
import { equal } from '../../../machinery/json.ts';
import { objectKey } from '../../../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../../../machinery/status-error.ts';
import type { Operator, OperatorContext } from '../../operator.ts';
import { selectHosts } from '../command/select-hosts.ts';
import { isOwnedBy, ownerOfTask, taskFor } from '../owned-tasks.ts';
import { planHostInit } from './host-init-plan.ts';

/** Runs init scripts on hosts that have not run them. Inputs: HostInits, Hosts, HostTasks. Outputs: HostTasks, status. */
export function hostInitController({ client, informers }: OperatorContext): Operator {
  const queue = createWorkQueue();
  const informer = informers.informer(hostInits);
  const hostInformer = informers.informer(hosts);
  const tasks = informers.informer(hostTasks);
  informer.addHandler({
    added: (init) => queue.add(objectKey(init)),
    updated: (_old, init) => queue.add(objectKey(init)),
  });
  const addAll = (): void => {
    for (const init of informer.list()) queue.add(objectKey(init));
  };
  hostInformer.addHandler({
    added: addAll,
    updated(old, host) {
      // Hosts report every few seconds, and only this decides who is selected.
      if (!equal(old.metadata.labels, host.metadata.labels) || !equal(old.spec, host.spec)) addAll();
    },
  });
  const addOwner = (task: HostTask): void => {
    const owner = ownerOfTask(task, hostInits.kind);
    if (owner !== undefined) queue.add(owner);
  };
  tasks.addHandler({ added: addOwner, updated: (_old, task) => addOwner(task) });
  return {
    name: 'host-init',
    queue,
    async reconcile(key) {
      const init = informer.get(key);
      if (init === undefined || init.metadata.deletionTimestamp !== undefined) return undefined;
      const namespace = init.metadata.namespace ?? '';
      const taskOf = (name: string): HostTask | undefined => {
        const task = tasks.get(`${namespace}/${name}`);
        return task !== undefined && isOwnedBy(task, init) ? task : undefined;
      };
      const { begin, status } = planHostInit(init, select(hostInformer.list(), init.spec.hosts), taskOf);
      for (const { record, steps } of begin) {
        try {
          await client.resource(hostTasks).create(taskFor(init, record.task, { host: record.host, steps }));
        } catch (error) {
          if (!isAlreadyExists(error)) throw error;
        }
      }
      if (equal(status, init.status)) return undefined;
      try {
        await client.resource(hostInits).updateStatus({ ...init, status });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return undefined;
    },
  };
}

function select(...of: Parameters<typeof selectHosts>): string[] {
  try {
    return selectHosts(...of);
  } catch (cause) {
    throw new TerminalError('Cannot read the selector', { cause });
  }
}
