import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  configMaps,
  cronJobs,
  daemonSets,
  deployments,
  endpointSlices,
  endpoints,
  events,
  jobs,
  namespaces,
  nodes,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  serviceAccounts,
  services,
  statefulSets,
} from '../../src/api/resource-types.ts';
import type { Client } from '../../src/client/index.ts';
import { isNotFound } from '../../src/machinery/status-error.ts';
import { type ControlPlane, eventually, startControlPlane } from './control-plane.ts';
import { simulateNode } from './simulated-node.ts';

let plane: ControlPlane;
let client: Client;

before(async () => {
  plane = await startControlPlane();
  client = plane.client;
  await simulateNode(client, 'n1', plane.signal);
});
after(() => plane.close());

function workload(name: string, image = 'a') {
  const labels = { app: name };
  const containers = [{ name: 'c', image, ports: [{ name: 'http', containerPort: 8080 }] }];
  return { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
}

/** `metadata` of the template has no name of its own. */
type Workload = ReturnType<typeof workload> & { template: { metadata: { name: string } } };

async function createDeployment(namespace: string, name: string, replicas: number): Promise<void> {
  const spec = { replicas, ...(workload(name) as Workload) };
  await client
    .resource(deployments)
    .create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { namespace, name }, spec });
  await eventually(`deployment ${name} available`, async () => {
    const { status } = await client.resource(deployments).get({ namespace, name });
    return status?.availableReplicas === replicas;
  });
}

async function createNamespace(name: string): Promise<void> {
  await client.resource(namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec: {} });
  await eventually(`service account in ${name}`, async () => {
    await client.resource(serviceAccounts).get({ namespace: name, name: 'default' });
    return true;
  });
}

const selecting = (name: string) => ({ labelSelector: `app=${name}` });

async function isGone(read: Promise<unknown>): Promise<boolean> {
  return read.then(
    () => false,
    (error: unknown) => isNotFound(error),
  );
}

describe('controllers', () => {
  it('give nodes pod networks and namespaces their certificate authority', async () => {
    await eventually('pod network', async () => {
      const { spec } = await client.resource(nodes).get({ name: 'n1' });
      return spec?.podCIDR === '10.244.0.0/24' && (spec.taints ?? []).length === 0;
    });
    await createNamespace('ca');
    await eventually('certificate authority', async () => {
      const { data } = await client.resource(configMaps).get({ namespace: 'ca', name: 'kube-root-ca.crt' });
      return data?.['ca.crt']?.startsWith('-----BEGIN CERTIFICATE') === true;
    });
  });

  it('roll a deployment out and scale it', async () => {
    const ref = { namespace: 'default', name: 'rolled' };
    await createDeployment('default', 'rolled', 3);
    const image = { spec: { template: { spec: { containers: [{ name: 'c', image: 'b' }] } } } };
    await client.resource(deployments).patch(ref, { type: 'strategic', body: image });
    await eventually('rollout', async () => {
      const { status, metadata } = await client.resource(deployments).get(ref);
      const { updatedReplicas, replicas, availableReplicas, observedGeneration } = status ?? {};
      const isDone = updatedReplicas === 3 && replicas === 3 && availableReplicas === 3;
      return isDone && observedGeneration === metadata.generation;
    });
    const found = await client.resource(deployments).get(ref);
    assert.equal(found.metadata.annotations?.['deployment.kubernetes.io/revision'], '2');
    assert.equal(found.metadata.generation, 2);
    await client.resource(deployments).patch(ref, { type: 'merge', body: { spec: { replicas: 5 } } });
    await eventually('scaling', async () => {
      const { items } = await client.resource(replicaSets).list({ namespace: 'default', ...selecting('rolled') });
      return (
        items
          .map(({ status }) => status?.readyReplicas ?? 0)
          .sort()
          .join() === '0,5'
      );
    });
    await eventually('events', async () => {
      const fieldSelector = 'involvedObject.kind=Deployment,involvedObject.name=rolled';
      const { items } = await client.resource(events).list({ namespace: 'default', fieldSelector });
      const messages = items.map(({ message = '' }) => message.replace(/rolled-\w+/, 'X'));
      return (
        messages.includes('Scaled up replica set X from 0 to 3') &&
        messages.includes('Scaled up replica set X from 3 to 5')
      );
    });
  });

  it('say where the pods of a service are', async () => {
    await createDeployment('default', 'served', 2);
    const metadata = { namespace: 'default', name: 'served' };
    const spec = { selector: { app: 'served' }, ports: [{ port: 80, targetPort: 'http' }] };
    await client.resource(services).create({ apiVersion: 'v1', kind: 'Service', metadata, spec });
    const labelSelector = 'kubernetes.io/service-name=served';
    await eventually('endpoint slice', async () => {
      const { items } = await client.resource(endpointSlices).list({ namespace: 'default', labelSelector });
      return items[0]?.ports?.[0]?.port === 8080 && items[0].endpoints?.length === 2;
    });
    await eventually('endpoints', async () => {
      const { subsets } = await client.resource(endpoints).get(metadata);
      return subsets?.[0]?.addresses?.length === 2;
    });
    await client.resource(services).delete(metadata);
    await eventually('no slices', async () => {
      const { items } = await client.resource(endpointSlices).list({ namespace: 'default', labelSelector });
      return items.length === 0 && (await isGone(client.resource(endpoints).get(metadata)));
    });
  });

  for (const policy of ['Background', 'Foreground']) {
    it(`collect what a deployment owned after a deletion in the ${policy.toLowerCase()}`, async () => {
      const name = `collected-${policy.toLowerCase()}`;
      await createDeployment('default', name, 2);
      await client.resource(deployments).delete({ namespace: 'default', name }, { propagationPolicy: policy });
      await eventually('nothing left', async () => {
        const left = await Promise.all([
          client.resource(pods).list({ namespace: 'default', ...selecting(name) }),
          client.resource(replicaSets).list({ namespace: 'default', ...selecting(name) }),
        ]);
        const isDeleted = await isGone(client.resource(deployments).get({ namespace: 'default', name }));
        return isDeleted && left.every(({ items }) => items.length === 0);
      });
    });
  }

  it('orphan the replica sets of a deployment when asked to', async () => {
    const ref = { namespace: 'default', name: 'orphaning' };
    await createDeployment('default', 'orphaning', 1);
    await client.resource(deployments).delete(ref, { propagationPolicy: 'Orphan' });
    await eventually('deployment gone', () => isGone(client.resource(deployments).get(ref)));
    const { items } = await client.resource(replicaSets).list({ namespace: 'default', ...selecting('orphaning') });
    assert.deepEqual(
      items.map(({ metadata }) => metadata.ownerReferences ?? []),
      [[]],
    );
  });

  it('run stateful sets, daemon sets, jobs and cron jobs', async () => {
    await createNamespace('loads');
    const metadata = { namespace: 'loads', name: 'w' };
    const spec = workload('w') as Workload;
    const once = {
      metadata: {} as { name: string },
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'a' }] },
    };
    const job = { completions: 3, parallelism: 2, template: once };
    await Promise.all([
      client.resource(statefulSets).create({
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata,
        spec: { ...spec, serviceName: 'w', replicas: 2 },
      }),
      client.resource(daemonSets).create({
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata,
        spec: workload('daemon') as Workload,
      }),
      client.resource(jobs).create({ apiVersion: 'batch/v1', kind: 'Job', metadata, spec: job }),
      client.resource(cronJobs).create({
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata,
        spec: { schedule: '@every 1s', jobTemplate: { spec: { template: once } } },
      }),
    ]);
    await eventually('stateful set', async () => {
      const { status } = await client.resource(statefulSets).get(metadata);
      return status?.readyReplicas === 2 && status.currentRevision === status.updateRevision;
    });
    assert.equal((await client.resource(pods).get({ namespace: 'loads', name: 'w-1' })).spec.hostname, 'w-1');
    await eventually(
      'daemon set',
      async () => (await client.resource(daemonSets).get(metadata)).status?.numberReady === 1,
    );
    await eventually('job', async () => {
      const { status } = await client.resource(jobs).get(metadata);
      return status?.succeeded === 3 && status.conditions?.some(({ type }) => type === 'Complete') === true;
    });
    await eventually('cron job', async () => {
      const { status } = await client.resource(cronJobs).get(metadata);
      return status?.lastSuccessfulTime !== undefined;
    });
  });

  it('keep the pods of a replication controller', async () => {
    const metadata = { namespace: 'default', name: 'older' };
    const { template } = workload('older') as Workload;
    const spec = { replicas: 2, selector: { app: 'older' }, template };
    await client
      .resource(replicationControllers)
      .create({ apiVersion: 'v1', kind: 'ReplicationController', metadata, spec });
    await eventually('pods', async () => {
      const { status, spec: kept } = await client.resource(replicationControllers).get(metadata);
      return status?.readyReplicas === 2 && kept.selector?.['app'] === 'older';
    });
  });

  it('count what a disruption budget allows', async () => {
    await createDeployment('default', 'guarded', 3);
    const metadata = { namespace: 'default', name: 'guarded' };
    const spec = { minAvailable: 2, selector: { matchLabels: { app: 'guarded' } } };
    await client
      .resource(podDisruptionBudgets)
      .create({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata, spec });
    await eventually('budget', async () => {
      const { status } = await client.resource(podDisruptionBudgets).get(metadata);
      return status?.disruptionsAllowed === 1 && status.expectedPods === 3;
    });
    await client.resource(podDisruptionBudgets).patch(metadata, { type: 'merge', body: { spec: { minAvailable: 3 } } });
    await eventually('smaller budget', async () => {
      const { status } = await client.resource(podDisruptionBudgets).get(metadata);
      return status?.disruptionsAllowed === 0;
    });
  });

  it('go on where they were after the server was away', async () => {
    await createDeployment('default', 'survivor', 1);
    await plane.restartServer();
    const body = { spec: { replicas: 3 } };
    await client.resource(deployments).patch({ namespace: 'default', name: 'survivor' }, { type: 'merge', body });
    await eventually('scaling after the restart', async () => {
      const { status } = await client.resource(deployments).get({ namespace: 'default', name: 'survivor' });
      return status?.availableReplicas === 3;
    });
  });

  it('empty a namespace, then let it go', async () => {
    await createNamespace('leaving');
    await createDeployment('leaving', 'held', 1);
    const data = { a: 'b' };
    const metadata = { namespace: 'leaving', name: 'held', finalizers: ['example.com/hold'] };
    await client.resource(configMaps).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    await client.resource(namespaces).delete({ name: 'leaving' });
    await eventually('condition', async () => {
      const { status } = await client.resource(namespaces).get({ name: 'leaving' });
      const message = status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')?.message ?? '';
      return message.includes('example.com/hold in 1 resource instances');
    });
    const released = { metadata: { finalizers: null } };
    await client.resource(configMaps).patch(metadata, { type: 'merge', body: released });
    await eventually('namespace gone', () => isGone(client.resource(namespaces).get({ name: 'leaving' })));
  });
});
