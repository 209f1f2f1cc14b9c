/** The load on the API server whose figures stand in docs/performance.md: 10,000 pods of about 4 KB. */
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { call, type Figures, load, percentile, type Target } from './load.ts';

const namespace = 'bench';
const pods = `/api/v1/namespaces/${namespace}/pods`;
const inFlight = 32;
const watcherCount = 200;
const watchedPatches = 500;
const mergePatch = 'application/merge-patch+json';

export interface ApiFigures {
  readonly create: Figures;
  readonly get: Figures;
  readonly list: Figures & { readonly megabytes: number };
  readonly listBySelector: Figures;
  readonly listPage: Figures;
  readonly watch: {
    readonly eventsPerSecond: number;
    readonly p50: number;
    readonly p99: number;
    readonly lost: number;
  };
  readonly patch: Figures;
}

export async function measureApi(target: Target, podCount: number): Promise<ApiFigures> {
  await call(target, 'POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  await delay(500);
  const create = await load(podCount, inFlight, (index) => call(target, 'POST', pods, pod(index)));
  const get = await load(podCount * 2, inFlight, (index) =>
    call(target, 'GET', `${pods}/${podName(index % podCount)}`),
  );
  const megabytes = (await call(target, 'GET', pods)).bytes / 1e6;
  const list = { ...(await load(8, 1, () => call(target, 'GET', pods))), megabytes };
  const listBySelector = await load(40, 4, (index) => call(target, 'GET', `${pods}?labelSelector=app%3Da-${index}`));
  const listPage = await load(20, 1, () => call(target, 'GET', `${pods}?limit=500`));
  const watch = await measureWatch(target, podCount);
  const patch = await load(podCount / 2, inFlight, (index) => annotate(target, index % podCount, { u: String(index) }));
  return { create, get, list, listBySelector, listPage, watch, patch };
}

function annotate(target: Target, index: number, annotations: Record<string, string>): ReturnType<typeof call> {
  return call(target, 'PATCH', `${pods}/${podName(index)}`, { metadata: { annotations } }, mergePatch);
}

/** Every watcher sees every patch; times are from sending the patch to having its event, for one watcher in twenty. */
async function measureWatch(target: Target, podCount: number): Promise<ApiFigures['watch']> {
  const first = await annotate(target, 0, { first: 'y' });
  const { resourceVersion } = (JSON.parse(first.text) as { metadata: { resourceVersion: string } }).metadata;
  const sent = new Map<number, number>();
  const times: number[] = [];
  const expected = watcherCount * watchedPatches;
  let seen = 0;
  const everySeen = Promise.withResolvers<void>();
  const onEvent = (watcher: number, sequence: number): void => {
    seen++;
    if (watcher % 20 === 0) times.push(performance.now() - (sent.get(sequence) ?? 0));
    if (seen === expected) everySeen.resolve();
  };
  const stops: (() => void)[] = [];
  for (let watcher = 0; watcher < watcherCount; watcher++) {
    stops.push(await openWatch(target, resourceVersion, (sequence) => onEvent(watcher, sequence)));
  }
  const start = performance.now();
  await load(watchedPatches, 8, (index) => {
    sent.set(index, performance.now());
    return annotate(target, index % podCount, { 'bench-seq': String(index) });
  });
  await Promise.race([everySeen.promise, delay(30_000)]);
  const eventsPerSecond = Math.round((seen / (performance.now() - start)) * 1000);
  for (const stop of stops) stop();
  return { eventsPerSecond, p50: percentile(times, 0.5), p99: percentile(times, 0.99), lost: expected - seen };
}

function openWatch(
  target: Target,
  resourceVersion: string,
  onSequence: (sequence: number) => void,
): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const agent = new Agent(target.agent.options);
    const headers = { accept: 'application/json' };
    let stopped = false;
    let rest = '';
    const outgoing = request(
      `${target.url}${pods}?watch=1&resourceVersion=${resourceVersion}`,
      { agent, headers },
      (response) => {
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const match = /"bench-seq":"(\d+)"/.exec(line);
            if (match !== null) onSequence(Number(match[1]));
          }
        });
        response.on('error', () => response.destroy());
        resolve(() => {
          stopped = true;
          outgoing.destroy();
        });
      },
    );
    outgoing.on('error', (error) => {
      if (!stopped) reject(error);
    });
    outgoing.end();
  });
}

function podName(index: number): string {
  return `p-${String(index).padStart(6, '0')}`;
}

function pod(index: number): unknown {
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
