import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, createHttpsTransport, type Transport } from '../../src/client/index.ts';
import { startControllers } from '../../src/controllers/start.ts';
import { silentLogger } from '../../src/machinery/logger.ts';
import { writeKubeconfig } from '../../src/server/pki/kubeconfig.ts';
import { type RunningServer, startServer } from '../../src/server/server.ts';
import type { Store } from '../../src/store/contract.ts';
import { MemoryStore } from '../../src/store/memory/memory-store.ts';

/** An API server and the controllers in this process, reached over TLS like by anybody else. */
export interface ControlPlane {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly store: Store;
  /** The administrator's way in, without a client in between. */
  readonly transport: Transport;
  /** A file for kubectl, of the administrator. */
  readonly kubeconfig: string;
  /** Ends the server and brings it up again on the same port and store. */
  restartServer(): Promise<void>;
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  /** The server's clock. Default `Date.now`. */
  readonly now?: () => number;
}

export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'roadstead-integration-'));
  const store = new MemoryStore();
  const start = (port: number): Promise<RunningServer> =>
    startServer({
      ...options,
      dataDirectory,
      store,
      logger: silentLogger,
      port,
      address: '127.0.0.1',
      loadProse: async () => ({}),
    });
  let server = await start(0);
  const { port } = server;
  const { certificate: cert, key } = await server.pki.adminCredentials();
  const url = `https://127.0.0.1:${port}`;
  const openTransport = (): Transport => createHttpsTransport({ server: url, ca: server.caCertificate, cert, key });
  const connect = (userAgent: string): Client => createClient(openTransport(), { userAgent });
  const kubeconfig = join(dataDirectory, 'kubeconfig');
  await writeKubeconfig(kubeconfig, {
    server: url,
    caCertificate: server.caCertificate,
    cluster: 'integration',
    credentials: await server.pki.adminCredentials(),
    user: 'kubernetes-admin',
  });
  const ending = new AbortController();
  const controllersClient = connect('controllers');
  const controllers = startControllers({
    client: controllersClient,
    logger: silentLogger,
    signal: ending.signal,
    options: { clusterCidr: '10.244.0.0/16', rootCa: server.caCertificate },
  });
  const client = connect('test');
  const transport = openTransport();
  return {
    client,
    store,
    transport,
    kubeconfig,
    signal: ending.signal,
    async restartServer() {
      await server.close();
      server = await start(port);
    },
    async close() {
      ending.abort();
      await controllers;
      await client.close();
      await transport.close();
      await controllersClient.close();
      await server.close();
      await store.close();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

/** Waits until `check` is true; what it throws counts as not yet, and is shown when it never comes. */
export async function eventually(what: string, check: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const until = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < until) {
    try {
      if (await check()) return;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${what} did not happen${last === undefined ? '' : `: ${String(last)}`}`);
}
