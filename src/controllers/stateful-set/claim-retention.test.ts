import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { StatefulSet } from '../../api/apps/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { ownersOfClaim } from './claim-retention.ts';

const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'db-1', uid: 'pod' }, spec: { containers: [] } };

function set(whenDeleted: string, whenScaled: string): StatefulSet {
  const persistentVolumeClaimRetentionPolicy = { whenDeleted, whenScaled };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', uid: 'set' },
    spec: { selector: {}, template: {}, persistentVolumeClaimRetentionPolicy },
  };
}

const cases: [whenDeleted: string, whenScaled: string, scaledDown: boolean, owners: string[]][] = [
  ['Retain', 'Retain', false, ['other']],
  ['Retain', 'Retain', true, ['other']],
  ['Retain', 'Delete', false, ['other']],
  ['Retain', 'Delete', true, ['other', 'pod']],
  ['Delete', 'Retain', false, ['other', 'set']],
  ['Delete', 'Retain', true, ['other', 'set']],
  ['Delete', 'Delete', false, ['other', 'set']],
  ['Delete', 'Delete', true, ['other', 'pod']],
];
for (const [whenDeleted, whenScaled, isScaledDown, owners] of cases) {
  it(`claims with ${whenDeleted} on deletion and ${whenScaled} on scaling${isScaledDown ? ', scaled down' : ''}`, () => {
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'other' },
      { apiVersion: 'v1', kind: 'Pod', name: 'db-1', uid: 'an earlier pod' },
    ];
    const refs = ownersOfClaim(
      set(whenDeleted, whenScaled),
      { metadata: { name: 'c', ownerReferences } },
      { pod, isScaledDown },
    );
    assert.deepEqual(
      refs.map(({ uid }) => uid),
      owners,
    );
  });
}
