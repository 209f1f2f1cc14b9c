/**
 * `make bench`: the load of test/bench/api.ts on a server of its own (no controllers beside it, as the figures of
 * upstream that it is held against were taken), then pod start beside `docker run` on a whole cluster. One run, one
 * machine; prints each figure beside its target. `--pods N` changes the load, `--skip-pods` leaves out pod start.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { type ApiFigures, measureApi } from './api.ts';
import { Connection, type Endpoint } from './connection.ts';
import { measurePodStart } from './pod-start.ts';

const { values: options } = parseArgs({
  options: { pods: { type: 'string', default: '10000' }, 'skip-pods': { type: 'boolean', default: false } },
});
const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
const port = 18443;

const directory = mkdtempSync(path.join(tmpdir(), 'roadstead-bench-'));
try {
  await benchApi();
  if (!options['skip-pods']) await benchPodStart();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function benchApi(): Promise<void> {
  const log = openSync(path.join(directory, 'server.log'), 'a');
  const args = [
    'server',
    '--data-dir',
    directory,
    '--port',
    String(port),
    '--components',
    'api',
    '--log-level',
    'warn',
  ];
  const server = spawn(program, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  try {
    const figures = await measureApi(await waitForServer(), Number(options.pods), () => cpuSeconds(server.pid ?? 0));
    const peakMb = peakMemoryMb(server.pid ?? 0);
    printApi(figures, peakMb);
  } finally {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
  }
}

async function benchPodStart(): Promise<void> {
  const { pod, cli, engine, up, memory } = await measurePodStart(program, path.join(directory, 'cluster'), port);
  console.log('\nPod start on a warm image, two containers, medians in seconds');
  row('create to Running', pod.toFixed(3), `${(cli * 1.3).toFixed(3)} (1.3 x docker run)`);
  row('docker run, the same two', cli.toFixed(3), '');
  row('Engine API, the same two', engine.toFixed(3), '');
  row('up on an empty directory to a Ready node', up.toFixed(2), '3');
  console.log('\nMemory right after up, MB');
  row('server and agent, shared pages once', memory.together.toFixed(0), '150');
  row('server, as resident', memory.server.toFixed(0), '');
  row('agent, as resident', memory.agent.toFixed(0), '');
}

async function waitForServer(): Promise<Endpoint> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    try {
      const endpoint = readEndpoint(path.join(directory, 'kubeconfig'));
      const connection = await Connection.open(endpoint);
      const { status } = await connection.request('GET', '/readyz');
      connection.close();
      if (status === 200) return endpoint;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`The server did not start; see ${directory}/server.log`, { cause: error });
    }
    await delay(50);
  }
}

function readEndpoint(kubeconfig: string): Endpoint {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as {
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const user = config.users[0]?.user;
  const decode = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();
  const [cert, key] = [decode(user?.['client-certificate-data']), decode(user?.['client-key-data'])];
  return { host: '127.0.0.1', port, cert, key };
}

/** User and system time of all threads; the kernel counts them in hundredths. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The most that was resident, in MB. */
function peakMemoryMb(pid: number): number {
  // The wrapper script becomes node by exec, so this is the server itself.
  const match = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(match?.[1] ?? 0) / 1024);
}

/** Upstream's kube-apiserver with etcd on two cores under the same load, and what is asked of us. */
function printApi(figures: ApiFigures, peakMb: number): void {
  const [minute = 0] = loadavg();
  console.log(`Load of this machine's ${cpus().length} cores over the last minute: ${minute.toFixed(1)}\n`);
  const { create, get, list, listBySelector, listPage, watch, patch } = figures;
  console.log(
    `API server, ${options.pods} pods, 32 requests in flight${' '.repeat(8)}figure   target (from upstream's figure)`,
  );
  row('create /s', create.perSecond, '4,980 (5 x 996)');
  row('create, server CPU us', create.cpuMicros.toFixed(0), '');
  row('create p99 ms', create.p99.toFixed(1), 'upstream 86');
  row('get /s', get.perSecond, '11,055 (5 x 2,211)');
  row('get, server CPU us', get.cpuMicros.toFixed(0), '');
  row(`list all (${list.megabytes.toFixed(0)} MB) p50 ms`, list.p50.toFixed(1), '79 (a tenth of 790)');
  row('slowest get beside such a list, ms', figures.besideListMs.toFixed(1), '');
  row('list by label, 10 of all, p50 ms', listBySelector.p50.toFixed(2), '7.6 (a hundredth of 756)');
  row('list page of 500 p50 ms', listPage.p50.toFixed(1), '');
  row('watch events /s, 200 watchers x 500', watch.eventsPerSecond, '140,000 (4 x 35,000)');
  row('watch p50 ms', watch.p50.toFixed(1), '30 (a quarter of 120)');
  row('watch events lost', watch.lost, '0');
  row('merge patch /s', patch.perSecond, '2,750 (5 x 550)');
  row('merge patch, server CPU us', patch.cpuMicros.toFixed(0), '');
  row('peak memory MB', peakMb, '550 (a quarter of 2,200)');
}

function row(name: string, figure: string | number, target: string): void {
  console.log(`  ${name.padEnd(44)} ${String(figure).padStart(10)}   ${target}`);
}
