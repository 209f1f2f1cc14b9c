/** The fleet as its users meet it: what is done on this machine, the one host, by kubectl and the CLI. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
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

async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return state !== undefined && !/\) Z /.test(state);
}
