import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { command, createNamespace, eventually, kubectl, kubectlFails, startKubectl, tryKubectl } from './kubectl.ts';
import { pod, sleepForever } from './manifests.ts';

const serverScript =
  "require('node:http').createServer((q, s) => { let n = 0; q.on('data', (c) => (n += c.length)); " +
  "q.on('end', () => s.end('got ' + n)); }).listen(8080, '127.0.0.1'); process.on('SIGTERM', () => process.exit())";

let namespace: Awaited<ReturnType<typeof createNamespace>>;
let folder = '';
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];

before(async () => {
  namespace = await createNamespace('streams');
  folder = mkdtempSync(path.join(tmpdir(), 'roadstead-streams-'));
  const counter = 'i=0; trap "exit 0" TERM; while true; do echo line $i; i=$((i+1)); sleep 0.2; done';
  const manifests = [
    pod('idle', sleepForever),
    pod('counter', counter),
    pod('server', '', { container: { command: ['node', '-e', serverScript], ports: [{ containerPort: 8080 }] } }),
    pod('crasher', 'echo last words; exit 3'),
  ];
  await kubectl(inNamespace('create', '-f', '-'), { input: manifests.join('\n') });
  await kubectl(inNamespace('wait', '--for=condition=Ready', 'pod/idle', 'pod/counter', 'pod/server', '--timeout=60s'));
});
after(async () => {
  await namespace.remove();
  rmSync(folder, { recursive: true, force: true });
});

test('logs prints, tails, stamps and follows', async () => {
  await eventually('five lines', async () => (await kubectl(inNamespace('logs', 'counter'))).split('\n').length > 5);
  assert.match(await kubectl(inNamespace('logs', 'counter', '--tail=2')), /^line \d+\nline \d+\n$/);
  assert.match(await kubectl(inNamespace('logs', 'counter', '--tail=1', '--timestamps')), /^20\d\d-\S+Z line \d+\n$/);
  const following = startKubectl(inNamespace('logs', '-f', 'counter', '--tail=1'));
  try {
    await eventually('new lines', () => following.output().split('\n').length > 4);
  } finally {
    await following.stop();
  }
});

test('logs of the run before, and of a container that is not there', async () => {
  await eventually('a restart', async () => {
    const count = await kubectl(
      inNamespace('get', 'pod', 'crasher', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'),
    );
    return Number(count) > 0;
  });
  assert.match(await kubectl(inNamespace('logs', 'crasher', '--previous')), /last words/);
  assert.match(
    await kubectlFails(inNamespace('logs', 'idle', '-c', 'other')),
    /container other is not valid for pod idle/,
  );
});

test('exec gives output, input and exit code', async () => {
  assert.equal(await kubectl(inNamespace('exec', 'idle', '--', 'echo', 'hello')), 'hello\n');
  assert.equal(
    await kubectl(inNamespace('exec', '-i', 'idle', '--', 'sh', '-c', 'cat | wc -c'), { input: 'x'.repeat(5000) }),
    '5000\n',
  );
  const failed = await tryKubectl(inNamespace('exec', 'idle', '--', 'sh', '-c', 'echo oops >&2; exit 42'));
  assert.equal(failed.code, 42);
  assert.match(failed.stderr, /oops/);
  assert.match(await kubectlFails(inNamespace('exec', 'idle', '--', 'no-such-program')), /no-such-program/);
});

test('exec -it has a terminal', async () => {
  const shell = `kubectl -n ${namespace.name} exec -it idle -- sh -c 'test -t 0 && test -t 1 && echo is a terminal'`;
  const { stdout } = await command('script', ['-qec', shell, '/dev/null']);
  assert.match(stdout, /is a terminal/);
});

test('twenty megabytes come out of exec whole', async () => {
  const { stdout } = await command('sh', [
    '-c',
    `kubectl -n ${namespace.name} exec idle -- head -c 20000000 /dev/zero | wc -c`,
  ]);
  assert.equal(stdout.trim(), '20000000');
});

test('the old SPDY protocol works as well', async () => {
  const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };
  assert.equal(await kubectl(inNamespace('exec', 'idle', '--', 'echo', 'spdy'), { env }), 'spdy\n');
  const piped = await kubectl(inNamespace('exec', '-i', 'idle', '--', 'wc', '-c'), { env, input: 'y'.repeat(70_000) });
  assert.equal(piped.trim(), '70000');
});

test('attach sees what the container prints', async () => {
  const attached = startKubectl(inNamespace('attach', 'counter'));
  try {
    await eventually('lines', () => /line \d+/.test(attached.output()));
  } finally {
    await attached.stop();
  }
});

test('cp carries a file there and back unchanged', async () => {
  const content = randomBytes(300_000);
  writeFileSync(path.join(folder, 'there'), content);
  await kubectl(inNamespace('cp', path.join(folder, 'there'), 'idle:/tmp/there'));
  await kubectl(inNamespace('cp', 'idle:/tmp/there', path.join(folder, 'back')));
  assert.deepEqual(readFileSync(path.join(folder, 'back')), content);
});

test('port-forward reaches what listens on loopback only', async () => {
  const forward = startKubectl(inNamespace('port-forward', 'pod/server', ':8080'));
  try {
    const port = await eventually('the local port', () => /127\.0\.0\.1:(\d+)/.exec(forward.output())?.[1]);
    const body = 'z'.repeat(500_000);
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () =>
        (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })).text(),
      ),
    );
    assert.deepEqual(answers, Array(4).fill('got 500000'));
  } finally {
    await forward.stop();
  }
});

test('kubectl run -i --rm runs to the end and leaves nothing', async () => {
  const overrides = ['--image=roadstead/base:latest', '--image-pull-policy=Never', '--restart=Never'];
  const output = await kubectl(
    inNamespace('run', 'once', '-i', '--rm', '--quiet', ...overrides, '--', 'sh', '-c', 'cat; echo end'),
    {
      input: 'begin\n',
    },
  );
  assert.match(output, /begin\nend/);
  assert.match(await kubectlFails(inNamespace('get', 'pod', 'once')), /not found/);
});

test('debug adds a container to a running pod', async () => {
  await kubectl(
    inNamespace(
      'debug',
      'idle',
      '--image=roadstead/base:latest',
      '--image-pull-policy=Never',
      '-c',
      'dbg',
      '--',
      'sh',
      '-c',
      'echo debugging; sleep 300',
    ),
  );
  await eventually('its log', async () => /debugging/.test(await kubectl(inNamespace('logs', 'idle', '-c', 'dbg'))));
});
