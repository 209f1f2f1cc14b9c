/** The fleet as its users meet it: what is done on this machine, the one host, by kubectl and the CLI. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { digestOfFiles } from '../../src/api/fleet/v1/package.ts';
import { command, createNamespace, eventually, kubectl, kubectlFails, kubectlJson } from './kubectl.ts';

interface Task {
  status?: {
    phase?: string;
    exitCode?: number;
    message?: string;
    steps?: { name: string; phase: string; exitCode?: number; output?: string; message?: string }[];
  };
}

const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
const host = hostname().toLowerCase();
let namespace: Awaited<ReturnType<typeof createNamespace>>;
let directory: string;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const logs = (name: string, ...args: string[]) =>
  command(program, ['task', 'logs', name, '-n', namespace.name, ...args]);

before(async () => {
  namespace = await createNamespace('fleet');
  directory = await mkdtemp(path.join(tmpdir(), 'fleet-test-'));
});
after(async () => {
  await namespace.remove();
  await rm(directory, { recursive: true, force: true });
});

async function create(kind: string, name: string, spec: object): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'fleet.roadstead.dev/v1', kind, metadata: { name }, spec });
  await kubectl(inNamespace('create', '-f', '-'), { input });
}

const task = (name: string): Promise<Task> => kubectlJson<Task>(inNamespace('get', 'hosttask', name));

function finished(name: string, phase = 'Succeeded'): Promise<Task> {
  return eventually(`task ${name} to be ${phase}`, async () => {
    const found = await task(name);
    return found.status?.phase === phase && found;
  });
}

test('the steps of a task are done in order, and what is there is left alone', async () => {
  const file = path.join(directory, 'in', 'file');
  await create('HostTask', 'steps', {
    host,
    steps: [
      { name: 'directory', directory: { path: path.dirname(file), mode: '0750' } },
      { name: 'file', file: { path: file, content: 'hello', mode: '0640' } },
      { name: 'script', script: { source: `echo out; echo err >&2; cat ${file}` } },
      { name: 'guarded', creates: file, script: { source: 'exit 9' } },
      { name: 'wait', wait: { path: file } },
    ],
  });
  const { status } = await finished('steps');
  assert.deepEqual(
    status?.steps?.map(({ name, phase }) => `${name} ${phase}`),
    ['directory Succeeded', 'file Succeeded', 'script Succeeded', 'guarded Skipped', 'wait Succeeded'],
  );
  assert.equal(status?.steps?.[2]?.output, 'out\nerr\nhello');
  assert.equal(status?.exitCode, 0);
  assert.equal((await stat(file)).mode & 0o777, 0o640);
  assert.equal((await stat(path.dirname(file))).mode & 0o777, 0o750);
});

test('a step that fails ends the task, and says its exit code as a number', async () => {
  const steps = [
    { name: 'bad', script: { source: 'echo before; exit 7' } },
    { name: 'never', script: { source: `touch ${directory}/never` } },
  ];
  await create('HostTask', 'failing', { host, steps });
  const { status } = await finished('failing', 'Failed');
  assert.equal(status?.exitCode, 7);
  assert.equal(status?.message, 'Step "bad": exit code 7');
  assert.equal(status?.steps?.length, 1);
  await assert.rejects(stat(`${directory}/never`));
});

test('variables come from Secrets, and their values are masked in the output', async () => {
  await kubectl(inNamespace('create', 'secret', 'generic', 'key', '--from-literal=token=opensesame'));
  const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'key', key: 'token' } } }];
  const source = `echo "it is $TOKEN"; printf %s "$TOKEN" >${directory}/token`;
  await create('HostTask', 'secretive', { host, steps: [{ name: 'use', script: { source, env } }] });
  const { status } = await finished('secretive');
  assert.equal(status?.steps?.[0]?.output, 'it is ***\n');
  assert.equal(await readFile(`${directory}/token`, 'utf8'), 'opensesame');
  assert.equal((await logs('secretive')).stdout, 'it is ***\n');
});

test('output is followed while the task runs', async () => {
  const source = `echo first; while [ ! -e ${directory}/go ]; do sleep 0.1; done; echo last`;
  await create('HostTask', 'followed', { host, steps: [{ name: 'slow', script: { source } }] });
  await eventually('the task to run', async () => (await task('followed')).status?.phase === 'Running');
  await eventually('the first line', async () => (await logs('followed')).stdout === 'first\n');
  const following = logs('followed', '-f');
  await writeFile(`${directory}/go`, '');
  assert.deepEqual(await following, { code: 0, stdout: 'first\nlast\n', stderr: '' });
});

test('a cancelled task ends with all its processes, and a step that takes too long fails', async () => {
  const source = `sleep 987 & echo $! >${directory}/child; wait`;
  await create('HostTask', 'endless', { host, steps: [{ name: 'endless', script: { source } }] });
  const child = await eventually(
    'its child',
    async () => Number(await readFile(`${directory}/child`, 'utf8')) || false,
  );
  await kubectl(inNamespace('patch', 'hosttask', 'endless', '--type=merge', '-p', '{"spec":{"cancel":true}}'));
  await finished('endless', 'Cancelled');
  await eventually('its child to be gone', async () => !(await isAlive(child)));
  const steps = [{ name: 'late', timeoutSeconds: 1, script: { source: 'sleep 986' } }];
  await create('HostTask', 'late', { host, steps });
  assert.match((await finished('late', 'Failed')).status?.message ?? '', /did not end within 1 s/);
});

test('scripts that cannot work are refused by a clear message, and the host of a task stays', async () => {
  await create('HostTask', 'windows', { host, steps: [{ name: 'crlf', script: { source: 'echo a\r\necho b\r\n' } }] });
  assert.match((await finished('windows', 'Failed')).status?.message ?? '', /line ends of Windows/);
  const patch = ['patch', 'hosttask', 'windows', '--type=merge', '-p', '{"spec":{"host":"other"}}'];
  assert.match(await kubectlFails(inNamespace(...patch)), /the host of a task cannot be changed/);
});

test('a command runs on the selected hosts, and the CLI prints what they print', async () => {
  const run = (...words: string[]) => command(program, ['run', '-n', namespace.name, ...words]);
  const good = await run('--hosts', host, '--', 'echo hello; echo again');
  assert.equal(good.stdout, `${host}: hello\n${host}: again\n`);
  assert.match(good.stderr, /Succeeded on 1 of 1 hosts/);
  assert.equal(good.code, 0);
  const bad = await run('--hosts', 'all', '--', 'sh', '-c', 'exit 3');
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /Step "command": exit code 3/);
  const none = await run('--hosts', 'env=nowhere', '--', 'true');
  assert.match(none.stderr, /No host is selected/);
  assert.equal(none.code, 1);
  assert.equal((await run('--hosts', 'all', '--dry-run', '--', 'reboot')).stdout, `${host}\n`);
});

test('a command that failed is run again where it failed', async () => {
  const source = `test -e ${directory}/mended`;
  await create('Command', 'mend', { hosts: { names: [host] }, script: { source } });
  const phase = async () =>
    (await kubectlJson<Task>(inNamespace('get', 'command.fleet.roadstead.dev', 'mend'))).status?.phase;
  await eventually('it to fail', async () => (await phase()) === 'Failed');
  await writeFile(`${directory}/mended`, '');
  await kubectl(inNamespace('patch', 'commands', 'mend', '--type=merge', '-p', '{"spec":{"retry":1}}'));
  await eventually('it to succeed', async () => (await phase()) === 'Succeeded');
});

test('init scripts run once and in order, and go on where one failed', async () => {
  const scripts = [
    { name: '02-second', source: `test -e ${directory}/second && echo 2 >>${directory}/order` },
    { name: '01-first', source: `echo 1 >>${directory}/order` },
  ];
  await create('HostInit', 'setup', { hosts: { all: true }, scripts });
  const counts = async () => {
    const found = await kubectlJson<{ status?: { succeeded?: number; failed?: number } }>(
      inNamespace('get', 'hostinit', 'setup'),
    );
    return found.status;
  };
  await eventually('the second to fail', async () => (await counts())?.failed === 1);
  await writeFile(`${directory}/second`, '');
  await kubectl(inNamespace('patch', 'hostinit', 'setup', '--type=merge', '-p', '{"spec":{"retry":1}}'));
  await eventually('both to be done', async () => (await counts())?.succeeded === 1);
  assert.equal(await readFile(`${directory}/order`, 'utf8'), '1\n2\n');
});

test('a task goes on without the agent, which takes it over when it is back', async () => {
  const source = `echo run >>${directory}/runs; while [ ! -e ${directory}/finish ]; do sleep 0.1; done; exit 5`;
  await create('HostTask', 'survivor', { host, steps: [{ name: 'long', script: { source } }] });
  await eventually('it to run', () => stat(`${directory}/runs`));
  const pidFile = path.join(process.env['ROADSTEAD_DATA'] ?? '', 'run', 'agent.pid');
  process.kill(Number.parseInt(await readFile(pidFile, 'utf8'), 10), 'SIGKILL');
  await writeFile(`${directory}/finish`, '');
  await command(program, [
    'up',
    '--data-dir',
    process.env['ROADSTEAD_DATA'] ?? '',
    '--port',
    process.env['ROADSTEAD_PORT'] ?? '',
    '--no-example',
  ]);
  assert.equal((await finished('survivor', 'Failed')).status?.exitCode, 5);
  assert.equal(await readFile(`${directory}/runs`, 'utf8'), 'run\n');
});

test('the files of a package are checked against their digests before anything of it is run', async () => {
  await kubectl(
    inNamespace('create', 'configmap', 'deploy', '--from-literal=content=echo deployed from $PACKAGE_NAME'),
  );
  const content = 'echo deployed from $PACKAGE_NAME';
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const files = [{ path: 'deploy.sh', mode: '0755', digest, chunks: ['deploy'] }];
  const pack = { name: 'sums', digest: digestOfFiles(files), run: 'deploy.sh', files };
  await create('HostTask', 'deploy', { host, steps: [{ name: 'deploy', package: pack }] });
  assert.equal((await finished('deploy')).status?.steps?.[0]?.output, 'deployed from sums\n');
  const altered = [{ ...files[0], path: 'other.sh', digest: `sha256:${'0'.repeat(64)}` }];
  const bad = { ...pack, digest: digestOfFiles(altered as typeof files), run: 'other.sh', files: altered };
  await create('HostTask', 'altered', { host, steps: [{ name: 'deploy', package: bad }] });
  assert.match((await finished('altered', 'Failed')).status?.message ?? '', /was altered on the way/);
});

test("a host's own certificate reaches its own tasks, and the Secrets that these name", async () => {
  const asHost = ['--kubeconfig', path.join(process.env['ROADSTEAD_DATA'] ?? '', 'agent', 'kubeconfig')];
  await kubectl(inNamespace('create', 'secret', 'generic', 'other-key', '--from-literal=token=x'));
  const script = { source: 'true', secretRef: { name: 'other-key' } };
  await create('HostTask', 'of-another', { host: 'another', steps: [{ name: 'use', script }] });
  for (const args of [
    ['get', 'hosttask', 'of-another'],
    ['get', 'hosttasks'],
    ['get', 'hosttasks', '--field-selector=spec.host=another'],
    ['get', 'secret', 'other-key'],
    ['patch', 'hosttask', 'of-another', '--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Failed"}}'],
    ['delete', 'hosttask', 'steps'],
    ['create', 'configmap', 'mine'],
  ]) {
    assert.match(await kubectlFails(inNamespace(...asHost, ...args)), /Forbidden|forbidden/, args.join(' '));
  }
  await kubectl(inNamespace(...asHost, 'get', 'hosttask', 'steps'));
  await kubectl(inNamespace(...asHost, 'get', 'hosttasks', `--field-selector=spec.host=${host}`));
});

async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return state !== undefined && !/\) Z /.test(state);
}
