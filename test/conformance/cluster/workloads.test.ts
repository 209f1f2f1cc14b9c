/** Deployments, ReplicaSets, ReplicationControllers and StatefulSets on real pods. */
import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { eventually } from '../../e2e/kubectl.ts';
import { deployment, pod, sleepForever } from '../../e2e/manifests.ts';
import { daemonSet, replicaSet, replicationController, statefulSet } from '../../e2e/workloads.ts';
import { at } from '../api.ts';
import { behaviour, sideBySide } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('workloads');

const apps = (resource: string, name: string, part = ''): string =>
  `/apis/apps/v1/namespaces/${suite.namespace}/${resource}/${name}${part}`;
const podsOf = async (app: string): Promise<UnknownObject[]> =>
  (await suite.api.items(`${suite.core}/pods?labelSelector=app%3D${app}`)).filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  );
const rolledOut = (name: string): Promise<string> =>
  suite.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s');
const setsOf = (app: string): Promise<UnknownObject[]> =>
  suite.api.items(`/apis/apps/v1/namespaces/${suite.namespace}/replicasets?labelSelector=app%3D${app}`);
const ready = (path: string, count: number): Promise<unknown> =>
  eventually(`${count} ready of ${path}`, async () => at(await suite.api.get(path), 'status.readyReplicas') === count);
const unready = (path: string): Promise<unknown> =>
  eventually(`none ready of ${path}`, async () => !at(await suite.api.get(path), 'status.readyReplicas'));
const change = (path: string, value: string): Promise<UnknownObject> =>
  suite.api.patch(path, { spec: { template: { metadata: { labels: { version: value } } } } });

/** Reads, replaces and patches the scale of a workload that has one replica. */
async function scales(path: string): Promise<void> {
  await ready(path, 1);
  const scale = await suite.api.get(`${path}/scale`);
  assert.equal(scale.kind, 'Scale');
  assert.equal(at(scale, 'spec.replicas'), 1);
  const wanted = structuredClone(scale);
  (wanted['spec'] as Record<string, unknown>)['replicas'] = 2;
  wanted.metadata.resourceVersion = '';
  const updated = await suite.api.put(`${path}/scale`, wanted);
  assert.equal(at(updated, 'spec.replicas'), 2);
  assert.equal(at(await suite.api.get(path), 'spec.replicas'), 2);
  await ready(path, 2);
  const patched = await suite.api.patch(`${path}/scale`, { spec: { replicas: 3 } });
  assert.equal(at(patched, 'spec.replicas'), 3);
  await ready(path, 3);
  await suite.api.delete(path);
}

sideBySide(() => {
  behaviour('Deployment, completes the scaling of a Deployment subresource', async () => {
    await suite.create(deployment('scaled'));
    await scales(apps('deployments', 'scaled'));
  });
  behaviour('ReplicaSet, completes the scaling of a ReplicaSet subresource', async () => {
    await suite.create(replicaSet('scaled-set', 1));
    await scales(apps('replicasets', 'scaled-set'));
  });
  behaviour('StatefulSet resource Replica scaling', async () => {
    await suite.create(statefulSet('scaled-stateful', { of: { replicas: 1 } }));
    await scales(apps('statefulsets', 'scaled-stateful'));
  });
  behaviour('Replication Controller, get and update ReplicationController scale', async () => {
    await suite.create(replicationController('scaled-rc', 1));
    await scales(`${suite.core}/replicationcontrollers/scaled-rc`);
  });

  behaviour('Deployment Recreate', async () => {
    await suite.create(deployment('recreated', { replicas: 2, spec: { strategy: { type: 'Recreate' } } }));
    await rolledOut('recreated');
    const old = new Set((await podsOf('recreated')).map(({ metadata }) => metadata.uid));
    const path = `${suite.core}/pods`;
    const list = await suite.api.get(`${path}?labelSelector=app%3Drecreated`);
    const watch = await suite.api.watch(
      path,
      `labelSelector=app%3Drecreated&resourceVersion=${list.metadata.resourceVersion}`,
    );
    await change(apps('deployments', 'recreated'), 'two');
    // No new pod runs while an old one has not ended.
    const running = new Set(old);
    try {
      for (let started = 0; started < 2; ) {
        const { type, object } = await watch.next();
        const phase = at(object, 'status.phase');
        if (old.has(object.metadata.uid)) {
          if (type === 'DELETED' || phase === 'Succeeded' || phase === 'Failed') running.delete(object.metadata.uid);
        } else if (type === 'ADDED') {
          assert.equal(running.size, 0, 'an old pod still runs');
          started++;
        }
      }
    } finally {
      watch.close();
    }
    await rolledOut('recreated');
  });

  behaviour('Deployment RollingUpdate', async () => {
    // Takes over pods that were there before, and replaces them by its own template.
    const set = JSON.parse(replicaSet('rolling', 1));
    set.metadata.labels = { app: 'rolling' };
    await suite.create(set);
    await ready(apps('replicasets', 'rolling'), 1);
    await suite.create(deployment('rolling', { container: { env: [{ name: 'VERSION', value: '2' }] } }));
    await rolledOut('rolling');
    await eventually('the old set to be empty', async () => {
      return at(await suite.api.get(apps('replicasets', 'rolling')), 'status.replicas') === 0;
    });
    assert.equal((await suite.api.get(apps('replicasets', 'rolling'))).metadata.ownerReferences?.[0]?.name, 'rolling');
    assert.equal((await setsOf('rolling')).length, 2);
  });

  behaviour('Deployment RevisionHistoryLimit', async () => {
    await suite.create(deployment('forgets', { spec: { revisionHistoryLimit: 0 } }));
    await rolledOut('forgets');
    await change(apps('deployments', 'forgets'), 'two');
    await rolledOut('forgets');
    await eventually('the old set to go', async () => (await setsOf('forgets')).length === 1);
  });

  behaviour('Deployment Rollover', async () => {
    await suite.create(deployment('rollover', { spec: { minReadySeconds: 1 } }));
    await rolledOut('rollover');
    const path = apps('deployments', 'rollover');
    const stuck = { name: 'main', image: 'roadstead/none:1' };
    await suite.api.patch(path, { spec: { template: { spec: { containers: [stuck] } } } }, 'strategic');
    await eventually('a set for the change that cannot start', async () => (await setsOf('rollover')).length === 2);
    const container = { name: 'main', image: 'roadstead/base:latest', env: [{ name: 'VERSION', value: '3' }] };
    await suite.api.patch(path, { spec: { template: { spec: { containers: [container] } } } }, 'strategic');
    await rolledOut('rollover');
    const sets = await setsOf('rollover');
    const counts = sets.map((one) => Number(at(one, 'status.replicas') ?? 0)).sort();
    assert.deepEqual(counts, [0, 0, 1]);
  });

  behaviour('Deployment Proportional Scaling', async () => {
    const strategy = { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
    await suite.create(deployment('proportional', { replicas: 10, spec: { strategy } }));
    await rolledOut('proportional');
    const path = apps('deployments', 'proportional');
    await suite.api.patch(
      path,
      { spec: { template: { spec: { containers: [{ name: 'main', image: 'roadstead/none:1' }] } } } },
      'strategic',
    );
    const wanted = async (): Promise<string> =>
      (await setsOf('proportional'))
        .map((one) => Number(at(one, 'spec.replicas')))
        .sort((a, b) => b - a)
        .join();
    await eventually('the first set at 8 and the second at 5', async () => (await wanted()) === '8,5');
    await suite.api.patch(path, { spec: { replicas: 30 } });
    await eventually('the sets in proportion', async () => (await wanted()) === '20,13');
    await suite.api.delete(path);
  });

  behaviour('Deployment, completes the lifecycle of a Deployment', async () => {
    const collection = apps('deployments', '').replace(/\/$/, '');
    const path = apps('deployments', 'lifecycle');
    await suite.create(deployment('lifecycle', { replicas: 2 }));
    await ready(path, 2);
    const patched = await suite.api.patch(
      path,
      { metadata: { labels: { 'test-deployment': 'patched' } }, spec: { replicas: 1 } },
      'strategic',
    );
    assert.equal(patched.metadata.labels?.['test-deployment'], 'patched');
    await ready(path, 1);
    const found = await suite.api.items(`${collection}?labelSelector=test-deployment%3Dpatched`);
    assert.equal(found.length, 1);
    const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set by a test' };
    const status = await suite.api.patch(`${path}/status`, { status: { conditions: [condition] } }, 'strategic');
    assert.ok((at(status, 'status.conditions') as { type: string }[]).some(({ type }) => type === 'StatusUpdate'));
    assert.equal((await suite.api.get(`${path}/status`)).metadata.name, 'lifecycle');
    await suite.api.delete(`${collection}?labelSelector=test-deployment%3Dpatched`);
    await eventually('no pods', async () => (await podsOf('lifecycle')).length === 0);
  });

  behaviour('ReplicaSet, is created, Replaced and Patched', async () => {
    const path = apps('replicasets', 'replaced');
    await suite.create(replicaSet('replaced', 1));
    await ready(path, 1);
    await suite.api.change(path, (object) => {
      (object['spec'] as Record<string, unknown>)['replicas'] = 2;
    });
    await ready(path, 2);
    const body = { metadata: { labels: { 'test-rs': 'patched' } }, spec: { replicas: 3 } };
    assert.equal((await suite.api.patch(path, body, 'strategic')).metadata.labels?.['test-rs'], 'patched');
    await ready(path, 3);
    await suite.api.delete(path);
  });

  const server = {
    command: [
      'node',
      '-e',
      "require('node:http').createServer((q, s) => s.end(require('node:os').hostname())).listen(9376); process.on('SIGTERM', () => process.exit());",
    ],
    ports: [{ containerPort: 9376 }],
    readinessProbe: { tcpSocket: { port: 9376 }, periodSeconds: 1 },
  };
  async function answers(manifest: string, name: string): Promise<void> {
    const object = JSON.parse(manifest);
    Object.assign(object.spec.template.spec.containers[0], server);
    await suite.create(object);
    const [one] = await eventually('a ready pod', async () => {
      const pods = await podsOf(name);
      const conditions = (at(pods[0], 'status.conditions') ?? []) as { type: string; status: string }[];
      return conditions.some(({ type, status }) => type === 'Ready' && status === 'True') ? pods : undefined;
    });
    const answer = await fetch(`http://${String(at(one, 'status.podIP'))}:9376/`);
    assert.equal(await answer.text(), one?.metadata.name);
  }
  behaviour('Replica Set, run basic image', () => answers(replicaSet('basic-set', 1), 'basic-set'));
  behaviour('Replication Controller, run basic image', () => answers(replicationController('basic-rc', 1), 'basic-rc'));

  behaviour('Replication Controller, adopt matching pods', async () => {
    await suite.create(pod('adopted-rc', sleepForever));
    await suite.ready('adopted-rc');
    await suite.create(replicationController('adopted-rc', 1));
    await eventually('the adoption', async () => {
      const { metadata } = await suite.api.get(`${suite.core}/pods/adopted-rc`);
      return metadata.ownerReferences?.[0]?.kind === 'ReplicationController';
    });
  });
  behaviour('Replication Controller, release pods', async () => {
    await suite.create(replicationController('releasing', 1));
    const [one] = await eventually('its pod', async () => {
      const pods = await podsOf('releasing');
      return pods.length === 1 ? pods : undefined;
    });
    const path = `${suite.core}/pods/${one?.metadata.name}`;
    await suite.api.patch(path, { metadata: { labels: { app: 'released' } } });
    await eventually('the release', async () => (await suite.api.get(path)).metadata.ownerReferences === undefined);
    await eventually('another pod', async () => (await podsOf('releasing')).length === 1);
  });

  behaviour('StatefulSet, Burst Scaling', async () => {
    const path = apps('statefulsets', 'burst');
    const readinessProbe = {
      exec: { command: ['test', '!', '-e', '/tmp/sick'] },
      periodSeconds: 1,
      failureThreshold: 1,
    };
    await suite.create(
      statefulSet('burst', { container: { readinessProbe }, of: { replicas: 1, podManagementPolicy: 'Parallel' } }),
    );
    await ready(path, 1);
    await suite.kubectl('exec', 'burst-0', '--', 'touch', '/tmp/sick');
    await unready(path);
    // Neither way does an unhealthy pod hold the others up.
    await suite.api.patch(`${path}/scale`, { spec: { replicas: 3 } });
    await eventually('three pods', async () => (await podsOf('burst')).length === 3);
    await suite.api.patch(`${path}/scale`, { spec: { replicas: 0 } });
    await eventually('no pods', async () => (await podsOf('burst')).length === 0);
  });

  behaviour('StatefulSet, Scaling', async () => {
    const path = apps('statefulsets', 'ordered');
    const readinessProbe = {
      exec: { command: ['test', '!', '-e', '/tmp/sick'] },
      periodSeconds: 1,
      failureThreshold: 1,
    };
    await suite.create(statefulSet('ordered', { container: { readinessProbe }, of: { replicas: 1 } }));
    await ready(path, 1);
    await suite.kubectl('exec', 'ordered-0', '--', 'touch', '/tmp/sick');
    await unready(path);
    await suite.api.patch(`${path}/scale`, { spec: { replicas: 3 } });
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.equal((await podsOf('ordered')).length, 1);
    const list = await suite.api.get(`${suite.core}/pods?labelSelector=app%3Dordered`);
    const watch = await suite.api.watch(
      `${suite.core}/pods`,
      `labelSelector=app%3Dordered&resourceVersion=${list.metadata.resourceVersion}`,
    );
    try {
      await suite.kubectl('exec', 'ordered-0', '--', 'rm', '/tmp/sick');
      for (const name of ['ordered-1', 'ordered-2']) {
        assert.equal((await watch.until('ADDED')).metadata.name, name);
      }
      await ready(path, 3);
      await suite.api.patch(`${path}/scale`, { spec: { replicas: 0 } });
      for (const name of ['ordered-2', 'ordered-1', 'ordered-0']) {
        assert.equal((await watch.until('DELETED')).metadata.name, name);
      }
    } finally {
      watch.close();
    }
  });

  behaviour('StatefulSet, Recreate Failed Pod', async () => {
    const [node] = await suite.api.items('/api/v1/nodes');
    const ports = [{ containerPort: 21_017, hostPort: 21_017 }];
    const nodeName = node?.metadata.name;
    await suite.create(pod('holds-port', sleepForever, { container: { ports }, spec: { nodeName } }));
    await suite.ready('holds-port');
    await suite.create(statefulSet('conflicting', { container: { ports }, spec: { nodeName }, of: { replicas: 1 } }));
    const path = `${suite.core}/pods`;
    const watch = await suite.api.watch(path, 'fieldSelector=metadata.name%3Dconflicting-0&resourceVersion=0');
    try {
      const failed = await watch.until('MODIFIED', (object) => at(object, 'status.phase') === 'Failed');
      await watch.until('DELETED', ({ metadata }) => metadata.uid === failed.metadata.uid);
    } finally {
      watch.close();
    }
    await suite.kubectl('delete', 'pod', 'holds-port');
    await ready(apps('statefulsets', 'conflicting'), 1);
    await suite.api.delete(apps('statefulsets', 'conflicting'));
  });

  behaviour('DaemonSet-FailedPodCreation', async () => {
    await suite.create(daemonSet('daemon'));
    const path = apps('daemonsets', 'daemon');
    await eventually('the daemon', async () => at(await suite.api.get(path), 'status.numberReady') === 1);
    const [one] = await podsOf('daemon');
    await suite.api.patch(`${suite.core}/pods/${one?.metadata.name}/status`, { status: { phase: 'Failed' } });
    await eventually('another daemon', async () => {
      const [now] = await podsOf('daemon');
      return now !== undefined && now.metadata.uid !== one?.metadata.uid;
    });
    await eventually('it is ready', async () => at(await suite.api.get(path), 'status.numberReady') === 1);
    await suite.api.delete(path);
  });

  behaviour('DaemonSet-Rollback', async () => {
    await suite.create(daemonSet('undone'));
    const path = apps('daemonsets', 'undone');
    await eventually('the daemon', async () => at(await suite.api.get(path), 'status.numberReady') === 1);
    const stuck = { name: 'main', image: 'roadstead/none:1' };
    await suite.api.patch(path, { spec: { template: { spec: { containers: [stuck] } } } }, 'strategic');
    await eventually('a pod that cannot start', async () =>
      (await podsOf('undone')).some((one) => at(one, 'spec.containers.0.image') === stuck.image),
    );
    await suite.kubectl('rollout', 'undo', 'daemonset/undone');
    await eventually('the old template', async () => {
      const pods = await podsOf('undone');
      return pods.length === 1 && at(pods[0], 'spec.containers.0.image') === 'roadstead/base:latest';
    });
    await eventually('it is ready', async () => at(await suite.api.get(path), 'status.numberReady') === 1);
    await suite.api.delete(path);
  });

  behaviour('PodDisruptionBudget: block an eviction until the PDB is updated to allow it', async () => {
    await suite.create(
      pod('guarded-1', sleepForever, { labels: { app: 'guarded' } }),
      pod('guarded-2', sleepForever, { labels: { app: 'guarded' } }),
      pod('guarded-3', sleepForever, { labels: { app: 'guarded' } }),
    );
    await suite.ready('guarded-1', 'guarded-2', 'guarded-3');
    await suite.kubectl('create', 'pdb', 'guarded', '--selector=app=guarded', '--min-available=3');
    const budget = `/apis/policy/v1/namespaces/${suite.namespace}/poddisruptionbudgets/guarded`;
    const healthy = (allowed: number): Promise<unknown> =>
      eventually('the budget to be counted', async () => {
        const status = (await suite.api.get(budget))['status'] as Record<string, unknown>;
        return status['currentHealthy'] === 3 && status['disruptionsAllowed'] === allowed;
      });
    await healthy(0);
    const evict = `${suite.core}/pods/guarded-1/eviction`;
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'guarded-1', namespace: suite.namespace },
    };
    assert.match(
      await suite.api.refused(429, 'POST', evict, { body }),
      /Cannot evict pod as it would violate the pod's disruption budget\./,
    );
    await suite.api.patch(budget, { spec: { minAvailable: 2 } });
    await healthy(1);
    await suite.api.create(evict, body);
  });

  behaviour('PodDisruptionBudget: Status updates', async () => {
    const labels = { app: 'counted' };
    const budget = `/apis/policy/v1/namespaces/${suite.namespace}/poddisruptionbudgets/counted`;
    await suite.kubectl('create', 'pdb', 'counted', '--selector=app=counted', '--min-available=1');
    const allowed = (count: number): Promise<unknown> =>
      eventually(`${count} disruptions allowed`, async () => {
        return at(await suite.api.get(budget), 'status.disruptionsAllowed') === count;
      });
    await allowed(0);
    await suite.create(...[1, 2, 3].map((index) => pod(`counted-${index}`, sleepForever, { labels })));
    await suite.ready('counted-1', 'counted-2', 'counted-3');
    await allowed(2);
    assert.equal(at(await suite.api.get(budget), 'status.expectedPods'), 3);
    const changed = await suite.api.patch(`${budget}/status`, { status: { disruptionsAllowed: 1 } });
    assert.equal(at(changed, 'status.disruptionsAllowed'), 1);
  });
});
