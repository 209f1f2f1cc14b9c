import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '../../api/core/v1/types.generated.ts';
import { evictionMessage, type PodUsage, rankForEviction } from './ranking.ts';
import { storageExcess } from './storage-limits.ts';

const mebibyte = 1024 * 1024;

function pod(name: string, spec: Partial<PodSpec>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name },
    spec: { containers: [{ name: 'c' }], ...spec },
  };
}

function limited(name: string, limit: string | undefined): Container {
  return limit === undefined ? { name } : { name, resources: { limits: { 'ephemeral-storage': limit } } };
}

const cases: [string, Partial<PodSpec>, Record<string, number>, RegExp | undefined][] = [
  ['nothing is limited', { volumes: [{ name: 'v', emptyDir: {} }] }, { v: 1000, c: 1000 }, undefined],
  [
    'an emptyDir above its limit',
    { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] },
    { v: 2 },
    /^Usage of EmptyDir volume "v" exceeds the limit "1Mi"\. $/,
  ],
  ['an emptyDir at its limit', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] }, { v: 1 }, undefined],
  [
    'one container of two above its own limit',
    { containers: [limited('c', '1Mi'), limited('d', undefined)] },
    { c: 2, d: 100 },
    /^Container c exceeded its local ephemeral storage limit "1Mi"\. $/,
  ],
  [
    'containers and volumes together above the sum of limits',
    { containers: [limited('c', '2Mi'), limited('d', '2Mi')], volumes: [{ name: 'v', emptyDir: {} }] },
    { c: 1, d: 1, v: 3 },
    /^Pod ephemeral local storage usage exceeds the total limit of containers 4194304\. $/,
  ],
  [
    'memory does not count as disk',
    { containers: [limited('c', '2Mi')], volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }] },
    { c: 1, v: 3 },
    undefined,
  ],
];

for (const [name, spec, megabytes, expected] of cases) {
  test(`storage limits: ${name}`, async () => {
    const bytes = async (one: string): Promise<number> => (megabytes[one] ?? 0) * mebibyte;
    const excess = await storageExcess(pod('p', spec), { emptyDir: bytes, container: bytes });
    if (expected === undefined) assert.equal(excess, undefined);
    else assert.match(excess ?? '', expected);
  });
}

function usage(name: string, usedMebibytes: number, requestMebibytes: number, priority = 0): PodUsage {
  const resources = { requests: { memory: `${requestMebibytes}Mi` } };
  return {
    pod: pod(name, { priority, containers: [{ name: 'c', resources }] }),
    containers: new Map([['c', usedMebibytes * mebibyte]]),
  };
}

test('those above their request go first, the least important and greediest of them before the others', () => {
  const ranked = rankForEviction(
    [
      usage('within', 90, 100),
      usage('important', 300, 100, 1000),
      usage('greedy', 300, 100),
      usage('modest', 150, 100),
      usage('critical', 900, 1, 2_000_000_000),
    ],
    'memory',
  );
  assert.deepEqual(
    ranked.map((one) => one.pod.metadata.name),
    ['greedy', 'modest', 'important', 'within'],
  );
});

test('the message says what is short and who took it', () => {
  assert.equal(
    evictionMessage(usage('p', 2, 1), { resource: 'memory', thresholdBytes: 100 * mebibyte, availableBytes: mebibyte }),
    'The node was low on resource: memory. Threshold quantity: 102400Ki, available: 1024Ki. ' +
      'Container c was using 2048Ki, request is 1024Ki, has larger consumption of memory. ',
  );
});
