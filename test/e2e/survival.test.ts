/** Processes die at the worst moment; what was acknowledged and what runs must not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  command,
  createNamespace,
  eventually,
  kubectl,
  kubectlFails,
  kubectlJson,
  startKubectl,
  tryKubectl,
} from './kubectl.ts';
import { configMap, deployment } from './manifests.ts';

const dataDirectory = process.env['ROADSTEAD_DATA'] ?? '';
const port = process.env['ROADSTEAD_PORT'] ?? '';
const program = path.resolve(import.meta.dirname, '../../bin/roadstead');
const kills = 20;

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];

interface PodList {
  items: {
    metadata: { name: string };
    status: { phase: string; containerStatuses?: { containerID: string; restartCount: number; ready: boolean }[] };
  }[];
}
const pods = (): Promise<PodList> => kubectlJson<PodList>(inNamespace('get', 'pods', '-l', 'app=web'));
const containers = async (): Promise<string[]> =>
  (await pods()).items
    .flatMap(({ status }) => (status.containerStatuses ?? []).map(({ containerID }) => containerID))
    .sort();

function idsOf(status: PodList['items'][number]['status']): string[] {
  return (status.containerStatuses ?? []).map(({ containerID }) => containerID);
}

function pidOf(daemon: string): number {
  return Number(readFileSync(path.join(dataDirectory, 'run', `${daemon}.pid`), 'utf8').split(' ')[0]);
}

async function killHard(daemon: string): Promise<void> {
  process.kill(pidOf(daemon), 'SIGKILL');
  await eventually(`the ${daemon} to be gone`, () => {
    try {
      return /State:\s+Z/.test(readFileSync(`/proc/${pidOf(daemon)}/status`, 'utf8'));
    } catch {
      return true;
    }
  });
}

async function startAgain(): Promise<void> {
  const args = ['up', '--data-dir', dataDirectory, '--port', port, '--no-example'];
  const { code, stdout, stderr } = await command(program, args, { timeoutMs: 120_000 });
  assert.equal(code, 0, stdout + stderr);
}

before(async () => {
  namespace = await createNamespace('survival');
  await kubectl(inNamespace('apply', '-f', '-'), { input: deployment('web', { replicas: 2 }) });
  await kubectl(inNamespace('rollout', 'status', 'deployment/web', '--timeout=60s'));
});
after(() => namespace.remove());

test(`server and agent killed with -9 in turn ${kills} times: same containers, every write kept`, async () => {
  const before = await containers();
  assert.equal(before.length, 2);
  for (let round = 0; round < kills; round++) {
    await kubectl(inNamespace('create', '-f', '-'), { input: configMap(`kept-${round}`, { round: String(round) }) });
    await killHard(round % 2 === 0 ? 'server' : 'agent');
    await startAgain();
  }
  const kept = await kubectlJson<{ items: { metadata: { name: string } }[] }>(inNamespace('get', 'configmaps'));
  const names = new Set(kept.items.map(({ metadata }) => metadata.name));
  for (let round = 0; round < kills; round++) assert.ok(names.has(`kept-${round}`), `kept-${round}`);
  await kubectl(inNamespace('rollout', 'status', 'deployment/web', '--timeout=60s'));
  assert.deepEqual(await containers(), before);
  assert.deepEqual(
    (await pods()).items.map(({ status }) => status.containerStatuses?.[0]?.restartCount),
    [0, 0],
  );
});

test('an agent that is killed and started again disturbs neither its node nor its pods', async () => {
  const before = await containers();
  const ready = (what: string): string[] => {
    const status = '{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}';
    return ['get', what, '--watch', '-o', `jsonpath=${status}`];
  };
  const watches = [startKubectl(ready('nodes')), startKubectl(inNamespace(...ready('pods')))];
  try {
    await eventually('the first states', () => watches.every((watch) => watch.output().includes('True')));
    await killHard('agent');
    await startAgain();
    // It works again once it takes a new pod.
    await kubectl(inNamespace('scale', 'deployment/web', '--replicas=3'));
    await kubectl(inNamespace('rollout', 'status', 'deployment/web', '--timeout=60s'));
    const [node, ownPods] = watches.map((watch) => watch.output());
    assert.doesNotMatch(node ?? '', /False|Unknown/);
    const names = (await pods()).items.filter(({ status }) => before.some((id) => idsOf(status).includes(id)));
    assert.equal(names.length, 2);
    for (const { metadata } of names)
      assert.doesNotMatch(ownPods ?? '', new RegExp(`${metadata.name} (False|Unknown)`));
  } finally {
    for (const watch of watches) await watch.stop();
  }
  await kubectl(inNamespace('scale', 'deployment/web', '--replicas=2'));
  await eventually('two pods', async () => (await pods()).items.length === 2);
});

test('a container that crashes while the server is away is started again', async () => {
  const [first] = (await pods()).items;
  const id = first?.status.containerStatuses?.[0]?.containerID.replace('docker://', '') ?? '';
  const name = first?.metadata.name ?? '';
  await killHard('server');
  await command('docker', ['kill', id]);
  await eventually('a new container', async () => {
    const filters = [
      '--filter',
      `label=io.kubernetes.pod.name=${name}`,
      '--filter',
      'label=io.kubernetes.container.name=main',
    ];
    const { stdout } = await command('docker', ['ps', '-q', '--no-trunc', ...filters]);
    return stdout.trim() !== '' && stdout.trim() !== id;
  });
  await startAgain();
  await eventually('the restart to be told', async () => {
    const { items } = await pods();
    return items.find(({ metadata }) => metadata.name === name)?.status.containerStatuses?.[0]?.restartCount === 1;
  });
});

test('down and up keep the state', async () => {
  await kubectl(inNamespace('create', '-f', '-'), { input: configMap('survivor', { a: '1' }) });
  const before = await containers();
  await command(program, ['down', '--data-dir', dataDirectory]);
  assert.match((await tryKubectl(inNamespace('get', 'pods'))).stderr, /refused|unable to connect/i);
  await startAgain();
  assert.match(await kubectl(inNamespace('get', 'configmap', 'survivor')), /survivor/);
  await eventually(
    'both pods ready',
    async () => (await pods()).items.filter(({ status }) => status.containerStatuses?.[0]?.ready === true).length === 2,
  );
  assert.deepEqual(await containers(), before);
});

test('up is safe to repeat, and a second server on the same data directory is refused', async () => {
  const pid = pidOf('server');
  await startAgain();
  assert.equal(pidOf('server'), pid);
  const second = await command(program, ['server', '--data-dir', dataDirectory, '--port', String(Number(port) + 1)]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^roadstead: .*in use by process \d+/m);
});

test('a port that is taken is one clear sentence', async () => {
  const { code, stderr } = await command(program, ['server', '--data-dir', `${dataDirectory}-other`, '--port', port]);
  await command('rm', ['-rf', `${dataDirectory}-other`]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^roadstead: .*port ${port}.* in use`, 'mi'));
});

test('a namespace that was there before is there after, and an unknown one is not', async () => {
  assert.match(await kubectl(['get', 'namespace', namespace.name]), /Active/);
  assert.match(await kubectlFails(['get', 'namespace', 'nobody']), /NotFound/);
});
