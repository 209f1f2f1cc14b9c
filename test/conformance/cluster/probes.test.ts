/** Probes that restart containers and hold them back, and hooks that reach another pod. */
import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import type { Pod } from '../../e2e/pod-scope.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('probes', prepare);
const ending = "process.on('SIGTERM', () => process.exit());";

/** Healthy for two seconds where it is to fail, for ever otherwise; the socket stays open. */
const httpServer = (fails: boolean): string =>
  `const began = Date.now(); require('node:http').createServer((q, s) => { s.statusCode = ${fails} && Date.now() - began > 2000 ? 500 : 200; s.end(); }).listen(8080); ${ending}`;

/** grpc.health.v1.Health/Check that always says SERVING. */
const grpcServer = `require('node:http2').createServer().on('stream', (s) => { s.resume(); s.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true }); s.on('wantTrailers', () => s.sendTrailers({ 'grpc-status': '0' })); s.end(Buffer.from([0, 0, 0, 0, 2, 8, 1])); }).listen(5000); ${ending}`;

const recorder = `require('node:http').createServer((q, s) => { console.log(q.method + ' ' + q.url); s.end(); }).listen(8080); ${ending}`;

async function prepare(): Promise<void> {
  const container = {
    command: ['node', '-e', recorder],
    readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
  };
  await suite.create(pod('recorder', '', { container }));
  await suite.ready('recorder');
}

const statusOf = async (name: string): Promise<Pod['status']> =>
  (await suite.api.get(`${suite.core}/pods/${name}`))['status'] as Pod['status'];
const restartsOf = async (name: string): Promise<number> =>
  (await statusOf(name)).containerStatuses[0]?.restartCount ?? 0;
const fast = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 2 };
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface LivenessCase {
  readonly name: string;
  readonly probe: object;
  readonly command: readonly string[];
  readonly restarts: boolean;
}

const node = (script: string): readonly string[] => ['node', '-e', script];
const shell = (script: string): readonly string[] => ['sh', '-c', script];
const cat = { exec: { command: ['cat', '/tmp/health'] } };

const livenesses: readonly LivenessCase[] = [
  {
    name: 'Pod liveness probe, using local file, restart',
    probe: cat,
    command: shell(`touch /tmp/health; sleep 3; rm /tmp/health; ${sleepForever}`),
    restarts: true,
  },
  {
    name: 'Pod liveness probe, using local file, no restart',
    probe: cat,
    command: shell(`touch /tmp/health; ${sleepForever}`),
    restarts: false,
  },
  {
    name: 'Pod liveness probe, using http endpoint, restart',
    probe: { httpGet: { path: '/healthz', port: 8080 } },
    command: node(httpServer(true)),
    restarts: true,
  },
  {
    name: 'Pod liveness probe, using http endpoint, failure',
    probe: { httpGet: { path: '/', port: 8080 } },
    command: node(httpServer(false)),
    restarts: false,
  },
  {
    name: 'Pod liveness probe, using tcp socket, no restart',
    probe: { tcpSocket: { port: 8080 } },
    command: node(httpServer(true)),
    restarts: false,
  },
  {
    name: 'Pod liveness probe, using grpc call, success',
    probe: { grpc: { port: 5000 } },
    command: node(grpcServer),
    restarts: false,
  },
  {
    name: 'Pod liveness probe, using grpc call, failure',
    probe: { grpc: { port: 2333 } },
    command: node(grpcServer),
    restarts: true,
  },
];

sideBySide(() => {
  for (const [index, { name, probe, command, restarts }] of livenesses.entries()) {
    behaviour(name, async () => {
      const one = `live-${index}`;
      const livenessProbe = { ...probe, ...fast, initialDelaySeconds: 2 };
      await suite.create(pod(one, '', { container: { command, livenessProbe } }));
      await suite.ready(one);
      if (restarts) {
        await eventually('a restart', async () => (await restartsOf(one)) >= 1);
        return;
      }
      // Past the first probes, and past the time at which the server of a failing sibling turns.
      await delay(6000);
      assert.equal(await restartsOf(one), 0);
      assert.equal((await statusOf(one)).containerStatuses[0]?.ready, true);
    });
  }

  behaviour('Pod readiness probe, with initial delay', async () => {
    const readinessProbe = { exec: { command: ['true'] }, periodSeconds: 1, initialDelaySeconds: 5 };
    await suite.create(pod('delayed', sleepForever, { container: { readinessProbe } }));
    await suite.ready('delayed');
    const { status } = (await suite.api.get(`${suite.core}/pods/delayed`)) as unknown as {
      status: {
        conditions: { type: string; lastTransitionTime: string }[];
        containerStatuses: { restartCount: number; state: { running: { startedAt: string } } }[];
      };
    };
    const ready = status.conditions.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '';
    const [container] = status.containerStatuses;
    // Both times are whole seconds.
    assert.ok(Date.parse(ready) - Date.parse(container?.state.running.startedAt ?? '') >= 4000);
    assert.equal(container?.restartCount, 0);
  });

  behaviour('Pod readiness probe, failure', async () => {
    const readinessProbe = { exec: { command: ['false'] }, ...fast };
    await suite.create(pod('unready', sleepForever, { container: { readinessProbe } }));
    await eventually('it runs', async () => (await statusOf('unready')).phase === 'Running');
    await delay(4000);
    const [container] = (await statusOf('unready')).containerStatuses;
    assert.deepEqual([container?.ready, container?.restartCount], [false, 0]);
  });

  const recorded = (line: string): Promise<unknown> =>
    eventually(`"${line}" to be recorded`, async () =>
      (await suite.kubectl('logs', 'recorder')).split('\n').includes(line),
    );

  async function hooked(name: string, hook: 'postStart' | 'preStop', by: 'exec' | 'httpGet'): Promise<void> {
    const { podIP } = await statusOf('recorder');
    const exec = { exec: { command: ['wget', '-qO', '/dev/null', `http://${podIP}:8080/${name}`] } };
    const httpGet = { httpGet: { host: podIP, port: 8080, path: `/${name}` } };
    const lifecycle = { [hook]: by === 'exec' ? exec : httpGet };
    await suite.create(
      pod(name, sleepForever, { container: { lifecycle }, spec: { terminationGracePeriodSeconds: 10 } }),
    );
    await suite.ready(name);
    if (hook === 'preStop') {
      assert.doesNotMatch(await suite.kubectl('logs', 'recorder'), new RegExp(`/${name}$`, 'm'));
      await suite.kubectl('delete', 'pod', name);
    }
    await recorded(`GET /${name}`);
  }

  behaviour('Pod Lifecycle, post start exec hook', () => hooked('post-start-exec', 'postStart', 'exec'));
  behaviour('Pod Lifecycle, post start http hook', () => hooked('post-start-http', 'postStart', 'httpGet'));
  behaviour('Pod Lifecycle, prestop exec hook', () => hooked('pre-stop-exec', 'preStop', 'exec'));
  behaviour('Pod Lifecycle, prestop http hook', () => hooked('pre-stop-http', 'preStop', 'httpGet'));

  behaviour('Pods, prestop hook', async () => {
    const { podIP } = await statusOf('recorder');
    const preStop = { exec: { command: ['wget', '-qO', '/dev/null', '--post-data=x', `http://${podIP}:8080/write`] } };
    await suite.create(
      pod('writer', sleepForever, {
        container: { lifecycle: { preStop } },
        spec: { terminationGracePeriodSeconds: 10 },
      }),
    );
    await suite.ready('writer');
    await suite.kubectl('delete', 'pod', 'writer');
    await recorded('POST /write');
    await suite.api.refused(404, 'GET', `${suite.core}/pods/writer`);
  });
});
