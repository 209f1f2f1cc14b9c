import type { Client, Transport } from '../client/contract.ts';
import { createHttpsTransport } from '../client/https-transport.ts';
import { type Connection, loadKubeconfig } from '../client/kubeconfig.ts';
import { createClient } from '../client/rest-client.ts';
import { UserError } from './user-error.ts';
import { programVersion } from './version.ts';

/** A client for what a kubeconfig file names, under the name of the part that asks. */
export async function connect(kubeconfig: string, part = 'roadstead'): Promise<Client> {
  const transport = transportOf(kubeconfig, await load(kubeconfig));
  return createClient(transport, { userAgent: `${part}/${programVersion}` });
}

async function load(kubeconfig: string): Promise<Connection> {
  try {
    return await loadKubeconfig({ path: kubeconfig });
  } catch (error) {
    throw new UserError(unusable(kubeconfig), { cause: error });
  }
}

function transportOf(kubeconfig: string, connection: Connection): Transport {
  try {
    return createHttpsTransport(connection);
  } catch (error) {
    // Certificates and keys are parsed here.
    throw new UserError(unusable(kubeconfig), { cause: error });
  }
}

function unusable(kubeconfig: string): string {
  return `Cannot use the kubeconfig ${kubeconfig}; name another with --kubeconfig, or let the server write it anew`;
}
