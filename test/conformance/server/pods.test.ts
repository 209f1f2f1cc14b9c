/** What the API server makes of pods before any node has them. */
import assert from 'node:assert/strict';
import { at, namesOf } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();

behaviour('LimitRange, resources', async () => {
  const core = `/api/v1/namespaces/${await suite.namespace('limit-range')}`;
  const min = { cpu: '50m', memory: '100Mi', 'ephemeral-storage': '100Gi' };
  const max = { cpu: '500m', memory: '500Mi', 'ephemeral-storage': '500Gi' };
  const defaultRequest = { cpu: '100m', memory: '200Mi', 'ephemeral-storage': '200Gi' };
  const defaults = { cpu: '500m', memory: '500Mi', 'ephemeral-storage': '500Gi' };
  const limits = [{ type: 'Container', min, max, default: defaults, defaultRequest }];
  const path = `${core}/limitranges/limits`;
  await suite.api.create(`${core}/limitranges`, { metadata: { name: 'limits' }, spec: { limits } });
  assert.deepEqual(at(await suite.api.get(path), 'spec.limits.0'), limits[0]);

  const pod = (name: string, resources?: object): object => ({
    metadata: { name },
    spec: { containers: [{ name: 'main', image: 'example.test/none', ...(resources ? { resources } : {}) }] },
  });
  const resourcesOf = async (name: string, resources?: object): Promise<unknown> =>
    at(await suite.api.create(`${core}/pods`, pod(name, resources)), 'spec.containers.0.resources');
  assert.deepEqual(await resourcesOf('none'), { requests: defaultRequest, limits: defaults });
  const part = { requests: { cpu: '200m', memory: '150Mi' }, limits: { memory: '300Mi' } };
  assert.deepEqual(await resourcesOf('part', part), {
    requests: { ...defaultRequest, ...part.requests },
    limits: { ...defaults, ...part.limits },
  });
  const below = { body: pod('below', { requests: { cpu: '10m' } }) };
  assert.match(
    await suite.api.refused(403, 'POST', `${core}/pods`, below),
    /minimum cpu usage per Container is 50m, but request is 10m/,
  );

  await suite.api.change(path, (object) => {
    const [first] = (object['spec'] as { limits: Record<string, unknown>[] }).limits;
    if (first !== undefined) first['min'] = { ...min, cpu: '9m' };
  });
  await suite.eventually('the lower minimum holds', async () => {
    return (await suite.api.send('POST', `${core}/pods`, below)).status === 201;
  });
  const above = { body: pod('above', { requests: { memory: '600Mi' }, limits: { memory: '600Mi' } }) };
  assert.match(
    await suite.api.refused(403, 'POST', `${core}/pods`, above),
    /maximum memory usage per Container is 500Mi, but limit is 600Mi/,
  );
  await suite.api.delete(path);
  await suite.eventually('nothing is limited', async () => {
    return (await suite.api.send('POST', `${core}/pods`, above)).status === 201;
  });
});

behaviour('CSIInlineVolumes should support Pods with inline volumes', async () => {
  const namespace = await suite.namespace('csi-inline');
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const driver = 'inline.csi.example.com';
  await suite.api.create('/apis/storage.k8s.io/v1/csidrivers', {
    metadata: { name: driver },
    spec: { volumeLifecycleModes: ['Ephemeral'] },
  });
  const csi = { driver, readOnly: true, volumeAttributes: { key: 'value' } };
  await suite.api.create(path, {
    metadata: { name: 'inline', labels: { inline: 'yes' } },
    spec: {
      schedulerName: 'nobody',
      containers: [
        { name: 'main', image: 'example.test/none', volumeMounts: [{ name: 'inline', mountPath: '/inline' }] },
      ],
      volumes: [{ name: 'inline', csi }],
    },
  });
  const volume = { name: 'inline', csi };
  const volumes = at(await suite.api.get(`${path}/inline`), 'spec.volumes') as { name: string }[];
  assert.deepEqual(
    volumes.find(({ name }) => name === 'inline'),
    volume,
  );
  assert.deepEqual(namesOf(await suite.api.items(`${path}?labelSelector=inline%3Dyes`)), ['inline']);
  const patched = await suite.api.patch(`${path}/inline`, { metadata: { labels: { patched: 'yes' } } });
  assert.equal(patched.metadata.labels?.['patched'], 'yes');
  await suite.api.delete(`${path}/inline`);
  await suite.api.refused(404, 'GET', `${path}/inline`);
});

behaviour('Replication Controller, check for issues like exceeding allocated quota', async () => {
  const core = `/api/v1/namespaces/${await suite.namespace('rc-quota')}`;
  const quota = { metadata: { name: 'quota' }, spec: { hard: { pods: '2' } } };
  await suite.api.create(`${core}/resourcequotas`, quota);
  await suite.eventually('the quota is counted', async () => {
    return at(await suite.api.get(`${core}/resourcequotas/quota`), 'status.hard.pods') === '2';
  });
  await suite.api.create(`${core}/replicationcontrollers`, {
    metadata: { name: 'over' },
    spec: {
      replicas: 3,
      selector: { app: 'over' },
      template: {
        metadata: { labels: { app: 'over' } },
        spec: { containers: [{ name: 'main', image: 'example.test/none' }] },
      },
    },
  });
  const path = `${core}/replicationcontrollers/over`;
  const failure = async (): Promise<boolean> => {
    const conditions = (at(await suite.api.get(path), 'status.conditions') ?? []) as { type: string; reason: string }[];
    return conditions.some(({ type, reason }) => type === 'ReplicaFailure' && reason === 'FailedCreate');
  };
  await suite.eventually('the condition', failure);
  assert.equal((await suite.api.items(`${core}/pods`)).length, 2);
  await suite.api.patch(`${path}/scale`, { spec: { replicas: 2 } });
  await suite.eventually('the condition to go', async () => !(await failure()));
});
