/** What becomes of a pod: starts, ends, restarts, deadlines, and containers that join or change while it runs. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, startKubectl } from './kubectl.ts';
import { image, pod, sleepForever } from './manifests.ts';
import { conditionOf, PodScope } from './pod-scope.ts';

let scope: PodScope;
const never = { restartPolicy: 'Never' };
const container = (name: string, shell: string, more: object = {}): object => ({
  name,
  image,
  imagePullPolicy: 'Never',
  command: ['sh', '-c', shell],
  ...more,
});
const shared = { volumes: [{ name: 'shared', emptyDir: {} }] };
const mounted = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };

before(async () => {
  scope = await PodScope.create('lifecycle');
});
after(() => scope.remove());

test('a pod past its active deadline is Failed and its containers are stopped', async () => {
  await scope.create(pod('late', sleepForever, { spec: { activeDeadlineSeconds: 1 } }));
  const { status } = await scope.until('late', 'the deadline', ({ status }) => status.phase === 'Failed');
  assert.equal(status.reason, 'DeadlineExceeded');
  assert.match(status.message ?? '', /^Pod was active on the node longer than the specified deadline/);
  await scope.until(
    'late',
    'its stop',
    (found) => found.status.containerStatuses[0]?.state['terminated'] !== undefined,
  );
});

test('a failed init container ends a Never pod, and its containers never start', async () => {
  await scope.create(
    pod('init-fails', 'echo never', { spec: { ...never, initContainers: [container('init', 'exit 4')] } }),
  );
  const { status } = await scope.ends('init-fails');
  assert.equal(status.phase, 'Failed');
  assert.equal(status.initContainerStatuses?.[0]?.state['terminated']?.exitCode, 4);
  assert.equal(status.containerStatuses[0]?.state['waiting']?.reason, 'PodInitializing');
  assert.equal(status.conditions.find(({ type }) => type === 'Initialized')?.status, 'False');
});

test('a failed init container of an Always pod is tried again until it succeeds', async () => {
  const init = container('init', 'test -e /shared/tried || { touch /shared/tried; exit 1; }', mounted);
  await scope.create(pod('init-again', sleepForever, { spec: { ...shared, initContainers: [init] } }));
  await scope.ready('init-again');
  const { status } = await scope.read('init-again');
  assert.equal(status.initContainerStatuses?.[0]?.restartCount, 1);
});

test('OnFailure restarts a failure and leaves a success alone', async () => {
  const shell = 'test -e /shared/tried || { touch /shared/tried; exit 1; }';
  await scope.create(pod('on-failure', shell, { spec: { restartPolicy: 'OnFailure', ...shared }, container: mounted }));
  const { status } = await scope.ends('on-failure');
  assert.deepEqual([status.phase, status.containerStatuses[0]?.restartCount], ['Succeeded', 1]);
});

test('a sidecar starts before the containers, and is stopped when they are done', async () => {
  const sidecar = container('side', `echo side >> /shared/order; ${sleepForever}`, {
    ...mounted,
    restartPolicy: 'Always',
    startupProbe: { exec: { command: ['test', '-e', '/shared/order'] }, periodSeconds: 1 },
  });
  await scope.create(
    pod('sidecar', 'echo main >> /shared/order; cat /shared/order', {
      spec: { ...never, ...shared, initContainers: [sidecar] },
      container: mounted,
    }),
  );
  const { status } = await scope.ends('sidecar');
  assert.equal(status.phase, 'Succeeded');
  assert.equal(await scope.logs('sidecar', '-c', 'main'), 'side\nmain\n');
  const ended = await scope.until('sidecar', 'the sidecar to be stopped', (found) =>
    Boolean(found.status.initContainerStatuses?.[0]?.state['terminated']),
  );
  assert.equal(ended.status.phase, 'Succeeded');
});

test('a sidecar that ends is started again whatever the policy', async () => {
  const shell = `test -e /shared/tried && { ${sleepForever} }; touch /shared/tried`;
  await scope.create(
    pod('sidecar-again', sleepForever, {
      spec: {
        ...never,
        ...shared,
        initContainers: [container('side', shell, { ...mounted, restartPolicy: 'Always' })],
      },
    }),
  );
  await scope.until('sidecar-again', 'a restart of the sidecar', ({ status }) => {
    const [side] = status.initContainerStatuses ?? [];
    return side?.restartCount === 1 && side.state['running'] !== undefined;
  });
});

test('last words come from the file, and from the log where that is asked for', async () => {
  const fromLog = { container: { terminationMessagePolicy: 'FallbackToLogsOnError' }, spec: never };
  await scope.create(
    pod('words-file', 'echo from-log; printf from-file > /words', {
      container: { terminationMessagePath: '/words' },
      spec: never,
    }),
    pod('words-log', 'echo from-log; exit 1', fromLog),
    pod('words-none', 'echo from-log', fromLog),
  );
  const message = async (name: string): Promise<string | undefined> =>
    (await scope.ends(name)).status.containerStatuses[0]?.state['terminated']?.message;
  assert.equal(await message('words-file'), 'from-file');
  assert.equal(await message('words-log'), 'from-log\n');
  assert.equal(await message('words-none'), undefined);
});

test('a postStart hook that fails ends its container, which is started again', async () => {
  const postStart = { exec: { command: ['sh', '-c', 'test -e /shared/tried || { touch /shared/tried; exit 1; }'] } };
  await scope.create(
    pod('hook-fails', sleepForever, { container: { ...mounted, lifecycle: { postStart } }, spec: shared }),
  );
  await scope.ready('hook-fails');
  assert.equal((await scope.read('hook-fails')).status.containerStatuses[0]?.restartCount, 1);
  assert.match(await scope.events('hook-fails'), /FailedPostStartHook/);
});

test('hooks of HTTP reach the container', async () => {
  const server =
    "require('node:http').createServer((q, s) => { console.log(q.url); s.end(); }).listen(8080); " +
    "process.on('SIGTERM', () => setTimeout(() => process.exit(), 300))";
  const httpGet = { path: '/bye?now', port: 'web' };
  await scope.create(
    pod('hook-http', '', {
      container: {
        command: ['node', '-e', server],
        ports: [{ name: 'web', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/probe', port: 'web' }, periodSeconds: 1 },
        lifecycle: { preStop: { httpGet } },
      },
      spec: { terminationGracePeriodSeconds: 10 },
    }),
  );
  await scope.ready('hook-http');
  const log = scope.logs('hook-http', '-f');
  await scope.kubectl('delete', 'pod', 'hook-http');
  assert.match(await log, /^\/bye\?now$/m);
});

test('a readiness gate holds back Ready until someone sets its condition', async () => {
  const gate = 'example.com/load-balanced';
  await scope.create(pod('gated', sleepForever, { spec: { readinessGates: [{ conditionType: gate }] } }));
  const waiting = await scope.until('gated', 'ContainersReady', (found) =>
    Boolean(conditionOf(found, 'ContainersReady')?.status === 'True'),
  );
  assert.equal(conditionOf(waiting, 'Ready')?.reason, 'ReadinessGatesNotReady');
  const patch = JSON.stringify({ status: { conditions: [{ type: gate, status: 'True' }] } });
  await scope.kubectl('patch', 'pod', 'gated', '--subresource=status', '--type=strategic', '-p', patch);
  await scope.ready('gated');
});

test('a status that others wrote over is put right', async () => {
  await scope.create(pod('overwritten', sleepForever));
  await scope.ready('overwritten');
  const patch = JSON.stringify({ status: { conditions: [{ type: 'Ready', status: 'False' }] } });
  await scope.kubectl('patch', 'pod', 'overwritten', '--subresource=status', '--type=strategic', '-p', patch);
  await scope.ready('overwritten');
});

test('an ephemeral container joins, sees the processes of its target, and is never restarted', async () => {
  await scope.create(pod('joined', sleepForever));
  await scope.ready('joined');
  const ephemeralContainers = [
    {
      name: 'debugger',
      image,
      imagePullPolicy: 'Never',
      targetContainerName: 'main',
      command: ['sh', '-c', 'tr "\\0" " " < /proc/1/cmdline; exit 3'],
    },
  ];
  const patch = JSON.stringify({ spec: { ephemeralContainers } });
  await scope.kubectl('patch', 'pod', 'joined', '--subresource=ephemeralcontainers', '--type=strategic', '-p', patch);
  const { status } = await scope.until(
    'joined',
    'the end of the ephemeral container',
    (found) => found.status.ephemeralContainerStatuses?.[0]?.state['terminated'] !== undefined,
  );
  assert.equal(status.ephemeralContainerStatuses?.[0]?.state['terminated']?.exitCode, 3);
  assert.equal(status.ephemeralContainerStatuses?.[0]?.restartCount, 0);
  assert.match(await scope.logs('joined', '-c', 'debugger'), /^sh -c trap/);
  assert.equal(status.phase, 'Running');
});

test('a resize takes effect in place', async () => {
  const resources = { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '100m', memory: '64Mi' } };
  await scope.create(pod('resized', sleepForever, { container: { resources } }));
  await scope.ready('resized');
  const limits = { cpu: '200m', memory: '96Mi' };
  const patch = JSON.stringify({ spec: { containers: [{ name: 'main', resources: { limits } }] } });
  await scope.kubectl('patch', 'pod', 'resized', '--subresource=resize', '--type=strategic', '-p', patch);
  const memoryLimit = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max';
  await eventually('the new limit', async () => (await scope.sh('resized', memoryLimit)).trim() === '100663296');
  const { status } = await scope.until('resized', 'the new resources in the status', (found) =>
    Boolean(found.status.containerStatuses[0]?.resources?.limits?.['memory'] === '96Mi'),
  );
  assert.equal(status.containerStatuses[0]?.restartCount, 0);
});

test('a resize that asks for a restart gets one', async () => {
  const resources = { requests: { cpu: '10m', memory: '32Mi' }, limits: { cpu: '100m', memory: '64Mi' } };
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  await scope.create(pod('resized-anew', sleepForever, { container: { resources, resizePolicy } }));
  await scope.ready('resized-anew');
  const patch = JSON.stringify({ spec: { containers: [{ name: 'main', resources: { limits: { memory: '96Mi' } } }] } });
  await scope.kubectl('patch', 'pod', 'resized-anew', '--subresource=resize', '--type=strategic', '-p', patch);
  const { status } = await scope.until(
    'resized-anew',
    'the restart',
    (found) => found.status.containerStatuses[0]?.restartCount === 1 && found.status.containerStatuses[0].ready,
  );
  assert.equal(status.containerStatuses[0]?.resources?.limits?.['memory'], '96Mi');
});

test('a process that exec started ends with its client', async () => {
  await scope.create(pod('lonely', sleepForever));
  await scope.ready('lonely');
  const client = startKubectl(['-n', scope.namespace, 'exec', 'lonely', '--', 'sleep', '4321']);
  const sleeps = async (): Promise<boolean> =>
    (await scope.sh('lonely', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).includes('sleep 4321');
  await eventually('the process', sleeps);
  await client.stop();
  await eventually('its end', async () => !(await sleeps()));
});
