/** Pods that write more than they may are ended by their node. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pod, sleepForever } from './manifests.ts';
import { conditionOf, PodScope } from './pod-scope.ts';

let scope: PodScope;

before(async () => {
  scope = await PodScope.create('eviction');
  const write = (path: string): string => `dd if=/dev/zero of=${path} bs=1M count=4 2>/dev/null; ${sleepForever}`;
  const limits = { 'ephemeral-storage': '2Mi' };
  await scope.create(
    pod('fills-volume', write('/v/f'), {
      spec: { volumes: [{ name: 'work', emptyDir: { sizeLimit: '2Mi' } }] },
      container: { volumeMounts: [{ name: 'work', mountPath: '/v' }] },
    }),
    pod('fills-root', write('/f'), { container: { resources: { limits } } }),
    pod('modest', sleepForever, { container: { resources: { limits } } }),
  );
});
after(() => scope.remove());

const cases: [string, RegExp][] = [
  ['fills-volume', /^Usage of EmptyDir volume "work" exceeds the limit "2Mi"\. $/],
  ['fills-root', /^Pod ephemeral local storage usage exceeds the total limit of containers 2Mi\. $/],
];
for (const [name, message] of cases) {
  test(`${name} is evicted and says why`, async () => {
    const evicted = await scope.ends(name);
    assert.deepEqual([evicted.status.phase, evicted.status.reason], ['Failed', 'Evicted']);
    assert.match(evicted.status.message ?? '', message);
    assert.equal(conditionOf(evicted, 'DisruptionTarget')?.reason, 'TerminationByKubelet');
    assert.match(await scope.events(name), /Evicted/);
  });
}

test('a pod that keeps to its limits stays', async () => {
  assert.equal((await scope.read('modest')).status.phase, 'Running');
});
