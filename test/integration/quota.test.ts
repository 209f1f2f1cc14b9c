import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PersistentVolumeClaim, Pod } from '../../src/api/core/v1/types.generated.ts';
import {
  configMaps,
  namespaces,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  serviceAccounts,
} from '../../src/api/resource-types.ts';
import type { Client } from '../../src/client/index.ts';
import { isAlreadyExists, isForbidden, isNotFound } from '../../src/machinery/status-error.ts';
import { type ControlPlane, eventually, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
let client: Client;

before(async () => {
  plane = await startControlPlane();
  client = plane.client;
});
after(() => plane.close());

async function createNamespace(name: string): Promise<void> {
  await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} });
  await eventually(`service account in ${name}`, async () => {
    await client.resource(serviceAccounts).get({ namespace: name, name: 'default' });
    return true;
  });
}

async function createQuota(namespace: string, hard: Record<string, string>): Promise<void> {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { namespace, name: 'q' }, spec: { hard } };
  await client.resource(resourceQuotas).create(quota);
  await eventually('the quota is counted', async () => (await used(namespace)) !== undefined);
}

async function used(namespace: string): Promise<Record<string, number | string> | undefined> {
  return (await client.resource(resourceQuotas).get({ namespace, name: 'q' })).status?.used;
}

function configMap(namespace: string, name: string) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } };
}

test('a quota stays true while many come and go', async () => {
  const namespace = 'churn';
  await createNamespace(namespace);
  await eventually('the published authority', async () => {
    await client.resource(configMaps).get({ namespace, name: 'kube-root-ca.crt' });
    return true;
  });
  await createQuota(namespace, { configmaps: '9' });
  const maps = client.resource(configMaps);
  let largest = 0;
  const outcomes = { made: 0, refused: 0 };
  const work = async (worker: number): Promise<void> => {
    for (let round = 0; round < 12; round += 1) {
      const name = `m-${worker}-${round}`;
      try {
        await maps.create(configMap(namespace, name));
        outcomes.made += 1;
        largest = Math.max(largest, (await maps.list({ namespace })).items.length);
        if (round % 3 !== 0) await maps.delete({ namespace, name });
      } catch (error) {
        assert.ok(isForbidden(error), String(error));
        outcomes.refused += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, worker) => work(worker)));
  assert.ok(largest <= 9, `${largest} objects were there at once`);
  assert.ok(outcomes.made > 0 && outcomes.refused > 0, JSON.stringify(outcomes));
  const { items } = await maps.list({ namespace });
  await eventually(
    'the count is what is there',
    async () => (await used(namespace))?.['configmaps'] === String(items.length),
  );
});

test('what was counted and then not written is given back', async () => {
  const namespace = 'twice';
  await createNamespace(namespace);
  await createQuota(namespace, { 'count/configmaps': '20' });
  const maps = client.resource(configMaps);
  await maps.create(configMap(namespace, 'one'));
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await assert.rejects(maps.create(configMap(namespace, 'one')), isAlreadyExists);
  }
  const { items } = await maps.list({ namespace });
  await eventually('the count is what is there', async () => {
    return (await used(namespace))?.['count/configmaps'] === String(items.length);
  });
});

test('a claim stays while a pod uses it and goes with the pod', async () => {
  const namespace = 'default';
  const claims = client.resource(persistentVolumeClaims);
  const claim: PersistentVolumeClaim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { namespace, name: 'used' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources: { requests: { storage: '1Mi' } } },
  };
  await claims.create(claim);
  await eventually('service account', async () => {
    await client.resource(serviceAccounts).get({ namespace, name: 'default' });
    return true;
  });
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: 'user' },
    spec: {
      nodeName: 'nowhere',
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'used' } }],
    },
  };
  await client.resource(pods).create(pod);
  await claims.delete({ namespace, name: 'used' });
  // Long enough for a controller that does not look at pods.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.notEqual((await claims.get({ namespace, name: 'used' })).metadata.deletionTimestamp, undefined);
  await client.resource(pods).delete({ namespace, name: 'user' });
  await eventually('the claim is gone', async () => {
    try {
      await claims.get({ namespace, name: 'used' });
      return false;
    } catch (error) {
      return isNotFound(error);
    }
  });
});
