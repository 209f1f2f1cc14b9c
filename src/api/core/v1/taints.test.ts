import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repellingTaint, tolerates } from './taints.ts';
import type { Taint, Toleration } from './types.generated.ts';

const taint: Taint = { key: 'level', value: '5', effect: 'NoSchedule' };

const tolerations: [Toleration, boolean][] = [
  [{ operator: 'Exists' }, true],
  [{ key: 'level', operator: 'Exists' }, true],
  [{ key: 'other', operator: 'Exists' }, false],
  [{ key: 'level', operator: 'Exists', effect: 'NoSchedule' }, true],
  [{ key: 'level', operator: 'Exists', effect: 'NoExecute' }, false],
  [{ key: 'level', value: '5' }, true],
  [{ key: 'level', operator: 'Equal', value: '4' }, false],
  [{ key: 'level' }, false],
  [{ key: 'level', operator: 'Gt', value: '4' }, true],
  [{ key: 'level', operator: 'Lt', value: '4' }, false],
  [{ key: 'level', operator: 'Like', value: '5' }, false],
];

for (const [toleration, expected] of tolerations) {
  test(`${JSON.stringify(toleration)} ${expected ? 'is' : 'is not'} for level=5:NoSchedule`, () => {
    assert.equal(tolerates(toleration, taint), expected);
  });
}

test('a pod is kept off by the first taint that it does not tolerate, and by none that only prefers', () => {
  const soft: Taint = { key: 'soft', effect: 'PreferNoSchedule' };
  const hard: Taint = { key: 'hard', effect: 'NoExecute' };
  assert.equal(repellingTaint([soft, taint, hard], [{ key: 'level', operator: 'Exists' }]), hard);
  assert.equal(repellingTaint([soft, taint, hard], undefined), taint);
  assert.equal(repellingTaint([soft], undefined), undefined);
  assert.equal(repellingTaint(undefined, undefined), undefined);
});
