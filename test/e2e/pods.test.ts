import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlJson } from './kubectl.ts';
import { configMap, image, pod, sleepForever } from './manifests.ts';

interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  state: Record<string, { reason?: string; exitCode?: number; message?: string }>;
  lastState: Record<string, { reason?: string; exitCode?: number }>;
}
interface Pod {
  status: {
    phase: string;
    qosClass: string;
    podIP: string;
    conditions: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const create = (manifest: string): Promise<string> => kubectl(inNamespace('create', '-f', '-'), { input: manifest });
const read = (name: string): Promise<Pod> => kubectlJson<Pod>(inNamespace('get', 'pod', name));
const until = (name: string, what: string, check: (pod: Pod) => boolean): Promise<Pod> =>
  eventually(`${name}: ${what}`, async () => {
    const found = await read(name);
    return check(found) ? found : undefined;
  });
const ends = (name: string): Promise<Pod> =>
  until(name, 'its end', ({ status }) => ['Succeeded', 'Failed'].includes(status.phase));
const logs = (name: string, ...args: string[]): Promise<string> => kubectl(inNamespace('logs', name, ...args));

before(async () => {
  namespace = await createNamespace('pods');
});
after(() => namespace.remove());

test('a pod that ends well is Succeeded, one that does not is Failed', async () => {
  await create(pod('well', 'exit 0', { spec: { restartPolicy: 'Never' } }));
  await create(pod('badly', 'echo sorry > /dev/termination-log; exit 3', { spec: { restartPolicy: 'Never' } }));
  const well = await ends('well');
  assert.equal(well.status.phase, 'Succeeded');
  assert.equal(well.status.containerStatuses[0]?.state['terminated']?.reason, 'Completed');
  const { status } = await ends('badly');
  assert.equal(status.phase, 'Failed');
  const terminated = status.containerStatuses[0]?.state['terminated'];
  assert.deepEqual([terminated?.exitCode, terminated?.reason, terminated?.message?.trim()], [3, 'Error', 'sorry']);
});

test('a container that crashes is started again, later each time', async () => {
  await create(pod('crashes', 'exit 1'));
  const { status } = await until('crashes', 'back-off', ({ status }) => {
    const [container] = status.containerStatuses ?? [];
    return container?.state['waiting']?.reason === 'CrashLoopBackOff' && container.restartCount > 0;
  });
  assert.equal(status.containerStatuses[0]?.lastState['terminated']?.exitCode, 1);
  assert.equal(status.phase, 'Running');
});

test('init containers run in order, before the others', async () => {
  const shared = [{ name: 'shared', mountPath: '/shared' }];
  const init = (name: string, shell: string): object => ({
    name,
    image,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', shell],
    volumeMounts: shared,
  });
  await create(
    pod('inits', 'cat /shared/order', {
      container: { volumeMounts: shared },
      spec: {
        restartPolicy: 'Never',
        volumes: [{ name: 'shared', emptyDir: {} }],
        initContainers: [init('first', 'echo one >> /shared/order'), init('second', 'echo two >> /shared/order')],
      },
    }),
  );
  const { status } = await ends('inits');
  assert.equal(status.phase, 'Succeeded');
  assert.equal(await logs('inits'), 'one\ntwo\n');
  assert.deepEqual(
    status.initContainerStatuses?.map(({ state }) => state['terminated']?.reason),
    ['Completed', 'Completed'],
  );
});

test('environment from every source', async () => {
  await create(configMap('settings', { color: 'blue', size: 'large' }));
  await kubectl(inNamespace('create', 'secret', 'generic', 'keys', '--from-literal=password=hunter2'));
  const env = [
    { name: 'PLAIN', value: 'p' },
    { name: 'COMPOSED', value: '$(PLAIN)-$$(PLAIN)-$(ABSENT)' },
    { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
    { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'keys', key: 'password' } } },
    { name: 'OPTIONAL', valueFrom: { secretKeyRef: { name: 'absent', key: 'x', optional: true } } },
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    { name: 'LIMIT', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
  ];
  await create(
    pod('environment', 'env', {
      spec: { restartPolicy: 'Never' },
      container: {
        env,
        envFrom: [{ prefix: 'CFG_', configMapRef: { name: 'settings' } }],
        resources: { limits: { memory: '64Mi', cpu: '100m' } },
      },
    }),
  );
  const { status } = await ends('environment');
  const lines = new Set((await logs('environment')).split('\n'));
  for (const line of [
    'PLAIN=p',
    'COMPOSED=p-$(PLAIN)-$(ABSENT)',
    'COLOR=blue',
    'PASSWORD=hunter2',
    'POD=environment',
    'LABEL=environment',
    'LIMIT=64',
    'CFG_size=large',
    `POD_IP=${status.podIP}`,
    'KUBERNETES_SERVICE_HOST=10.96.0.1',
  ]) {
    assert.ok(lines.has(line), `${line} in\n${[...lines].join('\n')}`);
  }
  assert.equal(status.qosClass, 'Guaranteed');
});

test('volumes of configuration appear, with modes, and follow a change', async () => {
  await create(configMap('files', { 'a.txt': 'first', 'b.txt': 'other' }));
  const volumes = [
    { name: 'config', configMap: { name: 'files', items: [{ key: 'a.txt', path: 'deep/a.txt', mode: 0o400 }] } },
    { name: 'live', configMap: { name: 'files' } },
    { name: 'down', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    {
      name: 'all',
      projected: {
        sources: [
          { configMap: { name: 'files' } },
          { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
        ],
      },
    },
    { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: 'host', hostPath: { path: '/etc', type: 'Directory' } },
  ];
  const volumeMounts = [
    ...volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` })),
    { name: 'live', mountPath: '/v/one.txt', subPath: 'a.txt' },
  ];
  await create(pod('volumes', sleepForever, { container: { volumeMounts }, spec: { volumes } }));
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/volumes', '--timeout=60s'));
  const sh = (script: string): Promise<string> => kubectl(inNamespace('exec', 'volumes', '--', 'sh', '-c', script));
  assert.equal(await sh('cat /v/config/deep/a.txt'), 'first');
  assert.match(await sh('stat -Lc %a /v/config/deep/a.txt'), /^400/);
  assert.match(await sh('cat /v/down/labels'), /app="volumes"/);
  assert.equal(await sh('cat /v/all/name /v/all/b.txt'), 'volumesother');
  assert.match(await sh('mount | grep /v/memory'), /tmpfs/);
  assert.match(await sh('cat /v/host/hostname'), /\S/);
  assert.equal(await sh('cat /v/one.txt'), 'first');
  await kubectl(inNamespace('patch', 'configmap', 'files', '--type=merge', '-p', '{"data":{"a.txt":"second"}}'));
  await eventually('the new content', async () => (await sh('cat /v/live/a.txt')) === 'second', 120_000);
});

test('a liveness probe that fails restarts the container', async () => {
  await create(
    pod('unwell', sleepForever, {
      container: { livenessProbe: { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 } },
    }),
  );
  await until('unwell', 'a restart', ({ status }) => (status.containerStatuses?.[0]?.restartCount ?? 0) > 0);
  const events = await kubectl(inNamespace('get', 'events', '--field-selector', 'involvedObject.name=unwell'));
  assert.match(events, /Unhealthy +pod\/unwell +Liveness probe failed/);
  assert.match(events, /Killing +pod\/unwell +Container main failed liveness probe, will be restarted/);
});

test('a startup probe holds back readiness', async () => {
  const probe = { exec: { command: ['cat', '/tmp/up'] }, periodSeconds: 1, failureThreshold: 60 };
  const shell = `sleep 2; touch /tmp/up; ${sleepForever}`;
  await create(
    pod('slow', shell, { container: { startupProbe: probe, readinessProbe: { ...probe, periodSeconds: 1 } } }),
  );
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/slow', '--timeout=60s'));
  assert.equal((await read('slow')).status.containerStatuses[0]?.restartCount, 0);
});

test('an image that does not exist is said, and tried again', async () => {
  await create(pod('noimage', '', { container: { image: 'roadstead.invalid/none:1', imagePullPolicy: 'Always' } }));
  await until('noimage', 'the reason', ({ status }) =>
    ['ErrImagePull', 'ImagePullBackOff'].includes(status.containerStatuses?.[0]?.state['waiting']?.reason ?? ''),
  );
  await create(pod('never', '', { container: { image: 'roadstead/none:1' } }));
  await until(
    'never',
    'the reason',
    ({ status }) => status.containerStatuses?.[0]?.state['waiting']?.reason === 'ErrImageNeverPull',
  );
  await create(pod('badname', '', { container: { image: 'Not A Name' } }));
  await until(
    'badname',
    'the reason',
    ({ status }) => status.containerStatuses?.[0]?.state['waiting']?.reason === 'InvalidImageName',
  );
});

test('a pod that fits nowhere says why, and is placed when the world changes', async () => {
  const nodeName = (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
  await create(pod('waits', sleepForever, { spec: { nodeSelector: { 'e2e-disk': 'fast' } } }));
  await create(pod('huge', sleepForever, { container: { resources: { requests: { cpu: '1000' } } } }));
  const scheduled = ({ status }: Pod): Pod['status']['conditions'][number] | undefined =>
    status.conditions?.find(({ type }) => type === 'PodScheduled');
  const waits = await until('waits', 'the reason', (found) => scheduled(found)?.reason === 'Unschedulable');
  assert.match(
    scheduled(waits)?.message ?? '',
    /^0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector\./,
  );
  const huge = await until('huge', 'the reason', (found) => scheduled(found)?.reason === 'Unschedulable');
  assert.match(scheduled(huge)?.message ?? '', /^0\/1 nodes are available: 1 Insufficient cpu\./);
  await kubectl(['label', 'node', nodeName, 'e2e-disk=fast']);
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/waits', '--timeout=60s'));
  await kubectl(['label', 'node', nodeName, 'e2e-disk-']);
});

test('memory beyond the limit ends the container as OOMKilled', async () => {
  const eat = 'const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))';
  await create(
    pod('hungry', '', {
      spec: { restartPolicy: 'Never' },
      container: { command: ['node', '-e', eat], resources: { limits: { memory: '64Mi' } } },
    }),
  );
  const { status } = await ends('hungry');
  assert.equal(status.containerStatuses[0]?.state['terminated']?.reason, 'OOMKilled');
});

test('security context: user, read-only root and what must not run as root', async () => {
  await create(
    pod('secure', 'id -u; touch /x 2>&1; true', {
      spec: { restartPolicy: 'Never', securityContext: { runAsUser: 1234 } },
      container: {
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        },
      },
    }),
  );
  await ends('secure');
  assert.match(await logs('secure'), /^1234\n.*Read-only file system/);
  await create(pod('rootless', '', { container: { securityContext: { runAsNonRoot: true } } }));
  const { status } = await until(
    'rootless',
    'the reason',
    ({ status }) => status.containerStatuses?.[0]?.state['waiting']?.reason === 'CreateContainerConfigError',
  );
  assert.match(
    status.containerStatuses[0]?.state['waiting']?.message ?? '',
    /container has runAsNonRoot and image will run as root/,
  );
});

test('hooks run after the start and before the stop', async () => {
  await create(
    pod('hooks', sleepForever, {
      spec: {
        volumes: [{ name: 'host', hostPath: { path: '/tmp', type: 'Directory' } }],
        terminationGracePeriodSeconds: 10,
      },
      container: {
        volumeMounts: [{ name: 'host', mountPath: '/host' }],
        lifecycle: {
          postStart: { exec: { command: ['sh', '-c', 'echo started > /tmp/hook'] } },
          preStop: { exec: { command: ['sh', '-c', `echo stopped > /host/${'$'}(hostname)-hook`] } },
        },
      },
    }),
  );
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/hooks', '--timeout=60s'));
  assert.equal(await kubectl(inNamespace('exec', 'hooks', '--', 'cat', '/tmp/hook')), 'started\n');
  await kubectl(inNamespace('delete', 'pod', 'hooks'));
  await create(
    pod('witness', 'cat /host/hooks-hook; rm /host/hooks-hook', {
      spec: { restartPolicy: 'Never', volumes: [{ name: 'host', hostPath: { path: '/tmp' } }] },
      container: { volumeMounts: [{ name: 'host', mountPath: '/host' }] },
    }),
  );
  await ends('witness');
  assert.equal(await logs('witness'), 'stopped\n');
});

test('eviction removes a pod, and a disruption budget holds it', async () => {
  await create(pod('evicted', sleepForever));
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/evicted', '--timeout=60s'));
  const eviction = JSON.stringify({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: 'evicted', namespace: namespace.name },
  });
  await kubectl(['create', '--raw', `/api/v1/namespaces/${namespace.name}/pods/evicted/eviction`, '-f', '-'], {
    input: eviction,
  });
  await kubectl(inNamespace('wait', '--for=delete', 'pod/evicted', '--timeout=30s'));
});
