import { timingSafeEqual } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, renameSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { isSea } from 'node:sea';
import { setTimeout as delay } from 'node:timers/promises';
import { requestCertificate } from '../../agent/node/node-certificate.ts';
import { hosts } from '../../api/fleet/v1/host.ts';
import { nodes } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { createClient } from '../../client/rest-client.ts';
import { isApiError } from '../../machinery/status-error.ts';
import { writeKubeconfig } from '../../server/pki/kubeconfig.ts';
import { connect } from '../connect.ts';
import { type DataDirectory, dataDirectory, makeDataDirectory } from '../data-directory.ts';
import { type JoinRecord, joinRecord, writeJoinRecord } from '../host/join-record.ts';
import { serviceKind, startService } from '../host/service.ts';
import { authorityHash } from '../token/create.ts';
import { UserError } from '../user-error.ts';
import { programVersion } from '../version.ts';
import { isRunning } from './daemon-process.ts';
import { ensureDockerEngine, extendPath, findExecutable } from './docker-engine.ts';
import { buildImages } from './images.ts';
import { lastError } from './log-file.ts';

const installedProgram = '/usr/local/bin/roadstead';
const certificatePatienceMs = 60_000;
const readyPatienceMs = 90_000;
const pollMs = 250;

export interface JoinOptions {
  readonly dataDir: string;
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  /** Needed the first time only. */
  readonly token?: string;
  /** `sha256:` and the digest of the authority's public key. */
  readonly caHash: string;
  readonly nodeName?: string;
  /** Comma-separated. */
  readonly roles: string;
  readonly dockerSocket: string;
}

interface ClusterNetwork {
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
}

/** `roadstead join`: makes this machine a host of the cluster; once more, it upgrades the program and the settings. */
export async function join(options: JoinOptions): Promise<void> {
  const server = checkedUrl(options.server);
  const roles = options.roles.split(',').filter((role) => role !== '');
  const nodeName = (options.nodeName ?? hostname()).toLowerCase();
  const files = dataDirectory(options.dataDir);
  if (process.getuid?.() !== 0) throw new UserError('Joining needs root; run this as root');
  if (existsSync(files.store))
    throw new UserError(`A server's state lies in ${files.root}; a host needs a directory of its own: --data-dir`);
  extendPath();
  const before = joinRecord(files);
  if (before !== undefined && before.nodeName !== nodeName)
    throw new UserError(`This machine has joined as "${before.nodeName}"; run "roadstead host leave" first`);
  const authority = await fetchAuthority(server, options.caHash);
  const network = await fetchNetwork(server, authority);
  if (roles.includes('node')) await prepareNode(files, options.dockerSocket);
  makeDataDirectory(files);
  await ensureIdentity({ files, server, authority, nodeName, token: options.token });
  const installed = installProgram(files);
  const record: JoinRecord = { server, nodeName, roles, service: serviceKind() };
  writeJoinRecord(files, installed === undefined ? record : { ...record, installed });
  await startService(files, installed, agentFlags(files, record, { network, dockerSocket: options.dockerSocket }));
  console.log(`The agent is started${record.service === 'systemd' ? ' (roadstead-agent.service)' : ''}`);
  await waitUntilReady(files, record);
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') throw new UserError(`"${text}" is not a server; write it as https://10.0.0.1:6443`);
  return url.origin;
}

/** Believed for its digest alone, which the line that started this carries. */
async function fetchAuthority(server: string, caHash: string): Promise<string> {
  if (!/^sha256:[0-9a-f]{64}$/.test(caHash))
    throw new UserError(`"${caHash}" is not the digest of an authority; write sha256: and 64 hexadecimal digits`);
  const pem = await read(server, { insecureSkipTlsVerify: true }, '/join/ca.crt');
  const found = authorityHash(pem);
  if (found.length !== caHash.length || !timingSafeEqual(Buffer.from(found), Buffer.from(caHash)))
    throw new UserError(`The authority of ${server} is not the one that the token came with; nothing was installed`);
  return pem;
}

async function fetchNetwork(server: string, ca: string): Promise<ClusterNetwork> {
  return JSON.parse(await read(server, { ca }, '/join/network.json')) as ClusterNetwork;
}

async function read(server: string, how: { ca?: string; insecureSkipTlsVerify?: boolean }, file: string) {
  const client = createClient(createHttpsTransport({ server, ...how }), { userAgent: userAgent() });
  try {
    const { body } = await client.request({ method: 'GET', path: file });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } catch (error) {
    throw new UserError(`${server}${file} could not be read`, { cause: error });
  } finally {
    await client.close();
  }
}

function userAgent(): string {
  return `roadstead-join/${programVersion}`;
}

async function prepareNode(files: DataDirectory, dockerSocket: string): Promise<void> {
  const logDirectory = files.logs;
  const engine = await ensureDockerEngine({ socketPath: dockerSocket, logDirectory, say: console.log });
  for (const tool of ['nft', 'ip']) {
    if (findExecutable(tool) === undefined)
      throw new UserError(`"${tool}" is not installed; install nftables and iproute2 and try again`);
  }
  await buildImages({ dockerSocket, pauseOnly: true, say: () => undefined });
  console.log(`Docker Engine ${engine} answers`);
}

interface Identity {
  readonly files: DataDirectory;
  readonly server: string;
  readonly authority: string;
  readonly nodeName: string;
  readonly token: string | undefined;
}

/** The one this machine has, while the server believes it; else a new one by the token. */
async function ensureIdentity({ files, server, authority, nodeName, token }: Identity): Promise<void> {
  if (existsSync(files.agentKubeconfig) && (await isBelieved(files.agentKubeconfig, nodeName))) {
    console.log(`This machine is known as ${nodeName}; its certificate stays`);
    return;
  }
  if (token === undefined)
    throw new UserError('A machine that joins needs a token: --token; "roadstead token create" makes one');
  const transport = createHttpsTransport({ server, ca: authority, token });
  const client = createClient(transport, { userAgent: userAgent() });
  try {
    const signal = AbortSignal.timeout(certificatePatienceMs);
    const credentials = await requestCertificate({ client, nodeName, now: Date.now, signal });
    const user = `system:node:${nodeName}`;
    const parts = { server, caCertificate: authority, credentials, cluster: 'roadstead', user };
    await writeKubeconfig(files.agentKubeconfig, parts);
    console.log(`The server has given this machine a certificate as ${nodeName}`);
  } catch (error) {
    throw new UserError(identityProblem(error), { cause: error });
  } finally {
    await client.close();
  }
}

function identityProblem(error: unknown): string {
  if (isApiError(error) && error.code === 401)
    return 'The server does not know the token: it is wrong, revoked, or has expired';
  return isApiError(error) ? 'The server refuses the token' : 'The server gave no certificate';
}

async function isBelieved(kubeconfig: string, nodeName: string): Promise<boolean> {
  const client = await connect(kubeconfig, 'roadstead-join');
  try {
    await client.resource(hosts).get({ name: nodeName });
    return true;
  } catch {
    // Another server, an ended certificate, a host that was removed: whatever it is, only a new certificate mends it.
    return false;
  } finally {
    await client.close();
  }
}

/** Puts this executable in its place; undefined where the program is an installation of its own. */
function installProgram(files: DataDirectory): string | undefined {
  if (!isSea()) return undefined;
  if (realpathSync(process.execPath) === installedProgram) return joinRecord(files)?.installed ?? installedProgram;
  mkdirSync(path.dirname(installedProgram), { recursive: true });
  // Replaced whole: the one before may be running.
  copyFileSync(process.execPath, `${installedProgram}.new`);
  chmodSync(`${installedProgram}.new`, 0o755);
  renameSync(`${installedProgram}.new`, installedProgram);
  return installedProgram;
}

function agentFlags(
  files: DataDirectory,
  { nodeName, roles }: JoinRecord,
  { network, dockerSocket }: { network: ClusterNetwork; dockerSocket: string },
): string[] {
  return [
    ...['--data-dir', files.root, '--node-name', nodeName, '--roles', roles.join(','), '--docker-socket', dockerSocket],
    ...['--cluster-cidr', network.clusterCidr, '--service-cidr', network.serviceCidr],
    ...['--cluster-dns', network.clusterDns, '--cluster-domain', network.clusterDomain],
  ];
}

async function waitUntilReady(files: DataDirectory, { nodeName, roles, service }: JoinRecord): Promise<void> {
  const client = await connect(files.agentKubeconfig, 'roadstead-join');
  const since = Date.now();
  try {
    while (Date.now() - since < readyPatienceMs) {
      if (await isReady(client, nodeName, { isNode: roles.includes('node'), since })) {
        console.log(`Host ${nodeName} is Ready${roles.includes('node') ? ', and so is its Node' : ''}`);
        return;
      }
      if (service === 'supervisor' && !isRunning(files.pidFile('supervisor'))) break;
      await delay(pollMs);
    }
  } finally {
    await client.close();
  }
  const log = service === 'systemd' ? '"journalctl -u roadstead-agent"' : files.logFile('agent');
  const said = service === 'systemd' ? undefined : lastError(files.logFile('agent'));
  throw new UserError(`The host did not get Ready in time${said === undefined ? '' : `: ${said}`}; see ${log}`);
}

async function isReady(client: Client, name: string, { isNode, since }: { isNode: boolean; since: number }) {
  try {
    const { status } = await client.resource(hosts).get({ name });
    // Of an upgrade: what the agent before said does not count. Its times are in whole seconds.
    if (status?.phase !== 'Ready' || Date.parse(status.lastSeen ?? '') < since - 1000) return false;
    if (!isNode) return true;
    const node = await client.resource(nodes).get({ name });
    return node.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  } catch (error) {
    if (isApiError(error) && (error.code === 404 || error.code >= 500)) return false;
    throw error;
  }
}
