import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { TransportOptions } from './transport-options.ts';

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface Connection extends TransportOptions {
  /** The namespace that requests mean when they name none. */
  readonly namespace: string;
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
  clusters?: { name: string; cluster: ClusterEntry }[];
  users?: { name: string; user: UserEntry }[];
}

interface ClusterEntry {
  server: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'tls-server-name'?: string;
  'insecure-skip-tls-verify'?: boolean;
}

interface UserEntry {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  exec?: unknown;
  'auth-provider'?: unknown;
}

/**
 * The connection that kubectl would use: the file named, else those in $KUBECONFIG, else `~/.kube/config`; a pod's own
 * service account when there is no file at all.
 */
export async function loadKubeconfig(options: { path?: string; context?: string } = {}): Promise<Connection> {
  const paths = options.path === undefined ? defaultPaths() : [options.path];
  for (const path of paths) {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && options.path === undefined) continue;
      throw new Error(`Cannot read the kubeconfig "${path}"`, { cause: error });
    }
    return parseKubeconfig(text, path, options.context);
  }
  if (process.env['KUBERNETES_SERVICE_HOST'] !== undefined) return inClusterConnection();
  throw new Error(`No kubeconfig was found at ${paths.join(', ')}`);
}

/** The service account that a pod's containers are given. */
export async function inClusterConnection(): Promise<Connection> {
  const host = process.env['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = process.env['KUBERNETES_SERVICE_PORT'] ?? '443';
  const read = (name: string): Promise<string> => readFile(join(serviceAccountDirectory, name), 'utf8');
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: await read('ca.crt'),
    tokenFile: join(serviceAccountDirectory, 'token'),
    namespace: (await read('namespace').catch(() => 'default')).trim(),
  };
}

function defaultPaths(): string[] {
  const fromEnvironment = (process.env['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '');
  return fromEnvironment.length > 0 ? fromEnvironment : [join(homedir(), '.kube', 'config')];
}

async function parseKubeconfig(text: string, path: string, wanted: string | undefined): Promise<Connection> {
  // Loaded here: a process that gets its connection otherwise never pays for the parser.
  const { parse } = await import('yaml');
  const config = parse(text) as Kubeconfig | null;
  const contextName = wanted ?? config?.['current-context'] ?? '';
  const context = config?.contexts?.find(({ name }) => name === contextName)?.context;
  if (context === undefined) throw new Error(`The kubeconfig "${path}" has no context "${contextName}"`);
  const cluster = config?.clusters?.find(({ name }) => name === context.cluster)?.cluster;
  if (cluster === undefined) throw new Error(`The kubeconfig "${path}" has no cluster "${context.cluster}"`);
  const user = config?.users?.find(({ name }) => name === context.user)?.user ?? {};
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    throw new Error(`The user "${context.user}" of "${path}" needs a credential plugin, which is not supported`);
  }
  const base = dirname(resolve(path));
  const pem = (data: string | undefined, file: string | undefined): Promise<string | undefined> =>
    pemOf(base, data, file);
  const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const cert = await pem(user['client-certificate-data'], user['client-certificate']);
  const key = await pem(user['client-key-data'], user['client-key']);
  return {
    server: cluster.server,
    namespace: context.namespace ?? 'default',
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(user.token === undefined ? {} : { token: user.token }),
    ...(user.tokenFile === undefined ? {} : { tokenFile: resolve(base, user.tokenFile) }),
    ...(cluster['tls-server-name'] === undefined ? {} : { serverName: cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipTlsVerify: true } : {}),
  };
}

async function pemOf(base: string, data: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  return file === undefined ? undefined : readFile(resolve(base, file), 'utf8');
}
