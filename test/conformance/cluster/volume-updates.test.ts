/** Volumes of configuration that follow their sources, and paths in volumes that come from the environment. */
import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import type { Pod } from '../../e2e/pod-scope.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('volume-updates');
const read = (name: string, path: string): Promise<string> => suite.kubectl('exec', name, '--', 'cat', path);
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Kind = 'ConfigMap' | 'Secret';
const source = (kind: Kind, name: string, data: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  ...(kind === 'ConfigMap' ? { data } : { stringData: data }),
});
const pathOf = (kind: Kind, name: string): string =>
  `${suite.core}/${kind === 'ConfigMap' ? 'configmaps' : 'secrets'}/${name}`;

interface UpdateCase {
  readonly name: string;
  readonly kind: Kind;
  readonly volume: (name: string) => object;
}

const updates: readonly UpdateCase[] = [
  {
    name: 'ConfigMap Volume, create, update and delete',
    kind: 'ConfigMap',
    volume: (name) => ({ configMap: { name, optional: true } }),
  },
  {
    name: 'Secrets Volume, create, update and delete',
    kind: 'Secret',
    volume: (secretName) => ({ secret: { secretName, optional: true } }),
  },
  {
    name: 'Projected Volume, ConfigMap, create, update and delete',
    kind: 'ConfigMap',
    volume: (name) => ({ projected: { sources: [{ configMap: { name, optional: true } }] } }),
  },
  {
    name: 'Projected Volume, Secrets, create, update delete',
    kind: 'Secret',
    volume: (name) => ({ projected: { sources: [{ secret: { name, optional: true } }] } }),
  },
];

sideBySide(() => {
  for (const [index, { name, kind, volume }] of updates.entries()) {
    behaviour(name, async () => {
      const one = `optional-${index}`;
      const parts = ['create', 'update', 'delete'];
      await suite.create(
        source(kind, `${one}-update`, { 'data-1': 'value-1' }),
        source(kind, `${one}-delete`, { 'data-1': 'value-1' }),
        pod(one, sleepForever, {
          spec: { volumes: parts.map((part) => ({ name: part, ...volume(`${one}-${part}`) })) },
          container: { volumeMounts: parts.map((part) => ({ name: part, mountPath: `/etc/${part}` })) },
        }),
      );
      await suite.ready(one);
      const listed = (): Promise<string> =>
        suite.kubectl('exec', one, '--', 'sh', '-c', 'cd /etc; grep -s "" create/* update/* delete/* || true');
      assert.equal(await listed(), 'update/data-1:value-1\ndelete/data-1:value-1\n');
      await suite.api.delete(pathOf(kind, `${one}-delete`));
      const value = (text: string): string => (kind === 'Secret' ? Buffer.from(text).toString('base64') : text);
      await suite.api.patch(pathOf(kind, `${one}-update`), { data: { 'data-1': null, 'data-3': value('value-3') } });
      await suite.create(source(kind, `${one}-create`, { 'data-1': 'value-1' }));
      await eventually(
        'the changes',
        async () => (await listed()) === 'create/data-1:value-1\nupdate/data-3:value-3\n',
      );
    });
  }

  async function followsConfigMap(name: string, volume: object): Promise<void> {
    await suite.create(
      source('ConfigMap', name, { 'data-1': 'value-1' }),
      pod(name, sleepForever, {
        spec: { volumes: [{ name: 'source', ...volume }] },
        container: { volumeMounts: [{ name: 'source', mountPath: '/etc/source' }] },
      }),
    );
    await suite.ready(name);
    assert.equal(await read(name, '/etc/source/data-1'), 'value-1');
    await suite.api.patch(pathOf('ConfigMap', name), { data: { 'data-1': 'value-2' } });
    await eventually('the new value', async () => (await read(name, '/etc/source/data-1')) === 'value-2');
  }
  behaviour('ConfigMap Volume, update', () => followsConfigMap('follows', { configMap: { name: 'follows' } }));
  behaviour('Projected Volume, ConfigMap, update', () =>
    followsConfigMap('follows-projected', { projected: { sources: [{ configMap: { name: 'follows-projected' } }] } }),
  );

  async function followsPod(name: string, field: 'labels' | 'annotations', projected: boolean): Promise<void> {
    const downwardAPI = { items: [{ path: field, fieldRef: { fieldPath: `metadata.${field}` } }] };
    const body = JSON.parse(
      pod(name, sleepForever, {
        spec: {
          volumes: [{ name: 'pod', ...(projected ? { projected: { sources: [{ downwardAPI }] } } : { downwardAPI }) }],
        },
        container: { volumeMounts: [{ name: 'pod', mountPath: '/etc/pod' }] },
      }),
    );
    body.metadata[field] = { first: 'one' };
    await suite.create(body);
    await suite.ready(name);
    assert.match(await read(name, `/etc/pod/${field}`), /^first="one"$/m);
    await suite.api.patch(`${suite.core}/pods/${name}`, { metadata: { [field]: { second: 'two' } } });
    await eventually('the addition', async () => /^second="two"$/m.test(await read(name, `/etc/pod/${field}`)));
  }
  behaviour('DownwardAPI volume, update label', () => followsPod('labels', 'labels', false));
  behaviour('DownwardAPI volume, update annotations', () => followsPod('annotations', 'annotations', false));
  behaviour('Projected Volume, DownwardAPI, update labels', () => followsPod('labels-projected', 'labels', true));
  behaviour('Projected Volume, DownwardAPI, update annotation', () =>
    followsPod('annotations-projected', 'annotations', true),
  );

  behaviour('Secrets Volume, volume mode default, secret with same name in different namespace', async () => {
    const other = `${suite.namespace}-other`;
    await suite.api.create('/api/v1/namespaces', { metadata: { name: other } });
    try {
      await suite.api.create(`/api/v1/namespaces/${other}/secrets`, source('Secret', 'same', { 'data-1': 'theirs' }));
      await suite.create(source('Secret', 'same', { 'data-1': 'own' }));
      const printed = await suite.outputOf('same-name', 'stat -Lc %a /etc/same/data-1; cat /etc/same/data-1', {
        spec: { volumes: [{ name: 'same', secret: { secretName: 'same' } }] },
        container: { volumeMounts: [{ name: 'same', mountPath: '/etc/same' }] },
      });
      assert.equal(printed, '644\nown');
    } finally {
      await suite.api.delete(`/api/v1/namespaces/${other}`);
    }
  });

  behaviour('EmptyDir Wrapper Volume, Secret and ConfigMap volumes, no conflict', async () => {
    await suite.create(source('Secret', 'wrapped', { key: 'secret' }), source('ConfigMap', 'wrapped', { key: 'map' }));
    const printed = await suite.outputOf('wrapping', 'cat /etc/secret/key /etc/map/key', {
      spec: {
        volumes: [
          { name: 'secret', secret: { secretName: 'wrapped' } },
          { name: 'map', configMap: { name: 'wrapped' } },
        ],
      },
      container: {
        volumeMounts: [
          { name: 'secret', mountPath: '/etc/secret' },
          { name: 'map', mountPath: '/etc/map' },
        ],
      },
    });
    assert.equal(printed, 'secretmap');
  });

  behaviour('EmptyDir Wrapper Volume, ConfigMap volumes, no race', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `racey-${index}`);
    await suite.create(...names.map((name) => source('ConfigMap', name, { 'data-1': 'value-1' })));
    const options = {
      spec: { volumes: names.map((name) => ({ name, configMap: { name } })) },
      container: { volumeMounts: names.map((name) => ({ name, mountPath: `/etc/config/${name}` })) },
    };
    const pods = [1, 2, 3, 4, 5].map((index) => `racing-${index}`);
    await suite.create(...pods.map((name) => pod(name, sleepForever, options)));
    await suite.ready(...pods);
    const count = 'cat /etc/config/racey-*/data-1 | grep -o value-1 | grep -c .';
    for (const name of pods) assert.equal(await suite.kubectl('exec', name, '--', 'sh', '-c', count), '50\n');
    await suite.kubectl('delete', 'pod', ...pods);
  });

  const env = [
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'ANNOTATION', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['mysubpath']" } } },
  ];
  const work = { spec: { volumes: [{ name: 'work', emptyDir: {} }] } };
  const expanding = (subPathExpr: string, more: object = {}) => ({
    ...work,
    container: {
      env,
      volumeMounts: [
        { name: 'work', mountPath: '/all' },
        { name: 'work', mountPath: '/mine', subPathExpr },
      ],
      ...more,
    },
  });
  const waitingOf = async (name: string): Promise<string | undefined> => {
    const { containerStatuses } = (await suite.api.get(`${suite.core}/pods/${name}`))['status'] as Pod['status'];
    return containerStatuses?.[0]?.state['waiting']?.reason;
  };
  const refused = (name: string): Promise<unknown> =>
    eventually('the refusal', async () => (await waitingOf(name)) === 'CreateContainerConfigError');

  behaviour('VolumeSubpathEnvExpansion, subpath expansion', async () => {
    const shell = 'echo found > /mine/file; cat /all/expanded/file';
    assert.equal(await suite.outputOf('expanded', shell, expanding('$(POD_NAME)')), 'found\n');
  });
  behaviour('VolumeSubpathEnvExpansion, subpath with backticks', async () => {
    const bad = [{ name: 'POD_NAME', value: '../$(NOTHING)`whoami`' }];
    await suite.create(pod('backticks', sleepForever, expanding('$(POD_NAME)', { env: bad })));
    await refused('backticks');
  });
  behaviour('VolumeSubpathEnvExpansion, subpath with absolute path', async () => {
    await suite.create(
      pod('absolute', sleepForever, expanding('$(POD_NAME)', { env: [{ name: 'POD_NAME', value: '/absolute' }] })),
    );
    await refused('absolute');
  });
  behaviour('VolumeSubpathEnvExpansion, subpath test writes', async () => {
    const body = JSON.parse(pod('writes', sleepForever, expanding('$(ANNOTATION)/$(POD_NAME)')));
    body.metadata.annotations = { mysubpath: 'mypath' };
    await suite.create(body);
    await suite.ready('writes');
    const run = (shell: string): Promise<string> => suite.kubectl('exec', 'writes', '--', 'sh', '-c', shell);
    await run('touch /all/mypath/writes/test.log; test -f /mine/test.log');
    // The mount stays where it is; only a container that starts anew looks again.
    await suite.api.patch(`${suite.core}/pods/writes`, { metadata: { annotations: { mysubpath: 'newpath' } } });
    await delay(500);
    await run('touch /mine/after.log; test -f /all/mypath/writes/after.log');
    await suite.kubectl('delete', 'pod', 'writes');
  });
  behaviour('VolumeSubpathEnvExpansion, subpath ready from failed state', async () => {
    const body = JSON.parse(pod('recovers', sleepForever, expanding('$(ANNOTATION)/$(POD_NAME)')));
    body.metadata.annotations = { notmysubpath: 'mypath' };
    await suite.create(body);
    await refused('recovers');
    await suite.api.patch(`${suite.core}/pods/recovers`, { metadata: { annotations: { mysubpath: 'mypath' } } });
    await suite.ready('recovers');
  });
});
