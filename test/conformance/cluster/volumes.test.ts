/**
 * What a container finds in its volumes: files, their contents and modes. All volumes of one kind of user hang in one
 * pod, which prints what it sees; each behaviour looks at its own.
 */
import assert from 'node:assert/strict';
import { image } from '../../e2e/manifests.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('volumes');

interface VolumeCase {
  readonly name: string;
  /** What stands in the pod's `volumes`, without the name. */
  readonly volume: object;
  readonly user?: 'root' | 'user' | 'group';
  /** Run in the mounted directory first. */
  readonly shell?: string;
  /** Path in the volume -> mode and content; a content that varies is a pattern. */
  readonly files: Readonly<Record<string, readonly [mode: string, content: string | RegExp]>>;
  /** Mounts this path of the volume, as the file `mounted`. */
  readonly subPath?: string;
}

const mapped = [{ key: 'data-2', path: 'path/to/data-2' }];
const mappedMode = [{ key: 'data-2', path: 'path/to/data-2', mode: 0o400 }];
const all = { 'data-1': ['644', 'value-1'], 'data-2': ['644', 'value-2'] } as const;
const one = { 'path/to/data-2': ['644', 'value-2'] } as const;

const configMap = (rest: object = {}): object => ({ configMap: { name: 'source', ...rest } });
const secret = (rest: object = {}): object => ({ secret: { secretName: 'source', ...rest } });
const projected = (kind: 'configMap' | 'secret', items?: object, defaultMode?: number): object => ({
  projected: {
    sources: [{ [kind]: { name: 'source', ...(items === undefined ? {} : { items }) } }],
    ...(defaultMode === undefined ? {} : { defaultMode }),
  },
});

const sources: readonly VolumeCase[] = [
  { name: 'ConfigMap Volume, without mapping', volume: configMap(), files: all },
  { name: 'ConfigMap Volume, without mapping, non-root user', volume: configMap(), user: 'user', files: all },
  {
    name: 'ConfigMap Volume, without mapping, volume mode set',
    volume: configMap({ defaultMode: 0o400 }),
    files: { 'data-1': ['400', 'value-1'] },
  },
  { name: 'ConfigMap Volume, with mapping', volume: configMap({ items: mapped }), files: one },
  {
    name: 'ConfigMap Volume, with mapping, volume mode set',
    volume: configMap({ items: mappedMode }),
    files: { 'path/to/data-2': ['400', 'value-2'] },
  },
  {
    name: 'ConfigMap Volume, with mapping, non-root user',
    volume: configMap({ items: mapped }),
    user: 'user',
    files: one,
  },
  { name: 'ConfigMap Volume, multiple volume maps', volume: configMap(), files: all },
  {
    name: 'ConfigMap Volume, text data, binary data',
    volume: configMap(),
    shell: 'base64 dump.bin > /tmp/dump',
    files: { 'data-1': ['644', 'value-1'], '/tmp/dump': ['644', '3sr+utD+/w=='] },
  },
  { name: 'Secrets Volume, default', volume: secret(), files: all },
  {
    name: 'Secrets Volume, volume mode 0400',
    volume: secret({ defaultMode: 0o400 }),
    files: { 'data-1': ['400', 'value-1'] },
  },
  {
    name: 'Secrets Volume, volume mode 0440, fsGroup 1001 and uid 1000',
    volume: secret({ defaultMode: 0o440 }),
    user: 'group',
    files: { 'data-1': ['440', 'value-1'] },
  },
  { name: 'Secrets Volume, mapping', volume: secret({ items: mapped }), files: one },
  {
    name: 'Secrets Volume, mapping, volume mode 0400',
    volume: secret({ items: mappedMode }),
    files: { 'path/to/data-2': ['400', 'value-2'] },
  },
  { name: 'Secrets Volume, mapping multiple volume paths', volume: secret(), files: all },
  { name: 'Projected Volume, ConfigMap, volume mode default', volume: projected('configMap'), files: all },
  { name: 'Projected Volume, ConfigMap, non-root user', volume: projected('configMap'), user: 'user', files: all },
  {
    name: 'Projected Volume, ConfigMap, volume mode 0400',
    volume: projected('configMap', undefined, 0o400),
    files: { 'data-1': ['400', 'value-1'] },
  },
  { name: 'Projected Volume, ConfigMap, mapped', volume: projected('configMap', mapped), files: one },
  {
    name: 'Projected Volume, ConfigMap, mapped, volume mode 0400',
    volume: projected('configMap', mappedMode),
    files: { 'path/to/data-2': ['400', 'value-2'] },
  },
  {
    name: 'Projected Volume, ConfigMap, mapped, non-root user',
    volume: projected('configMap', mapped),
    user: 'user',
    files: one,
  },
  { name: 'Projected Volume, ConfigMap, multiple volume paths', volume: projected('configMap'), files: all },
  { name: 'Projected Volume, Secrets, volume mode default', volume: projected('secret'), files: all },
  {
    name: 'Project Volume, Secrets, non-root, custom fsGroup',
    volume: projected('secret', undefined, 0o440),
    user: 'group',
    files: { 'data-1': ['440', 'value-1'] },
  },
  {
    name: 'Projected Volume, Secrets, volume mode 0400',
    volume: projected('secret', undefined, 0o400),
    files: { 'data-1': ['400', 'value-1'] },
  },
  { name: 'Projected Volume, Secrets, mapped', volume: projected('secret', mapped), files: one },
  {
    name: 'Projected Volume, Secrets, mapped, volume mode 0400',
    volume: projected('secret', mappedMode),
    files: { 'path/to/data-2': ['400', 'value-2'] },
  },
  { name: 'Projected Volume, Secrets, mapped, multiple paths', volume: projected('secret', mapped), files: one },
  {
    name: 'Projected Volume, multiple projections',
    volume: {
      projected: {
        sources: [
          { secret: { name: 'source', items: [{ key: 'data-1', path: 'secret-data' }] } },
          { configMap: { name: 'source', items: [{ key: 'data-2', path: 'configmap-data' }] } },
          { downwardAPI: { items: [{ path: 'podname', fieldRef: { fieldPath: 'metadata.name' } }] } },
        ],
      },
    },
    files: { 'secret-data': ['644', 'value-1'], 'configmap-data': ['644', 'value-2'], podname: ['644', 'root'] },
  },
];

const podName = { path: 'file', fieldRef: { fieldPath: 'metadata.name' } };
const resource = (containerName: string, name: string): object => ({
  path: 'file',
  resourceFieldRef: { containerName, resource: name },
});
/** Behaviours of the downward API have one name in a volume of its own and another in a projected one. */
const downward = (
  [plain, inProjected]: readonly [string, string],
  item: object,
  file: readonly [string, string | RegExp],
  defaultMode?: number,
): VolumeCase[] => {
  const rest = { ...(defaultMode === undefined ? {} : { defaultMode }) };
  return [
    { name: `DownwardAPI volume, ${plain}`, volume: { downwardAPI: { items: [item], ...rest } }, files: { file } },
    {
      name: `Projected Volume, DownwardAPI, ${inProjected}`,
      volume: { projected: { sources: [{ downwardAPI: { items: [item] } }], ...rest } },
      files: { file },
    },
  ];
};
const same = (name: string): [string, string] => [name, name];

const downwards: readonly VolumeCase[] = [
  ...downward(same('pod name'), podName, ['644', 'root']),
  ...downward(same('volume mode 0400'), podName, ['400', 'root'], 0o400),
  ...downward(['file mode 0400', 'volume mode 0400 (2)'], { ...podName, mode: 0o400 }, ['400', 'root']),
  ...downward(same('CPU limits'), resource('main', 'limits.cpu'), ['644', '2']),
  ...downward(same('CPU request'), resource('main', 'requests.cpu'), ['644', '1']),
  ...downward(same('memory limits'), resource('main', 'limits.memory'), ['644', '67108864']),
  ...downward(same('memory request'), resource('main', 'requests.memory'), ['644', '33554432']),
  ...downward(
    ['CPU limit, default node allocatable', 'CPU limit, node allocatable'],
    resource('unlimited', 'limits.cpu'),
    ['644', /^[1-9]\d*$/],
  ),
  ...downward(
    ['memory limit, default node allocatable', 'memory limit, node allocatable'],
    resource('unlimited', 'limits.memory'),
    ['644', /^[1-9]\d{8,}$/],
  ),
];

const written = (mode: string, medium: 'default' | 'memory', user: 'root' | 'user', name: string): VolumeCase => ({
  name: `EmptyDir, medium ${medium}, ${name}`,
  volume: { emptyDir: medium === 'memory' ? { medium: 'Memory' } : {} },
  user,
  shell: `echo content > new_file; chmod ${mode} new_file; stat -f -c %T . > type`,
  files: {
    new_file: [mode.slice(1), 'content'],
    type: ['644', medium === 'memory' ? 'tmpfs' : /^(?!tmpfs)/],
  },
});
const emptyDirs: readonly VolumeCase[] = [
  ...['0644', '0666', '0777'].flatMap((mode) => [
    written(mode, 'default', 'root', `volume mode ${mode}`),
    written(mode, 'default', 'user', `volume mode ${mode} (2)`),
    written(mode, 'memory', 'root', `volume mode ${mode}`),
    written(mode, 'memory', 'user', `volume mode ${mode}${mode === '0666' ? ',' : ''}, non-root user`),
  ]),
  ...(['default', 'memory'] as const).map((medium) => ({
    name: `EmptyDir, medium ${medium}, volume mode default`,
    volume: { emptyDir: medium === 'memory' ? { medium: 'Memory' } : {} },
    files: { '.': ['777', ''] } as const,
  })),
];

const subPaths: readonly VolumeCase[] = [
  ...(
    [
      ['SubPath: Reading content from a configmap volume.', configMap(), 'data-1'],
      ['SubPath: Reading content from a configmap volume. (2)', configMap({ items: mapped }), 'path/to/data-2'],
      ['SubPath: Reading content from a secret volume.', secret(), 'data-1'],
      ['SubPath: Reading content from a projected volume.', projected('configMap'), 'data-1'],
    ] as const
  ).map(([name, volume, subPath]) => ({
    name,
    volume,
    subPath,
    files: { mounted: ['644', subPath === 'data-1' ? 'value-1' : 'value-2'] } as const,
  })),
  {
    name: 'SubPath: Reading content from a downwardAPI volume.',
    volume: { downwardAPI: { items: [podName] } },
    subPath: 'file',
    files: { mounted: ['644', 'root'] },
  },
];

const cases: readonly VolumeCase[] = [...sources, ...downwards, ...emptyDirs, ...subPaths];
const securityContexts = { root: {}, user: { runAsUser: 1000 }, group: { runAsUser: 1000, fsGroup: 1001 } };
type User = keyof typeof securityContexts;

const printFile = (path: string): string =>
  `echo "@@ $PWD ${path} $(stat -L -c %a ${path})"; [ -d ${path} ] || cat ${path}; echo`;

/** The pod of one kind of user, with every volume of its cases under `/v/<index of the case>`. */
function podOf(user: User): object {
  const own = cases.flatMap((one, index) => ((one.user ?? 'root') === user ? [{ ...one, id: `v${index}` }] : []));
  const steps = own.map(({ id, shell = 'true', files }) =>
    [`cd /v/${id}`, shell, ...Object.keys(files).map(printFile)].join('; '),
  );
  const container = {
    image,
    imagePullPolicy: 'Never',
    resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } },
    command: ['sh', '-c', steps.join('; ')],
    volumeMounts: own.map(({ id, subPath }) => ({
      name: id,
      mountPath: subPath === undefined ? `/v/${id}` : `/v/${id}/mounted`,
      ...(subPath === undefined ? {} : { subPath }),
    })),
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: user },
    spec: {
      restartPolicy: 'Never',
      securityContext: securityContexts[user],
      containers: [
        { name: 'main', ...container },
        { name: 'unlimited', image, imagePullPolicy: 'Never', command: ['true'] },
      ],
      volumes: own.map(({ id, volume }) => ({ name: id, ...volume })),
    },
  };
}

interface Found {
  readonly mode: string;
  readonly content: string;
}

let found: Promise<ReadonlyMap<string, Found>> | undefined;

/** What the pods printed, by directory and path; they run when first asked for. */
async function runPods(): Promise<ReadonlyMap<string, Found>> {
  const data = { 'data-1': 'value-1', 'data-2': 'value-2' };
  const binaryData = { 'dump.bin': Buffer.from([0xde, 0xca, 0xfe, 0xba, 0xd0, 0xfe, 0xff]).toString('base64') };
  await suite.create(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'source' }, data, binaryData },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'source' }, stringData: data },
  );
  const users: readonly User[] = ['root', 'user', 'group'];
  await suite.create(...users.map(podOf));
  const results = new Map<string, Found>();
  for (const user of users) {
    await suite.kubectl('wait', `pod/${user}`, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
    for (const part of (await suite.kubectl('logs', user, '-c', 'main')).split('@@ ').slice(1)) {
      const [head = '', ...lines] = part.split('\n');
      const [directory, path, mode = ''] = head.split(' ');
      results.set(`${directory} ${path}`, { mode, content: lines.join('\n').trim() });
    }
  }
  return results;
}

for (const [index, { name, files }] of cases.entries()) {
  behaviour(name, async () => {
    found ??= runPods();
    const results = await found;
    for (const [path, [mode, content]] of Object.entries(files)) {
      const result = results.get(`/v/v${index} ${path}`);
      assert.equal(result?.mode, mode, `the mode of ${path}`);
      if (typeof content === 'string') assert.equal(result?.content, content);
      else assert.match(result?.content ?? '', content);
    }
  });
}
