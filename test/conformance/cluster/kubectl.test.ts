import assert from 'node:assert/strict';
import { eventually, kubectl, tryKubectl } from '../../e2e/kubectl.ts';
import { image, pod, sleepForever } from '../../e2e/manifests.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite, replicationController } from '../cluster-suite.ts';

const suite = clusterSuite('kubectl');
const sleeping = ['sh', '-c', sleepForever];

/** The names of the running pods of an app, once there are that many and no others. */
function running(app: string, count: number): Promise<string[]> {
  return eventually(`${count} running pods of ${app}`, async () => {
    const pods = await suite.api.items(`${suite.core}/pods?labelSelector=app%3D${app}`);
    const isRunning = pods.every(
      (one) => at(one, 'status.phase') === 'Running' && one.metadata.deletionTimestamp === undefined,
    );
    return pods.length === count && isRunning ? pods.map(({ metadata }) => metadata.name ?? '') : undefined;
  });
}

behaviour('Kubectl, replication controller', async () => {
  await suite.create(replicationController('update-demo', 2, sleeping));
  await running('update-demo', 2);
  await suite.kubectl('delete', 'rc', 'update-demo', '--grace-period=0', '--force');
  await eventually(
    'no pods',
    async () => (await suite.kubectl('get', 'pods', '-l', 'app=update-demo', '-o', 'name')) === '',
  );
});

behaviour('Kubectl, scale replication controller', async () => {
  await suite.create(replicationController('scaled', 2, sleeping));
  await running('scaled', 2);
  for (const count of [1, 2]) {
    assert.match(await suite.kubectl('scale', 'rc', 'scaled', `--replicas=${count}`, '--timeout=1m'), /scaled/);
    await running('scaled', count);
  }
});

behaviour('Kubectl, describe pod or rc', async () => {
  await suite.create(replicationController('described', 1, sleeping), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'described', labels: { app: 'described' } },
    spec: { selector: { app: 'described' }, ports: [{ port: 6379, targetPort: 6379 }] },
  });
  const [name = ''] = await running('described', 1);
  const describes = async (args: string[], patterns: readonly RegExp[]): Promise<void> => {
    const text = await suite.kubectl('describe', ...args);
    for (const pattern of patterns) assert.match(text, pattern);
  };
  await describes(
    ['pod', name],
    [
      new RegExp(`^Name: +${name}$`, 'm'),
      new RegExp(`^Namespace: +${suite.namespace}$`, 'm'),
      /^Node: /m,
      /^Labels: +app=described$/m,
      /^Status: +Running$/m,
      /^IP: +\d/m,
      /^Controlled By: +ReplicationController\/described$/m,
      /Image: /,
      /State: +Running/,
      /QoS Class: +BestEffort/,
    ],
  );
  await describes(
    ['rc', 'described'],
    [
      /^Name: +described$/m,
      /^Selector: +app=described$/m,
      /^Replicas: +1 current \/ 1 desired$/m,
      /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
      /^Pod Template:$/m,
      /Events:/,
    ],
  );
  await describes(
    ['service', 'described'],
    [/^Type: +ClusterIP$/m, /^IP: +\d/m, /^Port: +<unset> +6379\/TCP$/m, /^Endpoints: +\d/m],
  );
  await describes(
    ['node'],
    [/^Conditions:$/m, /MemoryPressure/, /^Addresses:$/m, /^Capacity:$/m, /Kubelet Version: +v/],
  );
  await describes(
    ['namespace', suite.namespace],
    [/^Status: +Active$/m, /No resource quota/, /No LimitRange resource/],
  );
});

behaviour('Kubectl, create service, replication controller', async () => {
  await suite.create(replicationController('exposed', 1, sleeping));
  const [name = ''] = await running('exposed', 1);
  const validate = async (service: string, port: number): Promise<void> => {
    await eventually(`the endpoints of ${service}`, async () => {
      const endpoints = await suite.api.get(`${suite.core}/endpoints/${service}`);
      return (
        at(endpoints, 'subsets.0.addresses.0.targetRef.name') === name &&
        at(endpoints, 'subsets.0.ports.0.port') === 6379
      );
    });
    const { spec } = (await suite.api.get(`${suite.core}/services/${service}`)) as unknown as {
      spec: { ports: object[] };
    };
    assert.deepEqual(spec.ports, [{ protocol: 'TCP', port, targetPort: 6379 }]);
  };
  await suite.kubectl('expose', 'rc', 'exposed', '--name=rm2', '--port=1234', '--target-port=6379');
  await validate('rm2', 1234);
  await suite.kubectl('expose', 'service', 'rm2', '--name=rm3', '--port=2345', '--target-port=6379');
  await validate('rm3', 2345);
});

behaviour('Kubectl, label update', async () => {
  await suite.create(pod('labelled', sleepForever));
  await suite.ready('labelled');
  const shown = (): Promise<string> => suite.kubectl('get', 'pod', 'labelled', '-L', 'testing-label', '--no-headers');
  await suite.kubectl('label', 'pods', 'labelled', 'testing-label=testing-label-value');
  assert.match(await shown(), /testing-label-value/);
  await suite.kubectl('label', 'pods', 'labelled', 'testing-label-');
  assert.doesNotMatch(await shown(), /testing-label-value/);
});

behaviour('Kubectl, patch to annotate', async () => {
  await suite.create(replicationController('patched', 2, sleeping));
  const names = await running('patched', 2);
  for (const name of names) {
    await suite.kubectl('patch', 'pod', name, '-p', '{"metadata":{"annotations":{"x":"y"}}}');
  }
  for (const name of names) {
    assert.equal(await suite.kubectl('get', 'pod', name, '-o', 'jsonpath={.metadata.annotations.x}'), 'y');
  }
});

behaviour('Kubectl, run pod', async () => {
  await suite.kubectl(
    'run',
    'run-never',
    '--restart=Never',
    '--image-pull-policy=Never',
    `--image=${image}`,
    '--',
    ...sleeping,
  );
  const { spec } = (await suite.api.get(`${suite.core}/pods/run-never`)) as unknown as {
    spec: { containers: { image: string }[]; restartPolicy: string };
  };
  assert.deepEqual([spec.containers.length, spec.containers[0]?.image, spec.restartPolicy], [1, image, 'Never']);
  await suite.ready('run-never');
});

behaviour('Kubectl, replace', async () => {
  await suite.create(pod('replaced', sleepForever));
  await suite.ready('replaced');
  const live = JSON.parse(await suite.kubectl('get', 'pod', 'replaced', '-o', 'json')) as {
    metadata: { uid: string };
    spec: { containers: { image: string }[] };
  };
  const [container] = live.spec.containers;
  if (container !== undefined) container.image = 'roadstead/base';
  await kubectl(['-n', suite.namespace, 'replace', '-f', '-'], { input: JSON.stringify(live) });
  assert.equal(
    await suite.kubectl('get', 'pod', 'replaced', '-o', 'jsonpath={.spec.containers[0].image}'),
    'roadstead/base',
  );
  await kubectl(['-n', suite.namespace, 'replace', '--force', '-f', '-'], { input: pod('replaced', sleepForever) });
  await suite.ready('replaced');
  assert.notEqual(await suite.kubectl('get', 'pod', 'replaced', '-o', 'jsonpath={.metadata.uid}'), live.metadata.uid);
});

behaviour('Kubectl, logs', async () => {
  await suite.create(pod('logs', `for i in $(seq 1 20); do echo "line $i of the log"; done; ${sleepForever}`));
  await suite.ready('logs');
  const logs = (...args: string[]): Promise<string> => suite.kubectl('logs', 'logs', 'main', ...args);
  await eventually('all lines', async () => (await logs()).includes('line 20 of'));
  assert.equal(await logs('--tail=1'), 'line 20 of the log\n');
  assert.equal(await logs('--limit-bytes=1'), 'l');
  const stamped = (await logs('--tail=1', '--timestamps')).trim().split(' ')[0] ?? '';
  assert.match(stamped, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
  await eventually('the lines are older than a second', async () => (await logs('--since=1s')) === '', 10_000);
  assert.equal((await logs('--since=24h')).trim().split('\n').length, 20);
});

const guestbookPrimary = `
const http = require('node:http'); const entries = []; const replicas = new Set();
http.createServer((q, s) => {
  const url = new URL(q.url, 'http://x');
  if (url.pathname === '/register') { replicas.add(url.searchParams.get('host')); return s.end(JSON.stringify(entries)); }
  const value = url.searchParams.get('value'); entries.push(value);
  for (const host of replicas) http.get('http://' + host + '/push?value=' + encodeURIComponent(value)).on('error', () => {});
  s.end('stored');
}).listen(6379); process.on('SIGTERM', () => process.exit());`;

const guestbookReplica = `
const http = require('node:http'); let entries = [];
http.createServer((q, s) => {
  const url = new URL(q.url, 'http://x');
  if (url.pathname === '/push') entries.push(url.searchParams.get('value'));
  s.end(JSON.stringify(entries));
}).listen(6379);
const register = () => http.get('http://agnhost-primary:6379/register?host=' + process.env.POD_IP + ':6379', (a) => {
  let text = ''; a.on('data', (c) => text += c); a.on('end', () => { entries = JSON.parse(text); });
}).on('error', () => setTimeout(register, 200));
register(); process.on('SIGTERM', () => process.exit());`;

const guestbookFrontend = `
const http = require('node:http');
http.createServer((q, s) => {
  const url = new URL(q.url, 'http://x');
  const to = url.searchParams.get('cmd') === 'set' ? 'agnhost-primary:6379/?value=' + encodeURIComponent(url.searchParams.get('value')) : 'agnhost-replica:6379/';
  http.get('http://' + to, (a) => a.pipe(s)).on('error', (e) => { s.statusCode = 502; s.end(String(e)); });
}).listen(80); process.on('SIGTERM', () => process.exit());`;

function guestbookPart(name: string, replicas: number, port: number, script: string): object[] {
  const labels = { app: 'guestbook', part: name };
  const container = {
    name: 'main',
    image,
    imagePullPolicy: 'Never',
    command: ['node', '-e', script],
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: { selector: labels, ports: [{ port }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } },
      },
    },
  ];
}

behaviour('Kubectl, guestbook application', async () => {
  const manifests = [
    ...guestbookPart('agnhost-primary', 1, 6379, guestbookPrimary),
    ...guestbookPart('agnhost-replica', 2, 6379, guestbookReplica),
    ...guestbookPart('frontend', 3, 80, guestbookFrontend),
  ];
  await suite.create(...manifests);
  for (const name of ['agnhost-primary', 'agnhost-replica', 'frontend']) {
    await suite.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s');
  }
  const ask = (query: string): Promise<string> =>
    kubectl(['get', '--raw', `${suite.core}/services/frontend/proxy/guestbook?${query}`]);
  await eventually('the frontend answers', async () => (await ask('cmd=get')).startsWith('['));
  assert.equal(await ask('cmd=set&key=messages&value=TestEntry'), 'stored');
  for (let tries = 0; tries < 6; tries++) {
    await eventually('the entry is read back', async () => (await ask('cmd=get')).includes('TestEntry'));
  }
  const input = manifests.map((one) => JSON.stringify(one)).join('\n');
  await kubectl(['-n', suite.namespace, 'delete', '--grace-period=0', '--force', '-f', '-'], { input });
  const left = await tryKubectl([
    '-n',
    suite.namespace,
    'get',
    'deployments,services',
    '-l',
    'app=guestbook',
    '-o',
    'name',
  ]);
  assert.equal(left.stdout, '');
});
