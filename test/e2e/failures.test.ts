/** What goes wrong around a cluster: each failure ends in one sentence that says what to do, and nothing is lost. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type CommandResult,
  command,
  createNamespace,
  eventually,
  kubectl,
  kubectlFails,
  kubectlJson,
} from './kubectl.ts';
import { configMap, deployment, pod, sleepForever } from './manifests.ts';

const dataDirectory = process.env['ROADSTEAD_DATA'] ?? '';
const port = process.env['ROADSTEAD_PORT'] ?? '';
const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
const scratch = mkdtempSync(path.join(tmpdir(), 'roadstead-failures-'));

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const roadstead = (...args: string[]): Promise<CommandResult> => command(program, args, { timeoutMs: 100_000 });
const up = (): Promise<CommandResult> => roadstead('up', '--data-dir', dataDirectory, '--port', port, '--no-example');

before(async () => {
  namespace = await createNamespace('failures');
});
after(async () => {
  await namespace.remove();
  rmSync(scratch, { recursive: true, force: true });
});

/** Exit 1, nothing on standard output, and one line that starts with the program's name. */
function assertSentence({ code, stdout, stderr }: CommandResult, sentence: RegExp): void {
  assert.equal(code, 1, stderr);
  assert.match(stderr, sentence);
  assert.match(stderr, /^(roadstead|error): [^\n]+\n(\(add --help for what there is\)\n)?$/);
  assert.equal(stdout, '');
}

test('every command has a help page', async () => {
  for (const name of ['', 'up', 'down', 'server', 'agent', 'images', 'status']) {
    const { code, stdout, stderr } = await roadstead(...(name === '' ? [] : [name]), '--help');
    assert.equal(code, 0, name);
    assert.match(stdout, new RegExp(`^Usage: roadstead ${name}`));
    assert.equal(stderr, '');
  }
});

const misuse: [string[], RegExp][] = [
  [['bogus'], /unknown command 'bogus'/],
  [['server', '--bogus'], /unknown option '--bogus'/],
  [['server', '--port', 'abc'], /"abc" is not a port; use a number from 1 to 65535/],
  [['server', '--port', '99999'], /"99999" is not a port/],
  [['server', '--log-level', 'loud'], /"loud" is not a log level; use one of/],
  [['server', '--components', 'api,foo'], /"foo" is not a component; use some of/],
  [['server', '--cluster-cidr', 'x'], /"x" is not a network for pods; write it as/],
  [['server', '--service-cidr', 'x', '--data-dir', path.join(scratch, 'cidr')], /network "x" is not a CIDR such as/],
  [['server', '--service-node-port-range', 'x', '--data-dir', path.join(scratch, 'range')], /is not a range of ports/],
  [['server', '--address', '192.0.2.1', '--data-dir', path.join(scratch, 'address')], /no address 192\.0\.2\.1/],
  [['server', '--data-dir', ''], /--data-dir is empty/],
  [['server', '--data-dir', '/proc/nowhere'], /cannot be made there; choose another directory/],
  [['server', '--data-dir', '/dev/null'], /is a file, not a directory; choose another/],
  [['agent', '--node-labels', 'x'], /"x" is not a label; write key=value/],
  [
    ['agent', '--kubeconfig', '/nowhere', '--data-dir', path.join(scratch, 'agent')],
    /Cannot use the kubeconfig \/nowhere; name another/,
  ],
  [['images', '--docker-socket', '/nowhere'], /No Docker Engine answers on \/nowhere; start it/],
];

for (const [args, sentence] of misuse) {
  test(`"${args.slice(0, 3).join(' ')}" ends with a sentence`, async () => {
    assertSentence(await roadstead(...args), sentence);
  });
}

test('a kubeconfig that is damaged, or not ours to read', async () => {
  const file = path.join(scratch, 'kubeconfig');
  for (const text of ['junk: [', 'apiVersion: v1', '{"clusters":3}']) {
    writeFileSync(file, text);
    const failed = await roadstead('agent', '--kubeconfig', file, '--data-dir', path.join(scratch, 'agent'));
    assertSentence(failed, /Cannot use the kubeconfig/);
  }
  const kubeconfig = path.join(dataDirectory, 'kubeconfig');
  const said = await command('setpriv', [
    '--reuid=65534',
    '--clear-groups',
    'kubectl',
    '--kubeconfig',
    kubeconfig,
    'get',
    'pods',
  ]);
  assert.notEqual(said.code, 0);
  assert.match(said.stderr, /permission denied/);
});

test('up without root, and without nft', async () => {
  const unprivileged = ['--reuid=65534', '--clear-groups', program, 'up', '--data-dir', path.join(scratch, 'up')];
  assertSentence(await command('setpriv', unprivileged), /needs root; run this as root/);
  // A mount namespace of its own, where the folder of root's programs is empty.
  const empty = path.join(scratch, 'empty');
  mkdirSync(empty);
  const script = 'mount --bind "$1" /usr/sbin && exec "$2" agent --data-dir "$3"';
  const args = ['-m', 'sh', '-c', script, 'sh', empty, program, path.join(scratch, 'agent')];
  assertSentence(await command('unshare', args), /"nft" is not installed; install nftables and iproute2/);
});

test('a second agent on a data directory is refused', async () => {
  assertSentence(await roadstead('agent', '--data-dir', dataDirectory), /in use by process \d+; an agent runs there/);
});

test('a purge of a directory without a cluster touches nothing', async () => {
  const mine = path.join(scratch, 'mine');
  mkdirSync(mine);
  writeFileSync(path.join(mine, 'letter'), 'dear');
  for (let times = 0; times < 2; times++) {
    const { code, stdout } = await roadstead('down', '--purge', '--data-dir', mine);
    assert.equal(code, 0);
    assert.match(stdout, /Nothing is left to remove/);
  }
  assert.equal(readFileSync(path.join(mine, 'letter'), 'utf8'), 'dear');
  await kubectl(['get', '--raw', '/readyz']);
});

/** A server alone in a directory of its own. */
class LoneServer {
  readonly directory: string;
  #child: ReturnType<typeof spawn> | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  args(port: number): string[] {
    return ['server', '--data-dir', this.directory, '--port', String(port)];
  }

  async start(): Promise<void> {
    this.#child = spawn(program, this.args(await freePort()), { stdio: 'ignore' });
    await eventually('the server', () => this.kubectl('get', '--raw', '/readyz'), 20_000);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await ended;
  }

  kubectl(...args: string[]): Promise<string> {
    return kubectl(['--kubeconfig', path.join(this.directory, 'kubeconfig'), ...args]);
  }

  fails(input: string, ...args: string[]): Promise<string> {
    return kubectlFails(['--kubeconfig', path.join(this.directory, 'kubeconfig'), ...args], { input });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

test('damaged state is told with what to do about it', async () => {
  const good = new LoneServer(path.join(scratch, 'good'));
  await good.start();
  await good.end('SIGTERM');
  const store = 'server/store/store.mdb';
  const noise = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * 7919) & 0xff));
  const damages: [string, (directory: string) => void, RegExp][] = [
    [
      'a cut store',
      (directory) => truncateSync(path.join(directory, store), 20_000),
      /it was cut short.*restore it from a backup/,
    ],
    [
      'a store with noise in it',
      (directory) => {
        const bytes = readFileSync(path.join(directory, store));
        noise.copy(bytes, 8192);
        writeFileSync(path.join(directory, store), bytes);
      },
      /its content is damaged.*restore it from a backup/,
    ],
    ['a store of noise', (directory) => writeFileSync(path.join(directory, store), noise), /is not an LMDB database/],
    [
      'an authority of noise',
      (directory) => writeFileSync(path.join(directory, 'server/pki/ca.crt'), noise),
      /damaged; restore both/,
    ],
    [
      'an authority without key',
      (directory) => rmSync(path.join(directory, 'server/pki/ca.key')),
      /is missing; restore it/,
    ],
    [
      'a token key of noise',
      (directory) => writeFileSync(path.join(directory, 'server/pki/sa.key'), noise),
      /sa\.key is damaged/,
    ],
  ];
  for (const [what, damage, sentence] of damages) {
    const server = new LoneServer(path.join(scratch, 'damaged'));
    cpSync(good.directory, server.directory, { recursive: true });
    damage(server.directory);
    const failed = await command(program, server.args(await freePort()), { timeoutMs: 10_000 });
    rmSync(server.directory, { recursive: true });
    assert.match(failed.stderr, sentence, what);
    assert.equal(failed.code, 1, what);
  }
});

test('a read-only data directory', async () => {
  const directory = path.join(scratch, 'read-only');
  mkdirSync(directory);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory]);
  try {
    assertSentence(
      await roadstead('server', '--data-dir', directory),
      /read-only file system; remount it, or choose another/,
    );
  } finally {
    execFileSync('umount', [directory]);
  }
});

test('a full disk refuses writes, answers reads, loses nothing, and works again once there is room', async () => {
  const server = new LoneServer(path.join(scratch, 'full'));
  mkdirSync(server.directory);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', server.directory]);
  try {
    await server.start();
    const large = 'x'.repeat(400_000);
    const kept: string[] = [];
    let refusal = '';
    for (let count = 0; count < 30 && refusal === ''; count++) {
      const input = configMap(`large-${count}`, { large });
      const config = ['--kubeconfig', path.join(server.directory, 'kubeconfig'), 'create', '-f', '-'];
      const { code, stderr } = await command('kubectl', config, { input });
      if (code === 0) kept.push(`configmap/large-${count}`);
      else refusal = stderr;
    }
    assert.match(refusal, /ServiceUnavailable.*The disk of the data directory is full.*free some space and try again/);
    assert.ok(kept.length > 2);
    assert.match(await server.kubectl('get', 'configmaps', '-o', 'name'), /configmap\/large-0/);
    execFileSync('mount', ['-o', 'remount,size=64m', server.directory]);
    await server.kubectl('create', 'configmap', 'later');
    await server.end('SIGKILL');
    await server.start();
    const names = (await server.kubectl('get', 'configmaps', '-o', 'name')).split('\n');
    for (const name of [...kept, 'configmap/later']) assert.ok(names.includes(name), name);
  } finally {
    await server.end('SIGKILL');
    execFileSync('umount', ['-l', server.directory]);
  }
});

test('an image that does not exist is told in status and Events, and the pod is not given up', async () => {
  const manifest = pod('no-image', sleepForever, {
    container: { image: 'nowhere.invalid/nothing:1', imagePullPolicy: 'IfNotPresent' },
  });
  await kubectl(inNamespace('create', '-f', '-'), { input: manifest });
  await eventually('the back-off', async () =>
    /ErrImagePull|ImagePullBackOff/.test(await kubectl(inNamespace('get', 'pod', 'no-image'))),
  );
  const described = await eventually('the Event', async () => {
    const text = await kubectl(inNamespace('describe', 'pod', 'no-image'));
    return /Failed to pull image "nowhere.invalid\/nothing:1"/.test(text) ? text : undefined;
  });
  assert.match(described, /Warning +Failed .*Error: ErrImagePull/);
  await kubectl(inNamespace('delete', 'pod', 'no-image', '--timeout=20s'));
});

test('a node port and a host port that are taken', async () => {
  await kubectl(inNamespace('create', 'service', 'nodeport', 'first', '--tcp=80', '--node-port=31987'));
  assert.match(
    await kubectlFails(inNamespace('create', 'service', 'nodeport', 'second', '--tcp=80', '--node-port=31987')),
    /nodePort: Invalid value: 31987: provided port is already allocated/,
  );
  const container = { ports: [{ containerPort: 80, hostPort: 31555 }] };
  await kubectl(inNamespace('create', '-f', '-'), { input: pod('holder', sleepForever, { container }) });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/holder', '--timeout=30s'));
  await kubectl(inNamespace('create', '-f', '-'), { input: pod('waiting', sleepForever, { container }) });
  await eventually('the reason', async () =>
    /didn't have free ports for the requested pod ports/.test(await kubectl(inNamespace('describe', 'pod', 'waiting'))),
  );
  await kubectl(inNamespace('delete', 'pod', 'holder', 'waiting', '--timeout=20s'));
});

test('up killed at any moment, down in the middle of it, and two at once', async () => {
  const down = (): Promise<CommandResult> => roadstead('down', '--data-dir', dataDirectory);
  for (const [killAfterMs, stop] of [
    [200, false],
    [600, false],
    [200, true],
    [500, true],
  ] as const) {
    assert.equal((await down()).code, 0);
    const child = spawn(program, ['up', '--data-dir', dataDirectory, '--port', port, '--no-example'], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await delay(killAfterMs);
    if (stop) assert.equal((await down()).code, 0);
    else child.kill('SIGKILL');
    await ended;
  }
  assert.equal((await down()).code, 0);
  const both = await Promise.all([up(), up()]);
  // The loser of the race for the directory may say so; the cluster stands in any case.
  assert.ok(
    both.some(({ code }) => code === 0),
    both.map(({ stderr }) => stderr).join(''),
  );
  const found = await roadstead('status', '--data-dir', dataDirectory);
  assert.equal(found.code, 0, `who won the race is not found: ${found.stdout}`);
  const last = await up();
  assert.equal(last.code, 0, last.stderr);
});

const pidOf = (daemon: string): number =>
  Number(readFileSync(path.join(dataDirectory, 'run', `${daemon}.pid`), 'utf8').split(' ')[0]);

interface PodList {
  items: {
    metadata: { name: string };
    status: { podIP: string; containerStatuses?: { ready: boolean; restartCount: number }[] };
  }[];
}

test('after a reboot of the machine every pod comes back by itself', async () => {
  await kubectl(inNamespace('apply', '-f', '-'), { input: deployment('web', { replicas: 2 }) });
  await kubectl(inNamespace('rollout', 'status', 'deployment/web', '--timeout=60s'));
  const list = async (): Promise<PodList['items']> =>
    (await kubectlJson<PodList>(inNamespace('get', 'pods', '-l', 'app=web'))).items;
  const names = (await list()).map(({ metadata }) => metadata.name).sort();

  for (const daemon of ['agent', 'server']) {
    process.kill(pidOf(daemon), 'SIGKILL');
  }
  const own = [
    '--filter',
    'label=io.kubernetes.pod.name',
    '--filter',
    `label=io.kubernetes.pod.namespace=${namespace.name}`,
  ];
  const { stdout } = await command('docker', ['ps', '-q', ...own]);
  await command('docker', ['kill', ...stdout.trim().split('\n')]);
  for (const line of (await command('nft', ['list', 'tables'])).stdout.split('\n')) {
    const [, family = '', table = ''] = line.split(' ');
    if (table.includes('roadstead')) await command('nft', ['delete', 'table', family, table]);
  }
  await command('ip', ['link', 'delete', 'rs0']);
  await command('umount', ['-l', path.join(dataDirectory, 'agent/memory')]);

  const { code, stderr } = await up();
  assert.equal(code, 0, stderr);
  const items = await eventually('both pods, restarted', async () => {
    const found = await list();
    const restarted = found.filter(({ status }) => {
      const [container] = status.containerStatuses ?? [];
      return container?.ready === true && container.restartCount > 0;
    });
    return restarted.length === 2 ? found : undefined;
  });
  assert.deepEqual(items.map(({ metadata }) => metadata.name).sort(), names);
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  for (const name of names) assert.match(await kubectl(inNamespace('exec', name, '--', 'cat', token)), /^ey/);
});
