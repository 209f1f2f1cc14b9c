import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../e2e/kubectl.ts';
import { type Machine, Machines } from './machines.ts';

const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
const admin = { env: { KUBECONFIG: '/var/lib/roadstead/kubeconfig' } };
const slow = { timeoutMs: 180_000 };
const machines = new Machines();
let server: Machine;
let second: Machine;
let line = '';
let failed = false;

before(
  async () => {
    await machines.start();
    [server, second] = await Promise.all([machines.add('first'), machines.add('second')]);
    await server.run([program, 'up', '--no-example'], slow);
  },
  { timeout: 240_000 },
);

after(async () => {
  for (const machine of [second, server]) {
    if (machine === undefined) continue;
    await machine.try([program, 'host', 'leave'], slow);
    await machine.try([program, 'down', '--purge'], slow);
  }
  await machines.stop({ keep: failed });
});

function kubectl(...args: string[]): Promise<string> {
  return server.run(['kubectl', ...args], { ...admin, ...slow });
}

function fetching(url: string): string {
  return `fetch('${url}', { signal: AbortSignal.timeout(5000) }).then((r) => r.text()).then((t) => console.log(t))`;
}

/** A test whose failure leaves the logs behind. */
function step(name: string, run: () => Promise<void>): void {
  test(name, async () => {
    try {
      await run();
    } catch (error) {
      failed = true;
      throw error;
    }
  });
}

function podOn(node: string): string {
  const container = {
    name: 'main',
    image: 'roadstead/base:latest',
    imagePullPolicy: 'Never',
    command: ['sh', '-c', 'echo started; hostname > /tmp/index.html; httpd -f -p 8080 -h /tmp'],
    readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `on-${node}`, labels: { app: 'web', on: node } },
    spec: { nodeName: node, terminationGracePeriodSeconds: 0, containers: [container] },
  });
}

step('a machine joins by the printed line and is a Host and a Node', async () => {
  line = (await server.run([program, 'token', 'create'])).trim();
  const said = await second.run(['sh', '-c', line], slow);
  assert.match(said, /Host second is Ready, and so is its Node/);
  assert.match(await kubectl('get', 'nodes'), /second +Ready/);
  const host = JSON.parse(await kubectl('get', 'host', 'second', '-o', 'json'));
  assert.equal(host.status.phase, 'Ready');
  assert.deepEqual(host.status.addresses, [second.address]);
  assert.match(host.status.facts.engine, /^docker:\/\//);
  assert.ok(host.status.facts.memoryBytes > 0 && host.status.facts.cpus > 0);
});

step('a token that was used is no use again, nor is a wrong one, nor a server with another authority', async () => {
  const join = (token: string, hash: string): Promise<{ code: number; stderr: string }> =>
    second.try(
      [
        program,
        'join',
        '--server',
        `https://${server.address}:6443`,
        '--token',
        token,
        '--ca-hash',
        hash,
        '--node-name',
        'other',
        '--data-dir',
        '/run/other',
        '--roles',
        '',
      ],
      slow,
    );
  const [, token = '', hash = ''] = /--token (\S+) --ca-hash (\S+)/.exec(line) ?? [];
  const used = await join(token, hash);
  assert.equal(used.code, 1);
  assert.match(used.stderr, /has been used up/);
  const wrong = await join('aaaaaa.bbbbbbbbbbbbbbbb', hash);
  assert.match(wrong.stderr, /does not know the token/);
  const impostor = await join(token, `sha256:${'0'.repeat(64)}`);
  assert.match(impostor.stderr, /is not the one that the token came with; nothing was installed/);
});

step('a token does not give the name of a host that is there', async () => {
  const fresh = await server.run([program, 'token', 'create']);
  const [, token = '', hash = ''] = /--token (\S+) --ca-hash (\S+)/.exec(fresh) ?? [];
  const args = ['--server', `https://${server.address}:6443`, '--token', token, '--ca-hash', hash];
  const flags = ['--node-name', 'first', '--data-dir', '/run/other', '--roles', ''];
  const { code, stderr } = await second.try([program, 'join', ...args, ...flags], slow);
  assert.equal(code, 1);
  assert.match(stderr, /of this name has joined already/);
});

step('pods and services reach over from host to host, and logs and exec through the tunnel', async () => {
  await second.run([program, 'images'], slow);
  for (const node of ['first', 'second'])
    await server.run(['kubectl', 'apply', '-f', '-'], { ...admin, input: podOn(node) });
  await kubectl('wait', 'pod', '-l', 'app=web', '--for=condition=Ready', '--timeout=60s');
  for (const [from, to] of [
    ['first', 'second'],
    ['second', 'first'],
  ] as const) {
    const ip = await kubectl('get', 'pod', `on-${to}`, '-o', 'jsonpath={.status.podIP}');
    const page = await kubectl('exec', `on-${from}`, '--', 'node', '-e', fetching(`http://${ip}:8080/`));
    assert.equal(page.trim(), `on-${to}`);
    await kubectl('expose', 'pod', `on-${to}`, '--port=80', '--target-port=8080', `--name=web-${to}`);
    const answer = await eventually(`the service of ${to}`, () =>
      kubectl('exec', `on-${from}`, '--', 'node', '-e', fetching(`http://web-${to}/`)),
    );
    assert.equal(answer.trim(), `on-${to}`);
  }
  assert.match(await kubectl('logs', 'on-second'), /started/);
});

step('the agent comes back after it was killed, and the line upgrades in place', async () => {
  const pid = async (): Promise<string> =>
    (await second.run(['cat', '/var/lib/roadstead/run/agent.pid'])).split(' ')[0] ?? '';
  const before = await pid();
  await second.run(['kill', '-9', before]);
  await eventually('another agent', async () => (await pid()) !== before);
  const said = await second.run(['sh', '-c', line], slow);
  assert.match(said, /its certificate stays[\s\S]*is Ready/);
  assert.equal(
    (await kubectl('get', 'pod', 'on-second', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}')).trim(),
    '0',
  );
});

step('a host that is removed leaves nothing behind', async () => {
  await server.run([program, 'host', 'remove', 'second'], slow);
  const { stdout } = await server.try(['kubectl', 'get', 'nodes,hosts', '-o', 'name'], admin);
  assert.doesNotMatch(stdout, /second/);
  await eventually(
    'the machine to be clean',
    async () => !existsSync(path.join(machines.folder, 'second/bin/roadstead')),
  );
  assert.equal((await second.run(['docker', 'ps', '-aq'])).trim(), '');
  assert.equal((await second.run(['ls', '-A', '/var/lib/roadstead'])).trim(), '');
  assert.doesNotMatch(await second.run(['ip', 'link']), /rs0/);
});

step('a host without a role is in the pool and runs no pods', async () => {
  const pool = (await server.run([program, 'token', 'create', '--roles', ''])).trim();
  assert.match(await second.run(['sh', '-c', pool], slow), /Host second is Ready\n/);
  const { stdout } = await server.try(['kubectl', 'get', 'nodes', '-o', 'name'], admin);
  assert.doesNotMatch(stdout, /second/);
  await second.run(['/usr/local/bin/roadstead', 'host', 'leave'], slow);
  await eventually(
    'the host to be gone',
    async () => !(await kubectl('get', 'hosts', '-o', 'name')).includes('second'),
  );
});
