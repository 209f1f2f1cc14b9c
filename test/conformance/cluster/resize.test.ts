/** Resources of running pods that change in place. */
import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import { image, sleepForever } from '../../e2e/manifests.ts';
import type { Pod } from '../../e2e/pod-scope.ts';
import { at } from '../api.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('resize');

/** CPU in thousandths and memory in Mi; nothing where there is no such limit or request. */
interface Amounts {
  readonly cpu?: number;
  readonly memory?: number;
}
interface Sizes {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}

const quantities = ({ cpu, memory }: Amounts): Record<string, string> => ({
  ...(cpu === undefined ? {} : { cpu: `${cpu}m` }),
  ...(memory === undefined ? {} : { memory: `${memory}Mi` }),
});
const resources = ({ requests, limits }: Sizes): object => ({
  ...(requests === undefined ? {} : { requests: quantities(requests) }),
  ...(limits === undefined ? {} : { limits: quantities(limits) }),
});
const containers = (sizes: readonly Sizes[]): Record<string, unknown>[] =>
  sizes.map((size, index) => ({ name: `c${index}`, resources: resources(size) }));
const same = (cpu: number, memory: number): Sizes => ({ requests: { cpu, memory }, limits: { cpu, memory } });

async function start(name: string, sizes: readonly Sizes[]): Promise<void> {
  const running = { image, imagePullPolicy: 'Never', command: ['sh', '-c', sleepForever] };
  await suite.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: containers(sizes).map((container) => ({ ...running, ...container })),
    },
  });
  await suite.ready(name);
}

const read = async (name: string): Promise<Pod> =>
  (await suite.api.get(`${suite.core}/pods/${name}`)) as unknown as Pod;

/** The status tells the new sizes, every container runs on, and its memory limit is that of the kernel. */
async function hasSizes(name: string, sizes: readonly Sizes[]): Promise<void> {
  await eventually(`the new sizes of ${name}`, async () => {
    const { status } = await read(name);
    for (const [index, size] of sizes.entries()) {
      const one = status.containerStatuses.find((container) => container.name === `c${index}`);
      assert.deepEqual(one?.resources ?? {}, resources(size), `c${index}`);
    }
    assert.deepEqual(
      status.conditions.filter(({ type }) => type.startsWith('PodResize')),
      [],
    );
    return true;
  });
  const { status } = await read(name);
  for (const { restartCount } of status.containerStatuses) assert.equal(restartCount, 0);
  const limitShell = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max';
  for (const [index, { limits }] of sizes.entries()) {
    if (limits?.memory === undefined) continue;
    const printed = await suite.kubectl('exec', name, '-c', `c${index}`, '--', 'sh', '-c', limitShell);
    assert.equal(Number(printed), limits.memory * 2 ** 20, `memory limit of c${index}`);
  }
}

async function resized(name: string, from: readonly Sizes[], to: readonly Sizes[]): Promise<void> {
  await start(name, from);
  const body = { spec: { containers: containers(to) } };
  await suite.api.patch(`${suite.core}/pods/${name}/resize`, body, 'strategic');
  await hasSizes(name, to);
}

sideBySide(() => {
  behaviour('In-place Pod Resize, guaranteed pods with multiple containers, net increase', () =>
    resized('increase', [same(10, 30), same(11, 31), same(12, 32)], [same(15, 35), same(16, 31), same(12, 40)]),
  );
  behaviour('In-place Pod Resize, guaranteed pods with multiple containers, net decrease', () =>
    resized('decrease', [same(20, 60), same(21, 61), same(22, 62)], [same(10, 40), same(21, 50), same(12, 62)]),
  );
  behaviour('In-place Pod Resize, guaranteed pods with multiple containers, various operations', () =>
    resized('various', [same(20, 60), same(21, 61), same(22, 62)], [same(30, 50), same(11, 70), same(22, 62)]),
  );
  behaviour('In-place Pod Resize, burtable pod with multiple containers and various operations', () =>
    resized(
      'burstable',
      [
        { requests: { cpu: 10, memory: 30 }, limits: { cpu: 20, memory: 60 } },
        { requests: { cpu: 10, memory: 30 }, limits: { cpu: 20, memory: 60 } },
        { requests: { cpu: 10, memory: 30 }, limits: { cpu: 20, memory: 60 } },
        { requests: { cpu: 10 } },
        { requests: { memory: 30 }, limits: { memory: 60 } },
        same(10, 30),
      ],
      [
        { requests: { cpu: 15, memory: 35 }, limits: { cpu: 25, memory: 65 } },
        { requests: { cpu: 5, memory: 20 }, limits: { cpu: 15, memory: 50 } },
        { requests: { cpu: 15, memory: 30 }, limits: { cpu: 20, memory: 70 } },
        { requests: { cpu: 20 } },
        { requests: { memory: 40 }, limits: { memory: 60 } },
        same(20, 40),
      ],
    ),
  );
  behaviour('In-place Pod Resize, burstable pod resized with equivalents', () =>
    resized(
      'equivalent',
      [{ requests: { cpu: 2 }, limits: { cpu: 10 } }],
      [{ requests: { cpu: 1 }, limits: { cpu: 5 } }],
    ),
  );
  behaviour('In-place Pod Resize, read and replace endpoints', async () => {
    await start('replaced', [same(10, 30)]);
    const path = `${suite.core}/pods/replaced/resize`;
    const to = same(20, 40);
    await eventually('a replacement without conflict', async () => {
      const object = await suite.api.get(path);
      const spec = object['spec'] as { containers: Record<string, unknown>[] };
      for (const container of spec.containers) container['resources'] = resources(to);
      const { status, text } = await suite.api.send('PUT', path, { body: object });
      if (status !== 409) assert.equal(status, 200, text);
      return status === 200;
    });
    await hasSizes('replaced', [to]);
    await eventually('both to be the same', async () => {
      const [whole, part] = [await suite.api.get(`${suite.core}/pods/replaced`), await suite.api.get(path)];
      if (whole.metadata.resourceVersion !== part.metadata.resourceVersion) return false;
      assert.deepEqual(part, whole);
      return true;
    });
    assert.equal(at(await suite.api.get(path), 'status.qosClass'), 'Guaranteed');
  });
});
