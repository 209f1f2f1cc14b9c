import type { Client } from '../client/contract.ts';
import { createHttpsTransport, type HttpsTransport } from '../client/https-transport.ts';
import { type Connection, loadKubeconfig } from '../client/kubeconfig.ts';
import { createClient } from '../client/rest-client.ts';
import { UserError } from './user-error.ts';
import { programVersion } from './version.ts';

/** A client for what a kubeconfig file names, under the name of the part that asks. */
export async function connect(kubeconfig: string, part = 'roadstead'): Promise<Client> {
  const transport = transportOf(kubeconfig, await load(kubeconfig));
  return createClient(transport, { userAgent: `${part}/${programVersion}` });
}

/** A client whose certificate can be replaced while it runs. */
export interface RenewableClient {
  readonly client: Client;
  /** PEM; absent where the kubeconfig has another way to say who we are. */
  readonly certificate: string | undefined;
  useCertificate(certificate: string, key: string): void;
}

export async function connectRenewable(kubeconfig: string, part: string): Promise<RenewableClient> {
  const connection = await load(kubeconfig);
  const transport = transportOf(kubeconfig, connection);
  return {
    client: createClient(transport, { userAgent: `${part}/${programVersion}` }),
    certificate: connection.cert,
    useCertificate: (certificate, key) => transport.useCertificate(certificate, key),
  };
}

async function load(kubeconfig: string): Promise<Connection> {
  try {
    return await loadKubeconfig({ path: kubeconfig });
  } catch (error) {
    throw new UserError(unusable(kubeconfig), { cause: error });
  }
}

function transportOf(kubeconfig: string, connection: Connection): HttpsTransport {
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
