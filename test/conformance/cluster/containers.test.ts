/** How containers are started, restarted and end: commands of images, init containers, restart policies, last words. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { command, eventually } from '../../e2e/kubectl.ts';
import { image, type PodOptions, pod, sleepForever } from '../../e2e/manifests.ts';
import type { Pod } from '../../e2e/pod-scope.ts';
import { behaviour, isListing, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('containers', prepare);
const entrypointImage = 'roadstead-conformance/entrypoint:latest';
const never = { restartPolicy: 'Never' };

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await command('docker', args);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

async function prepare(): Promise<void> {
  const container = await docker('create', image, 'true');
  await docker(
    'commit',
    '--change=ENTRYPOINT ["/bin/echo","of-image"]',
    '--change=CMD ["arguments-of-image"]',
    container,
    entrypointImage,
  );
  await docker('rm', container);
}
if (!isListing) after(() => docker('rmi', '--force', entrypointImage));

const statusOf = async (name: string): Promise<Pod['status']> =>
  (await suite.api.get(`${suite.core}/pods/${name}`))['status'] as Pod['status'];
const until = (name: string, what: string, check: (status: Pod['status']) => boolean): Promise<Pod['status']> =>
  eventually(`${name}: ${what}`, async () => {
    const status = await statusOf(name);
    return check(status) ? status : undefined;
  });
const ended = (name: string): Promise<Pod['status']> =>
  until(name, 'its end', ({ phase }) => phase === 'Succeeded' || phase === 'Failed');
const container = (name: string, shell: string, rest: object = {}): object => ({
  name,
  image,
  imagePullPolicy: 'Never',
  command: ['sh', '-c', shell],
  ...rest,
});

const commands: readonly (readonly [string, object, string])[] = [
  ['Containers, without command and arguments', { command: undefined }, 'of-image arguments-of-image\n'],
  ['Containers, with arguments', { command: undefined, args: ['own', 'arguments'] }, 'of-image own arguments\n'],
  ['Containers, with command', { command: ['/bin/echo', 'own'] }, 'own\n'],
  ['Containers, with command and arguments', { command: ['/bin/echo', 'own'], args: ['arguments'] }, 'own arguments\n'],
];

sideBySide(() => {
  for (const [index, [name, own, prints]] of commands.entries()) {
    behaviour(name, async () => {
      const options: PodOptions = { container: { image: entrypointImage, ...own } };
      assert.equal(await suite.outputOf(`command-${index}`, '', options), prints);
    });
  }

  const inits = [container('init-1', 'true'), container('init-2', 'true')];
  behaviour('init-container-starts-app-restartalways-pod', async () => {
    await suite.create(pod('init-always', sleepForever, { spec: { initContainers: inits } }));
    const status = await until('init-always', 'running', ({ phase }) => phase === 'Running');
    for (const init of status.initContainerStatuses ?? []) assert.equal(init.state['terminated']?.exitCode, 0);
    assert.equal(status.initContainerStatuses?.length, 2);
    assert.equal(status.conditions.find(({ type }) => type === 'Initialized')?.status, 'True');
  });
  behaviour('init-container-starts-app-restartnever-pod', async () => {
    await suite.create(pod('init-never', 'true', { spec: { ...never, initContainers: inits } }));
    const status = await ended('init-never');
    assert.equal(status.phase, 'Succeeded');
    for (const init of status.initContainerStatuses ?? []) assert.equal(init.state['terminated']?.exitCode, 0);
    assert.equal(status.initContainerStatuses?.length, 2);
  });
  behaviour('init-container-fails-stops-app-restartalways-pod', async () => {
    const initContainers = [container('init-1', 'false'), container('init-2', 'true')];
    await suite.create(pod('init-failing', sleepForever, { spec: { initContainers } }));
    const status = await until('init-failing', 'three attempts', ({ initContainerStatuses }) =>
      Boolean((initContainerStatuses?.[0]?.restartCount ?? 0) >= 2),
    );
    assert.equal(status.phase, 'Pending');
    assert.deepEqual(status.initContainerStatuses?.[1]?.state, { waiting: { reason: 'PodInitializing' } });
    assert.deepEqual(status.containerStatuses[0]?.state, { waiting: { reason: 'PodInitializing' } });
  });

  behaviour('Kubelet, log output, default', async () => {
    const printed = await suite.outputOf('prints', 'echo to-stdout; echo to-stderr >&2');
    // Two pipes: which of them the engine reads first is open.
    assert.deepEqual(printed.trim().split('\n').sort(), ['to-stderr', 'to-stdout']);
  });
  behaviour('Kubelet, failed pod, terminated reason', async () => {
    await suite.create(pod('fails', 'exit 1', { spec: never }));
    const { containerStatuses } = await ended('fails');
    assert.equal(containerStatuses.length, 1);
    assert.equal(containerStatuses[0]?.state['terminated']?.reason, 'Error');
  });
  behaviour('Kubelet, failed pod, delete', async () => {
    await suite.create(pod('crashes', 'exit 1'));
    await until('crashes', 'its first end', ({ containerStatuses: [one] }) => (one?.restartCount ?? 0) > 0);
    await suite.kubectl('delete', 'pod', 'crashes');
    await suite.api.refused(404, 'GET', `${suite.core}/pods/crashes`);
  });
  behaviour('Kubelet, pod with read only root file system', async () => {
    const securityContext = { readOnlyRootFilesystem: true };
    const printed = await suite.outputOf('read-only', 'echo test > /file', { container: { securityContext } });
    assert.match(printed, /Read-only file system/);
  });
  behaviour('Kubelet, managed etc hosts', async () => {
    const base = JSON.parse(pod('hosts', sleepForever));
    const mounting = container('mounting', sleepForever, {
      volumeMounts: [{ name: 'own', mountPath: '/etc/hosts' }],
    });
    const volumes = [{ name: 'own', hostPath: { path: '/etc/hosts', type: 'File' } }];
    const containers = [...base.spec.containers, mounting];
    await suite.create(
      { ...base, spec: { ...base.spec, volumes, containers } },
      pod('hosts-of-node', sleepForever, { spec: { hostNetwork: true } }),
    );
    await suite.ready('hosts', 'hosts-of-node');
    const hosts = (name: string, of: string): Promise<string> =>
      suite.kubectl('exec', name, '-c', of, '--', 'cat', '/etc/hosts');
    const managed = /^# Kubernetes-managed hosts file\./;
    assert.match(await hosts('hosts', 'main'), managed);
    assert.doesNotMatch(await hosts('hosts', 'mounting'), managed);
    assert.doesNotMatch(await hosts('hosts-of-node', 'main'), /^# Kubernetes-managed hosts file\.\n/);
  });

  behaviour('Container Runtime, TerminationMessagePath, non-root user and non-default path', async () => {
    await suite.create(
      pod('words', 'printf DONE > /dev/custom-path', {
        container: { terminationMessagePath: '/dev/custom-path', securityContext: { runAsUser: 1000 } },
        spec: never,
      }),
    );
    const status = await ended('words');
    assert.equal(status.phase, 'Succeeded');
    assert.equal(status.containerStatuses[0]?.state['terminated']?.message, 'DONE');
  });

  behaviour('Container Runtime, Restart Policy, Pod Phases', async () => {
    const volumes = [{ name: 'work', emptyDir: {} }];
    const mounted = { volumeMounts: [{ name: 'work', mountPath: '/work' }] };
    const failing = 'test -e /work/tried && exec sleep 100000; touch /work/tried; exit 1';
    const make = (name: string, shell: string, restartPolicy: string): string =>
      pod(name, shell, { container: mounted, spec: { restartPolicy, volumes } });
    await suite.create(
      make('policy-always', failing, 'Always'),
      make('policy-on-failure', 'test -e /work/tried && exit 0; touch /work/tried; exit 1', 'OnFailure'),
      make('policy-never', 'exit 1', 'Never'),
    );
    const always = await until('policy-always', 'its restart', ({ containerStatuses: [one] }) =>
      Boolean(one?.restartCount === 1 && one.ready),
    );
    assert.equal(always.phase, 'Running');
    const onFailure = await ended('policy-on-failure');
    assert.deepEqual([onFailure.phase, onFailure.containerStatuses[0]?.restartCount], ['Succeeded', 1]);
    const once = await ended('policy-never');
    assert.deepEqual([once.phase, once.containerStatuses[0]?.restartCount], ['Failed', 0]);
    assert.equal(once.containerStatuses[0]?.ready, false);
  });

  behaviour('Ephemeral Container, update ephemeral containers', async () => {
    await suite.create(pod('joined', sleepForever));
    await suite.ready('joined');
    const debuggers = [container('debugger-1', sleepForever), container('debugger-2', sleepForever)];
    const path = `${suite.core}/pods/joined/ephemeralcontainers`;
    for (const count of [1, 2]) {
      await suite.api.change(path.replace(/\/ephemeralcontainers$/, '/ephemeralcontainers'), (object) => {
        const spec = object['spec'] as Record<string, unknown>;
        spec['ephemeralContainers'] = debuggers.slice(0, count);
      });
      const status = await until('joined', `${count} running`, ({ ephemeralContainerStatuses = [] }) =>
        Boolean(ephemeralContainerStatuses[count - 1]?.state['running']),
      );
      assert.equal(status.ephemeralContainerStatuses?.length, count);
    }
  });

  behaviour('Sysctl, test sysctls', async () => {
    const securityContext = { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] };
    assert.equal(
      await suite.outputOf('sysctl', 'cat /proc/sys/kernel/shm_rmid_forced', { spec: { securityContext } }),
      '1\n',
    );
  });
  behaviour('Sysctls, reject invalid sysctls', async () => {
    const names = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..'];
    const sysctls = names.map((name) => ({ name, value: '100000000' }));
    const manifest = JSON.parse(pod('invalid', sleepForever, { spec: { securityContext: { sysctls } } }));
    const refused = await suite.api.refused(422, 'POST', `${suite.core}/pods`, { body: manifest });
    assert.match(refused, /spec\.securityContext\.sysctls\[0\]\.name: Invalid value: "foo-"/);
    assert.match(refused, /sysctls\[3\]\.name: Invalid value: "bar\.\."/);
    assert.doesNotMatch(refused, /sysctls\[1\]/);
  });

  behaviour('Pods, ActiveDeadlineSeconds', async () => {
    await suite.create(pod('late', sleepForever));
    await suite.ready('late');
    await suite.api.patch(`${suite.core}/pods/late`, { spec: { activeDeadlineSeconds: 2 } });
    const { phase, reason } = await ended('late');
    assert.deepEqual([phase, reason], ['Failed', 'DeadlineExceeded']);
  });

  behaviour('Pods, lifecycle', async () => {
    const path = `${suite.core}/pods`;
    const labels = { time: 'lifecycle' };
    const selector = 'labelSelector=time%3Dlifecycle';
    const empty = await suite.api.get(`${path}?${selector}`);
    const watch = await suite.api.watch(path, `${selector}&resourceVersion=${empty.metadata.resourceVersion}`);
    try {
      await suite.create(pod('observed', sleepForever, { labels, spec: { terminationGracePeriodSeconds: 30 } }));
      await watch.until('ADDED');
      await watch.until('MODIFIED', (object) => (object['status'] as Pod['status']).phase === 'Running');
      await suite.api.delete(`${path}/observed`);
      await watch.until('MODIFIED', ({ metadata }) => metadata.deletionTimestamp !== undefined);
      await watch.until('DELETED', ({ metadata }) => metadata.deletionTimestamp !== undefined);
    } finally {
      watch.close();
    }
    assert.deepEqual(await suite.api.items(`${path}?${selector}`), []);
  });

  behaviour('Pods, completes the lifecycle of a Pod and the PodStatus', async () => {
    const path = `${suite.core}/pods`;
    await suite.create(pod('whole', sleepForever, { labels: { 'test-pod-static': 'true' } }));
    await suite.ready('whole');
    const patched = await suite.api.patch(
      `${path}/whole`,
      { metadata: { labels: { 'test-pod': 'patched' } }, spec: { terminationGracePeriodSeconds: 1 } },
      'strategic',
    );
    assert.equal(patched.metadata.labels?.['test-pod'], 'patched');
    const replaced = await suite.api.change(`${path}/whole/status`, (object) => {
      for (const condition of (object['status'] as Pod['status']).conditions) {
        if (condition.type === 'Ready') condition.status = 'False';
      }
    });
    const ready = (replaced['status'] as Pod['status']).conditions.find(({ type }) => type === 'Ready');
    assert.equal(ready?.status, 'False');
    await suite.api.delete(`${path}?labelSelector=test-pod-static%3Dtrue`);
    await eventually('its end', async () => (await suite.api.send('GET', `${path}/whole`)).status === 404);
  });

  behaviour('Pods, service environment variables', async () => {
    await suite.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'fooservice' },
      spec: { selector: { app: 'server' }, ports: [{ port: 8765, targetPort: 8080 }] },
    });
    const address = await suite.kubectl('get', 'service', 'fooservice', '-o', 'jsonpath={.spec.clusterIP}');
    const lines = (await suite.outputOf('environment', 'env')).split('\n');
    const expected = [
      `FOOSERVICE_SERVICE_HOST=${address}`,
      'FOOSERVICE_SERVICE_PORT=8765',
      `FOOSERVICE_PORT=tcp://${address}:8765`,
      'FOOSERVICE_PORT_8765_TCP_PORT=8765',
      'FOOSERVICE_PORT_8765_TCP_PROTO=tcp',
      `FOOSERVICE_PORT_8765_TCP=tcp://${address}:8765`,
      `FOOSERVICE_PORT_8765_TCP_ADDR=${address}`,
    ];
    for (const line of expected) assert.ok(lines.includes(line), line);
  });
});

behaviour('Pods Generation, 500 updates', async () => {
  await suite.create(pod('changing', sleepForever, { spec: { activeDeadlineSeconds: 10_000 } }));
  const path = `${suite.core}/pods/changing`;
  for (let index = 1; index < 500; index++) {
    await suite.api.patch(path, { spec: { activeDeadlineSeconds: 10_000 - index } });
  }
  await eventually('the last generation to be observed', async () => {
    const object = await suite.api.get(path);
    const { observedGeneration } = object['status'] as { observedGeneration?: number };
    return object.metadata.generation === 500 && observedGeneration === 500;
  });
});
