import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EngineClient } from '../../src/agent/runtime/docker/engine-client.ts';
import type { Pod } from '../../src/api/core/v1/types.generated.ts';
import { pods } from '../../src/api/resource-types.ts';
import { connect } from '../../src/cli/connect.ts';
import { runningPid } from '../../src/cli/daemons/daemon-process.ts';
import { dataDirectory } from '../../src/cli/data-directory.ts';
import type { Client } from '../../src/client/contract.ts';

const run = promisify(execFile);
const rounds = 9;
const startTimeoutMs = 60_000;
/** The daemons collect what starting left behind within this time. */
const settleMs = 3000;
const namespace = 'default';
const image = 'roadstead/base:latest';
const pause = 'roadstead/pause:1';
const command = ['node', '-e', 'setInterval(() => {}, 1e6)'];

/** Medians in seconds of starts that took turns, so that what else the machine did fell on all alike. */
export interface StartFigures {
  /** From sending the create to a watch's event that says Running. */
  readonly pod: number;
  /** The same two containers by `docker run`. */
  readonly cli: number;
  /** The same by the Engine API, create and start each. */
  readonly engine: number;
  /** `roadstead up` on an empty directory, from its start to a Ready node. */
  readonly up: number;
  readonly memory: ClusterMemory;
}

/** Of server and agent together right after `up`, in MB. */
export interface ClusterMemory {
  readonly server: number;
  readonly agent: number;
  /** With the pages of node's program that both share counted once. */
  readonly together: number;
}

export async function measurePodStart(program: string, directory: string, port: number): Promise<StartFigures> {
  const up = await timed(async () => {
    await run(program, ['up', '--data-dir', directory, '--port', String(port), '--no-example']);
  });
  await delay(settleMs);
  const memory = memoryOf(directory);
  const client = await connect(path.join(directory, 'kubeconfig'));
  const engine = new EngineClient({ socketPath: '/var/run/docker.sock', apiVersion: '1.41' });
  const times = { pod: [] as number[], cli: [] as number[], engine: [] as number[] };
  try {
    await timed(() => startPod(client, 'warm-up'));
    await client.resource(pods).delete({ namespace, name: 'warm-up' }, { gracePeriodSeconds: 0 });
    for (let round = 0; round < rounds; round++) {
      const name = `roadstead-bench-${round}`;
      times.pod.push(await timed(() => startPod(client, name)));
      await client.resource(pods).delete({ namespace, name }, { gracePeriodSeconds: 0 });
      times.cli.push(await timed(() => startByCli(name)));
      await remove(engine, name);
      times.engine.push(await timed(() => startByEngine(engine, name)));
      await remove(engine, name);
    }
  } finally {
    await client.close();
    await run(program, ['down', '--purge', '--data-dir', directory]);
  }
  return { pod: median(times.pod), cli: median(times.cli), engine: median(times.engine), up, memory };
}

function memoryOf(directory: string): ClusterMemory {
  const { pidFile } = dataDirectory(directory);
  const megabytes = (daemon: string, field: string): number => {
    const text = readFileSync(`/proc/${runningPid(pidFile(daemon))}/smaps_rollup`, 'utf8');
    return Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(text)?.[1]) / 1024;
  };
  const own = (daemon: string): number => megabytes(daemon, 'Private_Dirty') + megabytes(daemon, 'Private_Clean');
  const shared = Math.max(megabytes('server', 'Shared_Clean'), megabytes('agent', 'Shared_Clean'));
  return {
    server: megabytes('server', 'Rss'),
    agent: megabytes('agent', 'Rss'),
    together: own('server') + own('agent') + shared,
  };
}

async function startPod(client: Client, name: string): Promise<void> {
  const signal = AbortSignal.timeout(startTimeoutMs);
  const stop = new AbortController();
  const { metadata } = await client.resource(pods).list({ namespace, limit: 1 });
  const events = client
    .resource(pods)
    .watch(
      { namespace, fieldSelector: `metadata.name=${name}`, resourceVersion: metadata.resourceVersion ?? '' },
      AbortSignal.any([signal, stop.signal]),
    );
  const running = firstRunning(events);
  const object: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name: 'c', image, imagePullPolicy: 'Never', command }],
    },
  };
  await client.resource(pods).create(object, { signal });
  await running;
  stop.abort();
}

async function firstRunning(events: AsyncIterable<{ readonly type: string; readonly object: unknown }>): Promise<void> {
  for await (const { type, object } of events) {
    if (type !== 'BOOKMARK' && (object as Pod).status?.phase === 'Running') return;
  }
  throw new Error('The watch ended before the pod ran');
}

async function startByCli(name: string): Promise<void> {
  await run('docker', ['run', '-d', '--name', name, pause]);
  await run('docker', ['run', '-d', '--name', `${name}-c`, '--network', `container:${name}`, image, ...command]);
}

async function startByEngine(engine: EngineClient, name: string): Promise<void> {
  const start = async (containerName: string, body: object): Promise<void> => {
    const { Id } = await engine.json<{ Id: string }>({
      method: 'POST',
      path: `/containers/create?name=${containerName}`,
      body,
    });
    await engine.send({ method: 'POST', path: `/containers/${Id}/start` });
  };
  await start(name, { Image: pause });
  await start(`${name}-c`, { Image: image, Cmd: command, HostConfig: { NetworkMode: `container:${name}` } });
}

async function remove(engine: EngineClient, name: string): Promise<void> {
  for (const container of [`${name}-c`, name]) {
    await engine.send({ method: 'DELETE', path: `/containers/${container}?force=1&v=1` });
  }
}

async function timed(action: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
