/** Keys of ConfigMaps and Secrets in the environment of a container. */
import assert from 'node:assert/strict';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('configuration');
const values = { 'data-1': 'value-1', 'data-2': 'value-2' };

const configMap = (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: values });
const secret = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: values });

interface Source {
  readonly label: string;
  readonly make: (name: string) => object;
  readonly keyRef: 'configMapKeyRef' | 'secretKeyRef';
  readonly ref: 'configMapRef' | 'secretRef';
  readonly oneKey: string;
  readonly wholeSource: string;
  readonly prefixes: string;
}

const sources: readonly Source[] = [
  {
    label: 'configmap',
    make: configMap,
    keyRef: 'configMapKeyRef',
    ref: 'configMapRef',
    oneKey: 'ConfigMap, from environment field',
    wholeSource: 'ConfigMap, from environment variables',
    prefixes: 'ConfigMap, from environment field with various prefixes',
  },
  {
    label: 'secret',
    make: secret,
    keyRef: 'secretKeyRef',
    ref: 'secretRef',
    oneKey: 'Secrets, pod environment field',
    wholeSource: 'Secrets, pod environment from source (2)',
    prefixes: 'Secrets, pod environment from source',
  },
];

for (const { label, make, keyRef, ref, oneKey, wholeSource, prefixes } of sources) {
  behaviour(oneKey, async () => {
    const name = `${label}-key`;
    await suite.create(make(name));
    const env = [{ name: 'CONFIG_DATA_1', valueFrom: { [keyRef]: { name, key: 'data-1' } } }];
    assert.match(await suite.outputOf(name, 'env', { container: { env } }), /^CONFIG_DATA_1=value-1$/m);
  });
  behaviour(wholeSource, async () => {
    const name = `${label}-all`;
    await suite.create(make(name));
    const envFrom = [{ [ref]: { name } }, { prefix: 'p-', [ref]: { name } }];
    const printed = await suite.outputOf(name, 'env', { container: { command: ['env'], envFrom } });
    for (const line of ['data-1=value-1', 'data-2=value-2', 'p-data-1=value-1', 'p-data-2=value-2']) {
      assert.ok(printed.split('\n').includes(line), `${line} in ${printed}`);
    }
  });
  behaviour(prefixes, async () => {
    const name = `${label}-prefixes`;
    await suite.create(make(name));
    const starts = ['', 'p_', '1-', '$_'];
    const envFrom = starts.map((prefix) => ({ prefix, [ref]: { name } }));
    const printed = await suite.outputOf(name, 'env', { container: { command: ['env'], envFrom } });
    for (const start of starts)
      assert.ok(printed.split('\n').includes(`${start}data-1=value-1`), `${start} in ${printed}`);
  });
}
