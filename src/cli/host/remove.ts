import { setTimeout as delay } from 'node:timers/promises';
import { hosts, leaveFinalizer } from '../../api/fleet/v1/host.ts';
import { nodes } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { connect } from '../connect.ts';
import { kubeconfigOf, type TargetOptions } from '../target.ts';
import { UserError } from '../user-error.ts';

const leavePatienceMs = 90_000;
const pollMs = 500;

export interface RemoveOptions extends TargetOptions {
  /** Do not wait for the host to clean up after itself. */
  readonly force?: boolean;
}

/** `roadstead host remove NAME`: has the host leave, and takes its objects away. */
export async function removeHost(name: string, options: RemoveOptions): Promise<void> {
  const client = await connect(kubeconfigOf(options));
  const resource = client.resource(hosts);
  try {
    await resource.delete({ name });
    if (options.force === true) await letGo(client, name);
    for (const deadline = Date.now() + leavePatienceMs; Date.now() < deadline; await delay(pollMs)) {
      if (await isGone(client, name)) {
        console.log(`Host ${name} is removed`);
        return;
      }
    }
    throw new UserError(`Host ${name} has not left yet; "--force" removes its objects without waiting for it`);
  } catch (error) {
    if (isNotFound(error)) throw new UserError(`There is no host "${name}"; "kubectl get hosts" shows those there are`);
    throw error;
  } finally {
    await client.close();
  }
}

async function letGo(client: Client, name: string): Promise<void> {
  const { finalizers = [] } = (await client.resource(hosts).get({ name })).metadata;
  const kept = finalizers.filter((finalizer) => finalizer !== leaveFinalizer);
  await client.resource(hosts).patch({ name }, { type: 'merge', body: { metadata: { finalizers: kept } } });
  await client.resource(nodes).delete({ name });
}

async function isGone(client: Client, name: string): Promise<boolean> {
  try {
    await client.resource(hosts).get({ name });
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}
