/** Files a pod is given: configuration, identity, scratch space, and what may not be reached by way of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { command, eventually, kubectlFails } from './kubectl.ts';
import { configMap, image, pod, sleepForever } from './manifests.ts';
import { PodScope } from './pod-scope.ts';

let scope: PodScope;
const never = { restartPolicy: 'Never' };

before(async () => {
  scope = await PodScope.create('volumes');
  await scope.create(configMap('files', { a: 'first', b: 'second' }));
  await scope.kubectl('create', 'secret', 'generic', 'keys', '--from-literal=token=secret');
});
after(() => scope.remove());

test('optional sources may be missing, and appear when they are made', async () => {
  const volumes = [
    { name: 'config', configMap: { name: 'later', optional: true } },
    { name: 'secret', secret: { secretName: 'later', optional: true } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }));
  await scope.create(pod('optional', sleepForever, { spec: { volumes }, container: { volumeMounts } }));
  await scope.ready('optional');
  assert.equal(await scope.sh('optional', 'ls /v/config /v/secret'), '/v/config:\n\n/v/secret:\n');
  await scope.create(configMap('later', { x: 'here' }));
  await scope.kubectl('create', 'secret', 'generic', 'later', '--from-literal=y=there');
  await eventually(
    'both files',
    async () => (await scope.sh('optional', 'cat /v/config/x /v/secret/y 2>/dev/null; true')) === 'herethere',
  );
  await scope.kubectl('delete', 'configmap', 'later');
  await eventually('the file to go', async () => (await scope.sh('optional', 'ls /v/config')) === '');
});

test('a pod waits for a source that is not optional, and starts when it is there', async () => {
  const volumes = [{ name: 'needed', configMap: { name: 'needed' } }];
  await scope.create(
    pod('waits', 'cat /v/x', {
      spec: { ...never, volumes },
      container: { volumeMounts: [{ name: 'needed', mountPath: '/v' }] },
    }),
  );
  await eventually('the reason', async () =>
    /FailedMount .*configmap "needed" not found/.test(await scope.events('waits')),
  );
  await scope.create(configMap('needed', { x: 'found' }));
  assert.equal((await scope.ends('waits')).status.phase, 'Succeeded');
  assert.equal(await scope.logs('waits'), 'found');
});

test('modes and keys of secrets; they lie in memory', async () => {
  const volumes = [
    { name: 'whole', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'picked', secret: { secretName: 'keys', items: [{ key: 'token', path: 'deep/t', mode: 0o440 }] } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }));
  await scope.create(
    pod('modes', 'stat -Lc %a /v/whole/token /v/picked/deep/t; cat /v/picked/deep/t; mount | grep -c "tmpfs on /v/"', {
      spec: { ...never, volumes },
      container: { volumeMounts },
    }),
  );
  await scope.ends('modes');
  assert.equal(await scope.logs('modes'), '400\n440\nsecret2\n');
});

test('subPathExpr is expanded, and a subPath that is not there is made', async () => {
  const volumes = [{ name: 'work', emptyDir: {} }];
  const env = [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
  const volumeMounts = [
    { name: 'work', mountPath: '/all' },
    { name: 'work', mountPath: '/mine', subPathExpr: 'of/$(POD_NAME)' },
  ];
  await scope.create(
    pod('expanded', 'echo x > /mine/f; cat /all/of/expanded/f', {
      spec: { ...never, volumes },
      container: { env, volumeMounts },
    }),
  );
  assert.equal((await scope.ends('expanded')).status.phase, 'Succeeded');
  assert.equal(await scope.logs('expanded'), 'x\n');
});

test('a subPath cannot leave its volume', async () => {
  const volumes = [{ name: 'work', emptyDir: {} }];
  const link = {
    ...JSON.parse(pod('x', 'ln -s /etc /work/out')).spec.containers[0],
    name: 'link',
    volumeMounts: [{ name: 'work', mountPath: '/work' }],
  };
  await scope.create(
    pod('escapes', sleepForever, {
      spec: { volumes, initContainers: [link] },
      container: { volumeMounts: [{ name: 'work', mountPath: '/stolen', subPath: 'out' }] },
    }),
  );
  await scope.until(
    'escapes',
    'the refusal',
    ({ status }) => status.containerStatuses[0]?.state['waiting']?.reason === 'CreateContainerConfigError',
  );
  const manifest = pod('escapes-too', sleepForever, {
    spec: { volumes },
    container: { volumeMounts: [{ name: 'work', mountPath: '/stolen', subPath: '../out' }] },
  });
  const refused = await command('kubectl', ['-n', scope.namespace, 'create', '-f', '-'], { input: manifest });
  assert.match(refused.stderr, /must not contain '\.\.'/);
});

test('a token of its own for another audience, and the one every pod has', async () => {
  const volumes = [
    {
      name: 'identity',
      projected: { sources: [{ serviceAccountToken: { path: 't', audience: 'vault', expirationSeconds: 600 } }] },
    },
  ];
  const own = '/var/run/secrets/kubernetes.io/serviceaccount';
  await scope.create(
    pod('identity', `cut -d. -f2 /v/t; echo; ls ${own}; cat ${own}/namespace`, {
      spec: { ...never, volumes },
      container: { volumeMounts: [{ name: 'identity', mountPath: '/v' }] },
    }),
  );
  await scope.ends('identity');
  const [payload = '', , ...rest] = (await scope.logs('identity')).split('\n');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  assert.deepEqual(claims['aud'], ['vault']);
  assert.equal(claims['sub'], `system:serviceaccount:${scope.namespace}:default`);
  assert.equal((claims['kubernetes.io'] as { pod: { name: string } }).pod.name, 'identity');
  assert.equal(rest.join(' ').trim(), `ca.crt namespace token ${scope.namespace}`);
});

test('fsGroup owns what is written and what is given', async () => {
  const volumes = [
    { name: 'work', emptyDir: {} },
    { name: 'config', configMap: { name: 'files' } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }));
  await scope.create(
    pod('group', 'touch /v/work/f; stat -Lc %u:%g /v/work/f /v/config/a; stat -c %A /v/work; id -G', {
      spec: { ...never, volumes, securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000 } },
      container: { volumeMounts },
    }),
  );
  await scope.ends('group');
  assert.equal(await scope.logs('group'), '1000:3000\n0:3000\ndrwxrwsrwx\n2000 3000\n');
});

test('the downward API follows labels and annotations', async () => {
  const items = [
    { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
    { path: 'note', fieldRef: { fieldPath: "metadata.annotations['note']" } },
    { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } },
  ];
  await scope.create(
    pod('downward', sleepForever, {
      spec: { volumes: [{ name: 'down', downwardAPI: { items } }] },
      container: { volumeMounts: [{ name: 'down', mountPath: '/v' }], resources: { limits: { cpu: '250m' } } },
    }),
  );
  await scope.ready('downward');
  assert.equal(await scope.sh('downward', 'cat /v/cpu'), '250');
  await scope.kubectl('annotate', 'pod', 'downward', 'note=changed');
  await scope.kubectl('label', 'pod', 'downward', 'color=blue');
  await eventually('the changes', async () =>
    /^color="blue"$/m.test(await scope.sh('downward', 'cat /v/labels; echo; test "$(cat /v/note)" = changed')),
  );
});

test('the files of an image are a volume, and nothing but them', async () => {
  const volumes = [{ name: 'files', image: { reference: image, pullPolicy: 'Never' } }];
  await scope.create(
    pod('image-volume', 'ls /v/bin/sh && ls -a /v; touch /v/x', {
      spec: { ...never, volumes },
      container: { volumeMounts: [{ name: 'files', mountPath: '/v' }] },
    }),
  );
  const { status } = await scope.ends('image-volume');
  const printed = await scope.logs('image-volume');
  assert.match(printed, /^\/v\/bin\/sh\n/);
  assert.match(printed, /Read-only file system/);
  assert.doesNotMatch(printed, /dockerenv/);
  assert.equal(status.phase, 'Failed');
});

test('an immutable config map stays as it is', async () => {
  await scope.create(JSON.stringify({ ...JSON.parse(configMap('fixed', { a: '1' })), immutable: true }));
  const refused = await kubectlFails([
    '-n',
    scope.namespace,
    'patch',
    'configmap',
    'fixed',
    '-p',
    '{"data":{"a":"2"}}',
  ]);
  assert.match(refused, /field is immutable when `immutable` is set/);
});

test('containers share an emptyDir, and it goes with the pod', async () => {
  const volumes = [{ name: 'shared', emptyDir: {} }];
  const mounted = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] };
  const base = JSON.parse(pod('pair', 'while ! cat /shared/f; do sleep 0.1; done', { container: mounted }));
  const writer = { ...base.spec.containers[0], name: 'writer', command: ['sh', '-c', 'echo shared > /shared/f'] };
  const containers = [...base.spec.containers, writer];
  await scope.create(JSON.stringify({ ...base, spec: { ...base.spec, ...never, volumes, containers } }));
  assert.equal((await scope.ends('pair')).status.phase, 'Succeeded');
  assert.match(await scope.logs('pair', '-c', 'main'), /shared\n$/);
});
