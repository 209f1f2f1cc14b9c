import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const core = '/api/v1/namespaces/default';
const apps = '/apis/apps/v1/namespaces/default';

/** Long enough for a collector that is wrong to do harm. */
const settleMs = 300;

const template = (app: string) => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'example.test/none' }] },
});

const labelled = (resource: string, app: string): Promise<UnknownObject[]> =>
  suite.api.items(`${resource}?labelSelector=app%3D${app}`);
const podsOf = (app: string): Promise<UnknownObject[]> => labelled(`${core}/pods`, app);
const controllerPath = (name: string): string => `${core}/replicationcontrollers/${name}`;

async function controller(app: string, replicas: number): Promise<UnknownObject> {
  const created = await suite.api.create(`${core}/replicationcontrollers`, {
    metadata: { name: app },
    spec: { replicas, selector: { app }, template: template(app) },
  });
  await suite.eventually(`${replicas} pods of ${app}`, async () => {
    const { status } = (await suite.api.get(controllerPath(app))) as { status?: { replicas?: number } };
    return status?.replicas === replicas && (await podsOf(app)).length === replicas;
  });
  return created;
}

async function deployment(app: string): Promise<void> {
  await suite.api.create(`${apps}/deployments`, {
    metadata: { name: app },
    spec: { replicas: 2, selector: { matchLabels: { app } }, template: template(app) },
  });
  await suite.eventually(`the pods of ${app}`, async () => (await podsOf(app)).length === 2);
}

const remove = (path: string, propagationPolicy: string): Promise<UnknownObject> =>
  suite.api.delete(path, { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy });
const gone = async (path: string): Promise<boolean> => (await suite.api.send('GET', path)).status === 404;

behaviour('Garbage Collector, delete replication controller, propagation policy background', async () => {
  await controller('rc-background', 2);
  await remove(controllerPath('rc-background'), 'Background');
  await suite.eventually('the pods are gone', async () => (await podsOf('rc-background')).length === 0);
});

behaviour('Garbage Collector, delete replication controller, propagation policy orphan', async () => {
  await controller('rc-orphan', 10);
  await remove(controllerPath('rc-orphan'), 'Orphan');
  await suite.eventually('the controller is gone', () => gone(controllerPath('rc-orphan')));
  await delay(settleMs);
  const pods = await podsOf('rc-orphan');
  assert.equal(pods.length, 10);
  assert.ok(pods.every(({ metadata }) => metadata.ownerReferences === undefined));
});

behaviour('Garbage Collector, delete deployment,  propagation policy background', async () => {
  await deployment('deployment-background');
  await remove(`${apps}/deployments/deployment-background`, 'Background');
  await suite.eventually('everything is gone', async () => {
    const sets = await labelled(`${apps}/replicasets`, 'deployment-background');
    return sets.length === 0 && (await podsOf('deployment-background')).length === 0;
  });
});

behaviour('Garbage Collector, delete deployment, propagation policy orphan', async () => {
  await deployment('deployment-orphan');
  await remove(`${apps}/deployments/deployment-orphan`, 'Orphan');
  await suite.eventually('the deployment is gone', () => gone(`${apps}/deployments/deployment-orphan`));
  await delay(settleMs);
  const [set, ...others] = await labelled(`${apps}/replicasets`, 'deployment-orphan');
  assert.deepEqual([others.length, set?.metadata.ownerReferences], [0, undefined]);
  const pods = await podsOf('deployment-orphan');
  assert.deepEqual(
    pods.map((pod) => at(pod, 'metadata.ownerReferences.0.uid')),
    [set?.metadata.uid, set?.metadata.uid],
  );
});

behaviour('Garbage Collector, delete replication controller, after owned pods', async () => {
  await controller('rc-foreground', 10);
  // A pod that is held shows that its owner waits for it.
  const [held] = await podsOf('rc-foreground');
  const heldPath = `${core}/pods/${held?.metadata.name}`;
  await suite.api.patch(heldPath, { metadata: { finalizers: ['example.com/hold'] } });
  await remove(controllerPath('rc-foreground'), 'Foreground');
  await suite.eventually('only the held pod is left', async () => (await podsOf('rc-foreground')).length === 1);
  const waiting = await suite.api.get(controllerPath('rc-foreground'));
  assert.deepEqual(waiting.metadata.finalizers, ['foregroundDeletion']);
  assert.notEqual(waiting.metadata.deletionTimestamp, undefined);
  await suite.api.patch(heldPath, { metadata: { finalizers: null } });
  await suite.eventually('the controller is gone', () => gone(controllerPath('rc-foreground')));
  assert.deepEqual(await podsOf('rc-foreground'), []);
});

behaviour('Garbage Collector, multiple owners', async () => {
  await controller('rc-deleted', 10);
  const stays = await suite.api.create(`${core}/replicationcontrollers`, {
    metadata: { name: 'rc-stays' },
    spec: { replicas: 0, selector: { app: 'rc-stays' }, template: template('rc-stays') },
  });
  const half = (await podsOf('rc-deleted')).slice(0, 5);
  const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: 'rc-stays', uid: stays.metadata.uid };
  for (const { metadata } of half) {
    await suite.api.patch(`${core}/pods/${metadata.name}`, { metadata: { ownerReferences: [owner] } }, 'strategic');
  }
  await remove(controllerPath('rc-deleted'), 'Foreground');
  await suite.eventually('the controller is gone', () => gone(controllerPath('rc-deleted')));
  await delay(settleMs);
  const left = await podsOf('rc-deleted');
  assert.deepEqual(left.map(({ metadata }) => metadata.name).sort(), half.map(({ metadata }) => metadata.name).sort());
  for (const { metadata } of left) {
    assert.equal(metadata.deletionTimestamp, undefined);
    assert.deepEqual(
      metadata.ownerReferences?.map(({ name }) => name),
      ['rc-stays'],
    );
  }
});

behaviour('Garbage Collector, dependency cycle', async () => {
  const pods: UnknownObject[] = [];
  for (const name of ['cycle-1', 'cycle-2', 'cycle-3']) {
    pods.push(await suite.api.create(`${core}/pods`, { metadata: { name }, spec: template('cycle').spec }));
  }
  for (const [index, pod] of pods.entries()) {
    const owner = pods[(index + 2) % 3]?.metadata;
    const reference = {
      apiVersion: 'v1',
      kind: 'Pod',
      name: owner?.name,
      uid: owner?.uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    await suite.api.patch(`${core}/pods/${pod.metadata.name}`, { metadata: { ownerReferences: [reference] } });
  }
  await remove(`${core}/pods/cycle-1`, 'Foreground');
  await suite.eventually('all three are gone', async () => {
    const answers = await Promise.all(pods.map(({ metadata }) => gone(`${core}/pods/${metadata.name}`)));
    return answers.every((isGone) => isGone);
  });
});
