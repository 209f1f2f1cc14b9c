/** What controllers make of objects, where no node is needed to see it. */
import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const core = '/api/v1/namespaces/default';
const apps = '/apis/apps/v1/namespaces/default';

behaviour('ControllerRevision, resource lifecycle', async () => {
  const template = (image: string) => ({
    metadata: { labels: { app: 'revisions' } },
    spec: { containers: [{ name: 'main', image }] },
  });
  const set = `${apps}/daemonsets/revisions`;
  const created = await suite.api.create(`${apps}/daemonsets`, {
    metadata: { name: 'revisions' },
    spec: { selector: { matchLabels: { app: 'revisions' } }, template: template('example.test/one') },
  });
  const listed = (selector = 'app%3Drevisions'): Promise<UnknownObject[]> =>
    suite.api.items(`${apps}/controllerrevisions?labelSelector=${selector}`);
  const count = (wanted: number): Promise<void> =>
    suite.eventually(`${wanted} revisions`, async () => (await listed()).length === wanted);
  await count(1);
  const [first] = await listed();
  const path = `${apps}/controllerrevisions/${first?.metadata.name}`;
  await suite.api.patch(path, { metadata: { labels: { 'test-patch': 'patched' } } }, 'strategic');
  assert.equal((await listed('test-patch%3Dpatched')).length, 1);
  await suite.api.create(`${apps}/controllerrevisions`, {
    metadata: {
      name: 'revisions-by-hand',
      labels: { app: 'revisions' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'revisions', uid: created.metadata.uid, controller: true },
      ],
    },
    data: first?.['data'],
    revision: 2,
  });
  await count(2);
  await suite.api.delete(path);
  await suite.eventually('the deleted is replaced or gone', async () => {
    const names = (await listed()).map(({ metadata }) => metadata.uid);
    return !names.includes(first?.metadata.uid);
  });
  const [left] = await listed();
  const leftPath = `${apps}/controllerrevisions/${left?.metadata.name}`;
  const updated = await suite.api.change(leftPath, ({ metadata }) => {
    metadata.labels = { ...metadata.labels, 'test-update': 'updated' };
  });
  assert.equal(updated.metadata.labels?.['test-update'], 'updated');
  await suite.api.patch(set, { spec: { template: template('example.test/two') } });
  await suite.eventually('the change is a revision', async () => {
    return (await listed()).some((one) => JSON.stringify(one['data']).includes('example.test/two'));
  });
  await suite.api.delete(`${apps}/controllerrevisions?labelSelector=test-update%3Dupdated`);
  await suite.eventually('the labelled is gone', async () => (await listed('test-update%3Dupdated')).length === 0);
});

behaviour('EndpointSlice Mirroring', async () => {
  const port = { name: 'http', port: 80, protocol: 'TCP' };
  const addresses = (...ips: string[]) => [{ addresses: ips.map((ip) => ({ ip })), ports: [port] }];
  await suite.api.create(`${core}/services`, { metadata: { name: 'mirrored' }, spec: { ports: [port] } });
  await suite.api.create(`${core}/endpoints`, { metadata: { name: 'mirrored' }, subsets: addresses('10.1.2.3') });
  const mirrored = async (): Promise<unknown[]> => {
    const slices = await suite.api.items(
      `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dmirrored`,
    );
    return slices.map((slice) => {
      assert.equal(
        slice.metadata.labels?.['endpointslice.kubernetes.io/managed-by'],
        'endpointslicemirroring-controller.k8s.io',
      );
      assert.equal(at(slice, 'ports.0.port'), 80);
      return (slice['endpoints'] as { addresses: string[] }[]).flatMap((endpoint) => endpoint.addresses).sort();
    });
  };
  const becomes = (what: string, wanted: unknown[]): Promise<void> =>
    suite.eventually(what, async () => JSON.stringify(await mirrored()) === JSON.stringify(wanted));
  await becomes('it is mirrored', [['10.1.2.3']]);
  await suite.api.change(`${core}/endpoints/mirrored`, (object) => {
    object['subsets'] = addresses('10.2.3.4');
  });
  await becomes('its change is mirrored', [['10.2.3.4']]);
  await suite.api.delete(`${core}/endpoints/mirrored`);
  await becomes('its end is mirrored', []);
});
