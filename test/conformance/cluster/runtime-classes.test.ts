import assert from 'node:assert/strict';
import { eventually } from '../../e2e/kubectl.ts';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('runtime-classes');
const classes = '/apis/node.k8s.io/v1/runtimeclasses';
const overhead = { podFixed: { cpu: '10m', memory: '1Mi' } };

for (const [name, label, rest] of [
  ['Can schedule a pod requesting existing RuntimeClass.', 'plain', {}],
  ['RuntimeClass Overhead field must be respected.', 'overhead', { overhead }],
] as const) {
  behaviour(name, async () => {
    const className = `${suite.namespace}-${label}`;
    await suite.api.create(classes, { metadata: { name: className }, handler: 'runc', ...rest });
    await suite.create(pod(label, sleepForever, { spec: { runtimeClassName: className } }));
    const scheduled = await eventually('the pod is scheduled', async () => {
      const read = await suite.api.get(`${suite.core}/pods/${label}`);
      return at(read, 'spec.nodeName') === undefined ? undefined : read;
    });
    assert.deepEqual(at(scheduled, 'spec.overhead'), label === 'overhead' ? overhead.podFixed : undefined);
    await suite.api.delete(`${classes}/${className}`);
  });
}
