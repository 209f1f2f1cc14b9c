/** What a container sees of its environment and its rights, and what pods tell of themselves. */
import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import type { PodOptions } from '../../e2e/manifests.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import { at, namesOf } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('pods');

const field = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const amount = (name: string, resource: string): object => ({ name, valueFrom: { resourceFieldRef: { resource } } });
const amounts = [
  amount('CPU_LIMIT', 'limits.cpu'),
  amount('CPU_REQUEST', 'requests.cpu'),
  amount('MEMORY_LIMIT', 'limits.memory'),
  amount('MEMORY_REQUEST', 'requests.memory'),
];
const composed = [
  { name: 'FOO', value: 'foo-value' },
  { name: 'BAR', value: 'bar-value' },
  { name: 'FOOBAR', value: '$(FOO);;$(BAR)' },
];
const address = /^\d+\.\d+\.\d+\.\d+$/.source.slice(1, -1);

interface OutputCase {
  readonly name: string;
  readonly shell?: string;
  readonly options: PodOptions;
  readonly prints: readonly RegExp[];
}

const outputs: readonly OutputCase[] = [
  {
    name: 'DownwardAPI, environment for name, namespace and ip',
    shell: 'env',
    options: {
      container: {
        env: [field('POD_NAME', 'metadata.name'), field('NS', 'metadata.namespace'), field('POD_IP', 'status.podIP')],
      },
    },
    prints: [/^POD_NAME=pod-\d+$/m, /^NS=pods-[0-9a-f]+$/m, new RegExp(`^POD_IP=${address}$`, 'm')],
  },
  {
    name: 'DownwardAPI, environment for host ip',
    shell: 'env',
    options: { container: { env: [field('HOST_IP', 'status.hostIP')] } },
    prints: [new RegExp(`^HOST_IP=${address}$`, 'm')],
  },
  {
    name: 'DownwardAPI, environment for hostIPs',
    shell: 'env',
    options: { container: { env: [field('HOST_IPS', 'status.hostIPs')] } },
    prints: [new RegExp(`^HOST_IPS=${address}`, 'm')],
  },
  {
    name: 'DownwardAPI, environment for Pod UID',
    shell: 'env',
    options: { container: { env: [field('POD_UID', 'metadata.uid')] } },
    prints: [/^POD_UID=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/m],
  },
  {
    name: 'DownwardAPI, environment for CPU and memory limits and requests',
    shell: 'env',
    options: {
      container: {
        env: amounts,
        resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } },
      },
    },
    prints: [/^CPU_LIMIT=2$/m, /^CPU_REQUEST=1$/m, /^MEMORY_LIMIT=67108864$/m, /^MEMORY_REQUEST=33554432$/m],
  },
  {
    name: 'DownwardAPI, environment for default CPU and memory limits and requests',
    shell: 'env',
    options: { container: { env: amounts } },
    prints: [/^CPU_LIMIT=[1-9]/m, /^MEMORY_LIMIT=[1-9]/m],
  },
  {
    name: 'Environment variables, expansion',
    shell: 'env',
    options: { container: { env: composed } },
    prints: [/^FOO=foo-value$/m, /^BAR=bar-value$/m, /^FOOBAR=foo-value;;bar-value$/m],
  },
  {
    name: 'Environment variables, command expansion',
    options: { container: { env: composed, command: ['sh', '-c', 'TEST=0; echo "$(FOO)"'] } },
    prints: [/^foo-value$/m],
  },
  {
    name: 'Environment variables, command argument expansion',
    options: { container: { env: composed, command: ['sh', '-c'], args: ['TEST=0; echo "$(FOO) $$(FOO)"'] } },
    prints: [/^foo-value /m],
  },
  {
    name: 'Security Context, runAsUser=65534',
    shell: 'id -u',
    options: { container: { securityContext: { runAsUser: 65534 } } },
    prints: [/^65534$/m],
  },
  {
    name: 'Security Context, privileged=false.',
    shell: 'ip link add dummy0 type dummy 2>&1 || true',
    options: { container: { securityContext: { privileged: false } } },
    prints: [/Operation not permitted/],
  },
  {
    name: 'Security Context, readOnlyRootFilesystem=false.',
    shell: 'touch checkfile && echo written',
    options: { container: { securityContext: { readOnlyRootFilesystem: false } } },
    prints: [/^written$/m],
  },
  {
    name: 'Security Context, allowPrivilegeEscalation=false.',
    shell: 'grep NoNewPrivs /proc/self/status; id -u',
    options: { container: { securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false } } },
    prints: [/^NoNewPrivs:\s+1$/m, /^1000$/m],
  },
  {
    name: 'Security Context, test RunAsGroup at container level',
    shell: 'id -u; id -g',
    options: { container: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } } },
    prints: [/^1001\n2002$/m],
  },
  {
    name: 'Security Context, test RunAsGroup at pod level',
    shell: 'id -u; id -g',
    options: { spec: { securityContext: { runAsUser: 1001, runAsGroup: 2002 } } },
    prints: [/^1001\n2002$/m],
  },
];

for (const [index, { name, shell = '', options, prints }] of outputs.entries()) {
  behaviour(name, async () => {
    const printed = await suite.outputOf(`pod-${index}`, shell, options);
    for (const pattern of prints) assert.match(printed, pattern);
  });
}

const pods = (): string => `${suite.core}/pods`;

behaviour('Pods, update', async () => {
  await suite.create(pod('updated', sleepForever, { labels: { time: 'before' } }));
  await suite.ready('updated');
  await suite.api.change(`${pods()}/updated`, ({ metadata }) => {
    metadata.labels = { time: 'after' };
  });
  assert.deepEqual(namesOf(await suite.api.items(`${pods()}?labelSelector=time%3Dafter`)), ['updated']);
});

behaviour('Pods, assigned hostip', async () => {
  await suite.create(pod('host', sleepForever));
  await suite.ready('host');
  assert.match(String(at(await suite.api.get(`${pods()}/host`), 'status.hostIP')), new RegExp(`^${address}$`));
});

behaviour('Pods, delete a collection', async () => {
  const labels = { type: 'Testing' };
  await suite.create(...[1, 2, 3].map((index) => pod(`set-${index}`, sleepForever, { labels })));
  const listed = `${pods()}?labelSelector=type%3DTesting`;
  assert.equal((await suite.api.items(listed)).length, 3);
  await suite.api.delete(listed);
  await eventually('none is left', async () => (await suite.api.items(listed)).length === 0);
});

behaviour('Pods, patching status', async () => {
  await suite.create(pod('patched', sleepForever));
  await suite.ready('patched');
  const message = 'Patched by a test';
  const patched = await suite.api.patch(
    `${pods()}/patched/status`,
    { status: { message, reason: 'E2E' } },
    'strategic',
  );
  assert.deepEqual([at(patched, 'status.message'), at(patched, 'status.reason')], [message, 'E2E']);
});

behaviour('Pods, QOS', async () => {
  const resources = { cpu: '100m', memory: '100Mi' };
  await suite.create(
    pod('qos', sleepForever, { container: { resources: { limits: resources, requests: resources } } }),
  );
  assert.equal(at(await suite.api.get(`${pods()}/qos`), 'status.qosClass'), 'Guaranteed');
});

behaviour('Pods Generation, updates', async () => {
  await suite.create(pod('generation', sleepForever, { spec: { activeDeadlineSeconds: 5000 } }));
  await suite.ready('generation');
  const path = `${pods()}/generation`;
  assert.equal((await suite.api.get(path)).metadata.generation, 1);
  const changes: readonly (readonly [object, number])[] = [
    [{ op: 'replace', path: '/spec/activeDeadlineSeconds', value: 4000 }, 2],
    [{ op: 'add', path: '/spec/tolerations/-', value: { key: 'example.com/a', operator: 'Exists' } }, 3],
    [{ op: 'add', path: '/metadata/labels/other', value: 'no-part-of-spec' }, 3],
  ];
  for (const [change, generation] of changes) {
    assert.equal((await suite.api.patch(path, [change], 'json')).metadata.generation, generation);
    await eventually(`generation ${generation} is observed`, async () => {
      return at(await suite.api.get(path), 'status.observedGeneration') === generation;
    });
  }
});

behaviour('Pods Generation, graceful delete', async () => {
  const body = JSON.parse(pod('graceful', 'trap "" TERM; sleep 20', { spec: { terminationGracePeriodSeconds: 3 } }));
  body.metadata.generation = 100;
  assert.equal((await suite.api.create(pods(), body)).metadata.generation, 1);
  await suite.ready('graceful');
  await suite.api.delete(`${pods()}/graceful`);
  assert.equal((await suite.api.get(`${pods()}/graceful`)).metadata.generation, 2);
});

behaviour('Kubernetes Service', async () => {
  assert.equal((await suite.api.get('/api/v1/namespaces/default/services/kubernetes')).metadata.name, 'kubernetes');
});

behaviour('Find Kubernetes Service in default Namespace', async () => {
  const found = (await suite.api.items('/api/v1/services')).find(({ metadata }) => metadata.name === 'kubernetes');
  assert.equal(found?.metadata.namespace, 'default');
});

behaviour('kubernetes.default Endpoints and EndpointSlices', async () => {
  const endpoints = await suite.api.get('/api/v1/namespaces/default/endpoints/kubernetes');
  const [slice] = await suite.api.items(
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dkubernetes',
  );
  assert.match(String(at(endpoints, 'subsets.0.addresses.0.ip')), new RegExp(`^${address}$`));
  assert.equal(at(slice, 'endpoints.0.addresses.0'), at(endpoints, 'subsets.0.addresses.0.ip'));
  assert.equal(at(slice, 'ports.0.port'), at(endpoints, 'subsets.0.ports.0.port'));
});
