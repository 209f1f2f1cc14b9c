import { once } from 'node:events';
import { hostTasks, isFinished } from '../../api/fleet/v1/host-task.ts';
import type { Client } from '../../client/contract.ts';
import { sleep } from '../../client/delay.ts';
import { connectFleet, type FleetOptions, taskLog } from '../fleet-client.ts';

export interface TaskLogsOptions extends FleetOptions {
  readonly follow?: boolean;
  readonly step?: string;
}

const pollMs = 200;

/** `roadstead task logs NAME`. */
export async function taskLogs(name: string, options: TaskLogsOptions): Promise<void> {
  const client = await connectFleet(options);
  const { namespace, follow, step } = options;
  if (follow === true) await begun(client, namespace, name);
  const of = { namespace, name, ...(follow === true ? { follow } : {}), ...(step === undefined ? {} : { step }) };
  const { body } = await taskLog(client, of);
  for await (const chunk of body) if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
  await client.close();
}

/** A task that waits for its turn has no log yet. */
async function begun(client: Client, namespace: string, name: string): Promise<void> {
  for (;;) {
    const { status } = await client.resource(hostTasks).get({ namespace, name });
    if (status?.phase === 'Running' || isFinished(status?.phase)) return;
    await sleep(pollMs);
  }
}
