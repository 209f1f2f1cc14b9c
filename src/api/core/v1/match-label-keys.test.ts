import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyMatchLabelKeys } from './match-label-keys.ts';
import type { Pod } from './types.generated.ts';

test('keys to match become requirements on the values that the pod carries', () => {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', labels: { version: '2', tenant: 'x' } },
    spec: {
      containers: [],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            {
              topologyKey: 'zone',
              labelSelector: { matchLabels: { app: 'a' } },
              matchLabelKeys: ['version', 'absent'],
              mismatchLabelKeys: ['tenant'],
            },
          ],
        },
      },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['version'] },
      ],
    },
  };
  applyMatchLabelKeys(pod);
  const [term] = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  assert.deepEqual(term?.labelSelector, {
    matchLabels: { app: 'a' },
    matchExpressions: [
      { key: 'version', operator: 'In', values: ['2'] },
      { key: 'tenant', operator: 'NotIn', values: ['x'] },
    ],
  });
  assert.equal(pod.spec.topologySpreadConstraints?.[0]?.labelSelector, undefined);
});
