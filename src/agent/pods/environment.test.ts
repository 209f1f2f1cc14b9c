import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, Service } from '../../api/core/v1/types.generated.ts';
import { ContainerConfigError, containerEnvironment, type EnvironmentSources } from './environment.ts';

const service = (namespace: string, name: string, clusterIP: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { clusterIP, ports: [{ name: 'web', port: 80, protocol: 'TCP' }] },
});

const sources: EnvironmentSources = {
  configMap: async (_namespace, name) => (name === 'cm' ? { key: 'from-map', other: 'x' } : undefined),
  secret: async (_namespace, name) => (name === 'sec' ? { pw: 'hidden' } : undefined),
  services: () => [
    service('ns', 'my-db', '10.96.0.7'),
    service('ns', 'headless', 'None'),
    service('else', 'far', '1.1.1.1'),
  ],
  facts: { nodeName: 'n1', hostIps: ['192.0.2.1'], podIps: ['10.0.0.5'], allocatable: { cpu: 2, memory: 1024 } },
};

async function environment(
  container: Partial<Container>,
  spec: Partial<Pod['spec']> = {},
): Promise<Record<string, string>> {
  const full: Container = { name: 'c', ...container };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns', uid: 'u', labels: { app: 'x' } },
    spec: { containers: [full], ...spec },
  };
  const found = await containerEnvironment(pod, full, sources);
  return Object.fromEntries(found.map(({ name, value }) => [name, value]));
}

test('env refers to earlier variables, services and every source', async () => {
  const found = await environment({
    envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }],
    env: [
      { name: 'A', value: 'a' },
      { name: 'B', value: '$(A)-$(P_key)-$(MY_DB_SERVICE_HOST)-$(LATER)' },
      { name: 'LATER', value: 'z' },
      { name: 'KEY', valueFrom: { configMapKeyRef: { name: 'cm', key: 'key' } } },
      { name: 'PW', valueFrom: { secretKeyRef: { name: 'sec', key: 'pw' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'GONE', valueFrom: { configMapKeyRef: { name: 'absent', key: 'k', optional: true } } },
    ],
  });
  assert.equal(found['B'], 'a-from-map-10.96.0.7-$(LATER)');
  assert.deepEqual(
    [found['KEY'], found['PW'], found['LABEL'], found['IP'], found['CPU'], found['P_other'], found['GONE']],
    ['from-map', 'hidden', 'x', '10.0.0.5', '2', 'x', undefined],
  );
  assert.equal(found['MY_DB_PORT_80_TCP'], 'tcp://10.96.0.7:80');
  assert.equal(found['MY_DB_SERVICE_PORT_WEB'], '80');
  assert.equal(found['FAR_SERVICE_HOST'], undefined);
  assert.equal(found['HEADLESS_SERVICE_HOST'], undefined);
});

test('service links can be turned off', async () => {
  assert.deepEqual(await environment({}, { enableServiceLinks: false }), {});
});

test('what is missing and not optional is said as upstream says it', async () => {
  const missing = (valueFrom: NonNullable<Container['env']>[number]['valueFrom']): Promise<unknown> =>
    environment({ env: [{ name: 'X', ...(valueFrom === undefined ? {} : { valueFrom }) }] });
  await assert.rejects(missing({ configMapKeyRef: { name: 'absent', key: 'k' } }), (error) => {
    assert.ok(error instanceof ContainerConfigError);
    assert.equal(error.message, 'configmap "absent" not found');
    return true;
  });
  await assert.rejects(missing({ secretKeyRef: { name: 'sec', key: 'k' } }), {
    message: "couldn't find key k in Secret ns/sec",
  });
});
