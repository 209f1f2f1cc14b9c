import {
  type FleetCommand,
  type FleetCommandStatus,
  fleetCommands,
  type HostResult,
} from '../../../api/fleet/v1/command.ts';
import { hosts } from '../../../api/fleet/v1/host.ts';
import { type HostTask, hostTasks } from '../../../api/fleet/v1/host-task.ts';
import { type Client, createWorkQueue } from '../../../client/index.ts';
import { equal } from '../../../machinery/json.ts';
import { objectKey } from '../../../machinery/meta.ts';
import { isAlreadyExists, isNotFound } from '../../../machinery/status-error.ts';
import { rfc3339 } from '../../../machinery/time.ts';
import type { Operator, OperatorContext } from '../../operator.ts';
import { isOwnedBy, ownerOfTask, taskFor } from '../owned-tasks.ts';
import { planCommand } from './command-plan.ts';
import { selectHosts } from './select-hosts.ts';

/** Tasks made or cancelled at a time. */
const writesAtATime = 32;

/** Runs commands on their hosts. Inputs: Commands, Hosts, HostTasks. Outputs: HostTasks, Command status. */
export function commandController({ client, informers, now }: OperatorContext): Operator {
  const queue = createWorkQueue();
  const informer = informers.informer(fleetCommands);
  const hostInformer = informers.informer(hosts);
  const tasks = informers.informer(hostTasks);
  informer.addHandler({
    added: (command) => queue.add(objectKey(command)),
    updated: (_old, command) => queue.add(objectKey(command)),
  });
  const addOwner = (task: HostTask): void => {
    const owner = ownerOfTask(task, fleetCommands.kind);
    if (owner !== undefined) queue.add(owner);
  };
  tasks.addHandler({ added: addOwner, updated: (_old, task) => addOwner(task), deleted: addOwner });
  return {
    name: 'command',
    queue,
    async reconcile(key) {
      const command = informer.get(key);
      if (command === undefined || command.metadata.deletionTimestamp !== undefined) return undefined;
      const known = command.status?.results === undefined ? select(command, hostInformer.list(), now()) : undefined;
      if (known !== undefined) {
        // Which hosts it is, is decided once; the write brings the command back here.
        await writeStatus(client, command, known);
        return undefined;
      }
      const namespace = command.metadata.namespace ?? '';
      const taskOf = (name: string): HostTask | undefined => {
        const task = tasks.get(`${namespace}/${name}`);
        return task !== undefined && isOwnedBy(task, command) ? task : undefined;
      };
      // What was listed only, or selects nobody, has been answered for good.
      if (command.spec.dryRun === true || command.status?.results?.length === 0) return undefined;
      const { begin, cancel, status } = planCommand(command, taskOf, now());
      await eachOf(begin, (result) => createTask(client, command, result));
      await eachOf(cancel, (name) => cancelTask(client, { namespace, name }));
      if (!equal(status, command.status)) await writeStatus(client, command, status);
      return undefined;
    },
  };
}

function select(command: FleetCommand, there: Parameters<typeof selectHosts>[0], now: number): FleetCommandStatus {
  const ended = { completionTime: rfc3339(now), results: [], total: 0 };
  let names: string[];
  try {
    names = selectHosts(there, command.spec.hosts);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...ended, phase: 'Failed', message: `The selector cannot be read: ${why}` };
  }
  if (names.length === 0) return { ...ended, phase: 'Failed', message: 'No host is selected' };
  const results = names.map((host): HostResult => ({ host, phase: 'Pending', attempt: 1 }));
  if (command.spec.dryRun === true) {
    return { ...ended, results, total: names.length, phase: 'Succeeded', message: 'These hosts would be chosen' };
  }
  return { phase: 'Running', total: names.length, results };
}

async function eachOf<T>(items: readonly T[], apply: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += writesAtATime) {
    await Promise.all(items.slice(from, from + writesAtATime).map(apply));
  }
}

/** The name says command, host and attempt, so that nothing is begun twice. */
async function createTask(client: Client, command: FleetCommand, { host, task = '' }: HostResult): Promise<void> {
  const { timeoutSeconds, script, readOnly } = command.spec;
  const object = taskFor(command, task, {
    host,
    steps: [{ name: 'command', script, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) }],
    ...(readOnly === undefined ? {} : { readOnly }),
  });
  try {
    await client.resource(hostTasks).create(object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function cancelTask(client: Client, ref: { namespace: string; name: string }): Promise<void> {
  try {
    await client.resource(hostTasks).patch(ref, { type: 'merge', body: { spec: { cancel: true } } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function writeStatus(client: Client, command: FleetCommand, status: FleetCommandStatus): Promise<void> {
  try {
    await client.resource(fleetCommands).updateStatus({ ...command, status });
  } catch (error) {
    // Gone meanwhile: nobody is left to tell.
    if (!isNotFound(error)) throw error;
  }
}
