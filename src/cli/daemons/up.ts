import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import type { Deployment } from '../../api/apps/v1/types.generated.ts';
import type { Node, Service } from '../../api/core/v1/types.generated.ts';
import { deployments, nodes, services } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { connect } from '../connect.ts';
import { type DataDirectory, dataDirectory, makeDataDirectory } from '../data-directory.ts';
import { installationRoot } from '../installation.ts';
import { resourceTypeOf } from '../manifest.ts';
import { UserError } from '../user-error.ts';
import { proportionalBytes, residentBytes, runningPid, startDaemon } from './daemon-process.ts';
import { defaultDockerSocket, ensureDockerEngine, extendPath, findExecutable } from './docker-engine.ts';
import { buildImages } from './images.ts';
import { lastError } from './log-file.ts';
import { daemonEnvironment, nodeArguments } from './memory.ts';
import { Progress } from './progress.ts';

const readyTimeoutMs = 60_000;
const exampleTimeoutMs = 120_000;
const pollMs = 50;

export interface UpOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly example: boolean;
}

/** `roadstead up`: safe to repeat; what already runs is left alone. */
export async function up(options: UpOptions): Promise<void> {
  const files = dataDirectory(options.dataDir);
  const progress = new Progress();
  checkHost();
  extendPath();
  makeDataDirectory(files);
  const engine = await ensureDockerEngine({
    logDirectory: files.logs,
    pidFile: files.pidFile('dockerd'),
    say: (line) => progress.say(line),
  });
  progress.done(`Docker Engine ${engine} answers`);
  checkTools();
  await buildImages({ dockerSocket: defaultDockerSocket, say: () => undefined });
  progress.done('Images roadstead/pause and roadstead/base are there');

  const started = performance.now();
  await ensureServer(files, options.port);
  progress.done(`Server answers on port ${options.port}`);
  ensureAgent(files);
  const client = await connect(files.kubeconfig);
  try {
    const node = await waitForNode(client, files);
    const readyMs = performance.now() - started;
    progress.done(`Node ${node.metadata.name} is Ready`);
    const pages = options.example ? await showExample(client, node, progress) : [];
    printSummary(files, pages, readyMs);
  } finally {
    await client.close();
  }
}

function checkHost(): void {
  if (process.platform !== 'linux') throw new UserError('Roadstead runs on Linux; start it on a Linux host');
  if (process.getuid?.() !== 0) throw new UserError('Starting a cluster needs root; run this as root');
}

async function ensureServer(files: DataDirectory, port: number): Promise<void> {
  const pidFile = files.pidFile('server');
  const start = (): void => startSelf(files, 'server', ['server', '--data-dir', files.root, '--port', String(port)]);
  // One that was found may have been about to end.
  let mayStart = true;
  if (runningPid(pidFile) === undefined) {
    mayStart = false;
    start();
  }
  await waitFor('the server', files, ['server'], async () => {
    if (mayStart && runningPid(pidFile) === undefined) {
      mayStart = false;
      start();
    }
    const client = await connect(files.kubeconfig);
    try {
      await client.request({ method: 'GET', path: '/readyz' });
      return true;
    } finally {
      await client.close();
    }
  });
}

/** After Docker Engine, whose installation brings them, and before anything runs. */
function checkTools(): void {
  for (const tool of ['nft', 'ip']) {
    if (findExecutable(tool) === undefined) {
      throw new UserError(`"${tool}" is not installed; install nftables and iproute2 and try again`);
    }
  }
}

function ensureAgent(files: DataDirectory): void {
  if (runningPid(files.pidFile('agent')) === undefined) startSelf(files, 'agent', ['agent', '--data-dir', files.root]);
}

function startSelf(files: DataDirectory, daemon: 'server' | 'agent', args: readonly string[]): void {
  const [, entry = ''] = process.argv;
  startDaemon({
    command: process.execPath,
    args: [...nodeArguments[daemon], entry, ...args],
    env: daemonEnvironment,
    logFile: files.logFile(daemon),
    pidFile: files.pidFile(daemon),
  });
}

async function waitForNode(client: Client, files: DataDirectory): Promise<Node> {
  let found: Node | undefined;
  await waitFor('a Ready node', files, ['agent', 'server'], async () => {
    found = await client.resource(nodes).get({ name: hostname().toLowerCase() });
    return found.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  });
  if (found === undefined) throw new UserError('No node came up');
  return found;
}

/** Asks until the answer is yes; a daemon that ends meanwhile ends the wait with what it said last. */
async function waitFor(
  what: string,
  files: DataDirectory,
  daemons: readonly string[],
  ask: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  let lastFailure: unknown;
  while (Date.now() < deadline) {
    try {
      if (await ask()) return;
    } catch (error) {
      lastFailure = error;
    }
    const ended = daemons.find((daemon) => runningPid(files.pidFile(daemon)) === undefined);
    if (ended !== undefined) {
      throw new UserError(`The ${ended} ended: ${lastError(files.logFile(ended))} (log: ${files.logFile(ended)})`);
    }
    await delay(pollMs);
  }
  throw new UserError(
    `Waited ${readyTimeoutMs / 1000} s for ${what} in vain; see ${daemons.map((daemon) => files.logFile(daemon)).join(' and ')}`,
    lastFailure instanceof Error ? { cause: lastFailure } : undefined,
  );
}

async function showExample(client: Client, node: Node, progress: Progress): Promise<string[]> {
  const manifest = readFileSync(path.join(installationRoot(), 'examples/hello/hello.yaml'), 'utf8');
  for (const document of parseAllDocuments(manifest, { version: '1.1' }))
    await apply(client, document.toJS() as KubeObject);
  progress.done('Applied examples/hello: a Deployment of 2 and a Service');
  await waitForExample(client);
  progress.done('Both pods are Ready');

  const service = await client.resource(services).get({ namespace: 'default', name: 'hello' });
  const nodeAddress = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '127.0.0.1';
  const pages: string[] = [];
  for (const [way, url] of exampleUrls(service, nodeAddress)) {
    const page = (await fetchPage(url)).trim();
    progress.done(`${way} ${url} answers`);
    pages.push(`${url}\n    ${page}`);
  }
  return pages;
}

async function apply(client: Client, object: KubeObject): Promise<void> {
  const type = resourceTypeOf(object);
  const placed = type.namespaced ? { ...object, metadata: { namespace: 'default', ...object.metadata } } : object;
  const { namespace, name } = placed.metadata;
  await client
    .resource(type)
    .patch({ namespace, name }, { type: 'apply', body: placed }, { fieldManager: 'roadstead-up', force: true });
}

async function waitForExample(client: Client): Promise<void> {
  const deadline = Date.now() + exampleTimeoutMs;
  let deployment: Deployment | undefined;
  while (Date.now() < deadline) {
    deployment = await client
      .resource(deployments)
      .get({ namespace: 'default', name: 'hello' })
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
    const { replicas = 1 } = deployment?.spec ?? {};
    if ((deployment?.status?.readyReplicas ?? 0) >= replicas) return;
    await delay(pollMs);
  }
  throw new UserError(
    `The pods of examples/hello did not get Ready within ${exampleTimeoutMs / 1000} s; "kubectl describe pods -l app=hello" says why`,
  );
}

function exampleUrls(service: Service, nodeAddress: string): [string, string][] {
  const [port] = service.spec.ports ?? [];
  return [
    ['ClusterIP', `http://${service.spec.clusterIP}:${port?.port}/`],
    ['NodePort', `http://${nodeAddress}:${port?.nodePort}/`],
  ];
}

async function fetchPage(url: string): Promise<string> {
  const deadline = Date.now() + exampleTimeoutMs;
  for (;;) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
      if (response.ok) return await response.text();
    } catch (error) {
      if (Date.now() > deadline)
        throw new UserError(`${url} does not answer; see "kubectl get endpointslices"`, { cause: error });
    }
    await delay(pollMs);
  }
}

function printSummary(files: DataDirectory, pages: readonly string[], readyMs: number): void {
  const pids = ['server', 'agent'].map((daemon) => runningPid(files.pidFile(daemon)) ?? 0);
  const [server, agent] = pids.map((pid) => megabytes(residentBytes(pid)));
  const together = megabytes(pids.reduce((sum, pid) => sum + proportionalBytes(pid), 0));
  const lines = [
    '',
    ...pages.map((page) => `  ${page}`),
    '',
    `  Ready ${(readyMs / 1000).toFixed(1)} s after the processes started`,
    `  Memory: server ${server} MB, agent ${agent} MB; ${together} MB together, what they share counted once`,
    `  kubeconfig: ${files.kubeconfig}`,
    '',
    '  Try next:',
    `    export KUBECONFIG=${files.kubeconfig}`,
    '    kubectl get pods -o wide',
    '    kubectl exec -it deploy/hello -- node -e "console.log(process.version)"',
    '',
  ];
  console.log(lines.join('\n'));
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
