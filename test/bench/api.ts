/** The load on the API server whose figures stand in docs/performance.md: pods of about 4 KB. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Connection, Endpoint } from './connection.ts';
import { type Figures, load, openConnections, percentile } from './load.ts';

const namespace = 'bench';
const pods = `/api/v1/namespaces/${namespace}/pods`;
const inFlight = 32;
const watcherCount = 200;
const watchedPatches = 500;
const watchedInFlight = 8;
/** One watcher in so many has its times taken. */
const timedWatchers = 20;
const watchTimeoutMs = 30_000;
const mergePatch = 'application/merge-patch+json';

export interface WatchFigures {
  readonly eventsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly lost: number;
}

/** With what one request cost the server, in microseconds of processor time: unlike the rate, it bears company. */
export type CostFigures = Figures & { readonly cpuMicros: number };

export interface ApiFigures {
  readonly create: CostFigures;
  readonly get: CostFigures;
  readonly list: Figures & { readonly megabytes: number };
  /** The slowest of small reads that went on beside a list of everything, in milliseconds. */
  readonly besideListMs: number;
  readonly listBySelector: Figures;
  readonly listPage: Figures;
  readonly watch: WatchFigures;
  readonly patch: CostFigures;
}

/** `cpuSeconds`: the processor time the server has used so far. */
export async function measureApi(endpoint: Endpoint, podCount: number, cpuSeconds: () => number): Promise<ApiFigures> {
  const withCost = async (count: number, run: Promise<Figures>): Promise<CostFigures> => {
    const before = cpuSeconds();
    const figures = await run;
    return { ...figures, cpuMicros: ((cpuSeconds() - before) / count) * 1e6 };
  };
  const many = await openConnections(endpoint, inFlight);
  const [one, other] = await openConnections(endpoint, 2);
  const few = many.slice(0, 4);
  if (one === undefined || other === undefined) throw new Error('No connection');
  try {
    await makeNamespace(one);
    const bodies = Array.from({ length: podCount }, (_, index) => JSON.stringify(pod(index)));
    const create = await withCost(
      podCount,
      load(many, podCount, (to, index) => to.request('POST', pods, bodies[index])),
    );
    const get = await withCost(
      podCount * 2,
      load(many, podCount * 2, (to, index) => to.request('GET', `${pods}/${podName(index % podCount)}`)),
    );
    const megabytes = (await one.request('GET', pods)).bytes / 1e6;
    const list = { ...(await load([one], 8, (to) => to.request('GET', pods))), megabytes };
    const besideListMs = await measureBesideList(one, other);
    const listBySelector = await load(few, 40, (to, index) =>
      to.request('GET', `${pods}?labelSelector=app%3Da-${index}`),
    );
    const listPage = await load([one], 20, (to) => to.request('GET', `${pods}?limit=500`));
    const patch = await withCost(
      podCount / 2,
      load(many, podCount / 2, (to, index) => annotate(to, index % podCount, { u: String(index) })),
    );
    const watch = await measureWatch(endpoint, many.slice(0, watchedInFlight), podCount);
    return { create, get, list, besideListMs, listBySelector, listPage, watch, patch };
  } finally {
    for (const connection of [...many, one, other]) connection.close();
  }
}

/** With the service account that a controller would make: the API server runs alone, as upstream's did. */
async function makeNamespace(connection: Connection): Promise<void> {
  const make = async (path: string, object: object): Promise<void> => {
    const { status, text } = await connection.request('POST', path, JSON.stringify(object));
    if (status >= 300 && status !== 409) throw new Error(`HTTP ${status}: ${text}`);
  };
  await make('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await make(`/api/v1/namespaces/${namespace}/serviceaccounts`, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default' },
  });
}

async function measureBesideList(lister: Connection, reader: Connection): Promise<number> {
  let slowest = 0;
  let listing = true;
  const lists = load([lister], 3, (to) => to.request('GET', pods)).finally(() => {
    listing = false;
  });
  while (listing) {
    const sent = performance.now();
    await reader.request('GET', `${pods}/${podName(0)}`);
    slowest = Math.max(slowest, performance.now() - sent);
  }
  await lists;
  return slowest;
}

function annotate(to: Connection, index: number, annotations: Record<string, string>): Promise<Answer> {
  return to.request('PATCH', `${pods}/${podName(index)}`, JSON.stringify({ metadata: { annotations } }), mergePatch);
}

/** Every watcher sees every patch; times are from sending the patch to having its event. */
async function measureWatch(
  endpoint: Endpoint,
  writers: readonly Connection[],
  podCount: number,
): Promise<WatchFigures> {
  const [writer] = writers;
  if (writer === undefined) throw new Error('No connection');
  const resourceVersion = await currentRevision(writer);
  const sent = new Float64Array(watchedPatches);
  const times: number[] = [];
  const expected = watcherCount * watchedPatches;
  let seen = 0;
  const everySeen = Promise.withResolvers<void>();
  const watchers = await openConnections(endpoint, watcherCount);
  for (const [index, watcher] of watchers.entries()) {
    const onEvent = (): void => {
      if (++seen === expected) everySeen.resolve();
    };
    const onTimedEvent = (event: Buffer): void => {
      times.push(performance.now() - (sent[sequenceOf(event)] ?? 0));
      onEvent();
    };
    const sink = index % timedWatchers === 0 ? lines(onTimedEvent) : lineEnds(onEvent);
    await watcher.watch(`${pods}?watch=1&resourceVersion=${resourceVersion}`, sink);
  }
  const start = performance.now();
  await load(writers, watchedPatches, (to, index) => {
    sent[index] = performance.now();
    return annotate(to, index % podCount, { 'bench-seq': String(index) });
  });
  await Promise.race([everySeen.promise, delay(watchTimeoutMs, undefined, { ref: false })]);
  const eventsPerSecond = Math.round((seen / (performance.now() - start)) * 1000);
  for (const watcher of watchers) watcher.close();
  const sorted = Float64Array.from(times).sort();
  return { eventsPerSecond, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), lost: expected - seen };
}

async function currentRevision(connection: Connection): Promise<string> {
  const { text } = await connection.request('GET', `${pods}?limit=1`, undefined, '', true);
  return (JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

const newline = 0x0a;
const sequenceMark = Buffer.from('"bench-seq":"');

/** Calls with each line of a stream; only a line that comes in parts is copied. */
function lines(onLine: (line: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer[] = [];
  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const line = chunk.subarray(from, end);
      onLine(rest.length === 0 ? line : Buffer.concat([...rest, line]));
      rest = [];
      from = end + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  };
}

/** Calls at the end of each line and copies nothing. */
function lineEnds(onEnd: () => void): (chunk: Buffer) => void {
  return (chunk) => {
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, end + 1)) onEnd();
  };
}

function sequenceOf(event: Buffer): number {
  const at = event.indexOf(sequenceMark) + sequenceMark.length;
  return Number(event.toString('latin1', at, event.indexOf(0x22, at)));
}

function podName(index: number): string {
  return `p-${String(index).padStart(6, '0')}`;
}

function pod(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: podName(index),
      namespace,
      labels: { app: `a-${index % 1000}`, tier: index % 2 === 0 ? 'y' : 'x', bench: 'y' },
      annotations: { note: 'n'.repeat(256) },
    },
    spec: {
      schedulerName: 'none',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'c',
          image: 'registry.example/app:1.0',
          args: ['--a=1', '--b=2'],
          ports: [{ containerPort: 80 }],
          env: Array.from({ length: 12 }, (_, number) => ({ name: `E_${number}`, value: `value-${number}-${index}` })),
          resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
          readinessProbe: { httpGet: { path: '/ready', port: 80 } },
          volumeMounts: [{ name: 'd', mountPath: '/d' }],
        },
      ],
      volumes: [{ name: 'd', emptyDir: {} }],
    },
  };
}
