import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at, namesOf } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const volumes = '/api/v1/persistentvolumes';
const claims = '/api/v1/namespaces/default/persistentvolumeclaims';

/** A volume and a claim that bind to nothing else. */
async function createPair(label: string): Promise<{ volume: string; claim: string; selector: string }> {
  const labels = { pair: label };
  const shared = { storageClassName: '', accessModes: ['ReadWriteOnce'] };
  await suite.api.create(volumes, {
    metadata: { name: `pv-${label}`, labels },
    spec: {
      ...shared,
      capacity: { storage: '1Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: '/tmp/none' },
    },
  });
  await suite.api.create(claims, {
    metadata: { name: `pvc-${label}`, labels },
    spec: { ...shared, selector: { matchLabels: labels }, resources: { requests: { storage: '1Gi' } } },
  });
  const selector = `labelSelector=pair%3D${label}`;
  for (const collection of [volumes, claims]) {
    assert.equal((await suite.api.items(`${collection}?${selector}`)).length, 1);
    await suite.eventually(`a phase in ${collection}`, async () => {
      const [object] = await suite.api.items(`${collection}?${selector}`);
      return at(object, 'status.phase') === 'Bound';
    });
  }
  return { volume: `${volumes}/pv-${label}`, claim: `${claims}/pvc-${label}`, selector };
}

const gone = async (path: string): Promise<boolean> => (await suite.api.send('GET', path)).status === 404;

behaviour('PersistentVolumes(Claims), lifecycle', async () => {
  const first = await createPair('first');
  for (const path of [first.volume, first.claim]) {
    const { metadata } = await suite.api.get(path);
    const patched = await suite.api.patch(path, { metadata: { labels: { patched: 'yes' } } }, 'strategic');
    assert.deepEqual([patched.metadata.labels?.['patched'], patched.metadata.uid], ['yes', metadata.uid]);
  }
  for (const path of [first.claim, first.volume]) {
    await suite.api.delete(path);
    await suite.eventually(`${path} is gone`, () => gone(path));
  }
  const second = await createPair('second');
  for (const path of [second.volume, second.claim]) {
    const updated = await suite.api.change(path, ({ metadata }) => {
      metadata.labels = { ...metadata.labels, updated: 'yes' };
    });
    assert.equal(updated.metadata.labels?.['updated'], 'yes');
  }
  for (const collection of [claims, volumes]) {
    await suite.api.delete(`${collection}?${second.selector}`);
    await suite.eventually(`no ${collection}`, async () => {
      return namesOf(await suite.api.items(`${collection}?${second.selector}`)).length === 0;
    });
  }
});

behaviour('PersistentVolumes(Claims), apply changes to a pv/pvc status', async () => {
  const { volume, claim } = await createPair('status');
  const condition = (type: string) => ({ type, status: 'True', reason: 'E2E', message: 'Set by a test' });
  const types = (object: UnknownObject): unknown[] =>
    (at(object, 'status.conditions') as { type: string }[]).map(({ type }) => type);
  assert.equal(at(await suite.api.get(`${claim}/status`), 'status.phase'), 'Bound');
  const patchedClaim = await suite.api.patch(`${claim}/status`, {
    status: { conditions: [condition('StatusPatched')] },
  });
  assert.deepEqual(types(patchedClaim), ['StatusPatched']);
  const updatedClaim = await suite.api.change(`${claim}/status`, (object) => {
    (object['status'] as { conditions: unknown[] }).conditions.push(condition('StatusUpdated'));
  });
  assert.deepEqual(types(updatedClaim), ['StatusPatched', 'StatusUpdated']);
  assert.equal(at(await suite.api.get(`${volume}/status`), 'status.phase'), 'Bound');
  const patched = await suite.api.patch(`${volume}/status`, { status: { message: 'StatusPatched', reason: 'E2E' } });
  assert.equal(at(patched, 'status.message'), 'StatusPatched');
  const updated = await suite.api.change(`${volume}/status`, (object) => {
    Object.assign(object['status'] as object, { message: 'StatusUpdated' });
  });
  assert.equal(at(updated, 'status.message'), 'StatusUpdated');
});
