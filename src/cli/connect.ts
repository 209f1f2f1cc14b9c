import type { Client } from '../client/contract.ts';
import { createHttpsTransport } from '../client/https-transport.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { createClient } from '../client/rest-client.ts';
import { programVersion } from './version.ts';

/** A client for what a kubeconfig file names, under the name of the part that asks. */
export async function connect(kubeconfig: string, part = 'roadstead'): Promise<Client> {
  const connection = await loadKubeconfig({ path: kubeconfig });
  return createClient(createHttpsTransport(connection), { userAgent: `${part}/${programVersion}` });
}
