import assert from 'node:assert/strict';
import type { UnknownObject } from '../../../src/machinery/meta.ts';
import { at, type Watch } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { controlPlaneSuite } from '../suite.ts';

const suite = controlPlaneSuite();
const collection = '/api/v1/namespaces/default/configmaps';

const create = (name: string, labels: Record<string, string>): Promise<UnknownObject> =>
  suite.api.create(collection, { metadata: { name, labels } });
const set = (name: string, mutation: string): Promise<UnknownObject> =>
  suite.api.patch(`${collection}/${name}`, { data: { mutation } });
const remove = (name: string): Promise<UnknownObject> => suite.api.delete(`${collection}/${name}`);
const version = (object: UnknownObject): string => object.metadata.resourceVersion ?? '';

async function expect(watch: Watch, type: string, name: string, mutation?: string): Promise<UnknownObject> {
  const event = await watch.next();
  assert.deepEqual([event.type, event.object.metadata.name], [type, name]);
  if (mutation !== undefined) assert.equal(at(event.object, 'data.mutation'), mutation);
  return event.object;
}

behaviour('watch-configmaps-with-multiple-watchers', async () => {
  const labelled = (value: string): string => `labelSelector=watch%20in%20(${value})`;
  const [a, b, both] = [
    await suite.api.watch(collection, labelled('a')),
    await suite.api.watch(collection, labelled('b')),
    await suite.api.watch(collection, labelled('a%2Cb')),
  ];
  await create('multiple-a', { watch: 'a' });
  for (const watch of [a, both]) await expect(watch, 'ADDED', 'multiple-a');
  for (const mutation of ['1', '2']) {
    await set('multiple-a', mutation);
    for (const watch of [a, both]) await expect(watch, 'MODIFIED', 'multiple-a', mutation);
  }
  await remove('multiple-a');
  for (const watch of [a, both]) await expect(watch, 'DELETED', 'multiple-a', '2');
  await create('multiple-b', { watch: 'b' });
  // The first that b sees: nothing of a came its way.
  for (const watch of [b, both]) await expect(watch, 'ADDED', 'multiple-b');
  await remove('multiple-b');
  for (const watch of [b, both]) await expect(watch, 'DELETED', 'multiple-b');
  for (const watch of [a, b, both]) watch.close();
});

behaviour('watch-configmaps-from-resource-version', async () => {
  await create('from-version', { watch: 'version' });
  const first = await set('from-version', '1');
  await set('from-version', '2');
  await remove('from-version');
  const watch = await suite.api.watch(collection, `labelSelector=watch%3Dversion&resourceVersion=${version(first)}`);
  await expect(watch, 'MODIFIED', 'from-version', '2');
  await expect(watch, 'DELETED', 'from-version', '2');
  watch.close();
});

behaviour('watch-configmaps-closed-and-restarted', async () => {
  const query = 'labelSelector=watch%3Drestarted';
  const first = await suite.api.watch(collection, query);
  await create('restarted', { watch: 'restarted' });
  await expect(first, 'ADDED', 'restarted');
  await set('restarted', '1');
  const last = await expect(first, 'MODIFIED', 'restarted', '1');
  first.close();
  await set('restarted', '2');
  await remove('restarted');
  const second = await suite.api.watch(collection, `${query}&resourceVersion=${version(last)}`);
  await expect(second, 'MODIFIED', 'restarted', '2');
  await expect(second, 'DELETED', 'restarted');
  second.close();
});

behaviour('watch-configmaps-label-changed', async () => {
  const relabel = (label: string): Promise<UnknownObject> =>
    suite.api.patch(`${collection}/relabelled`, { metadata: { labels: { watch: label } } });
  const watch = await suite.api.watch(collection, 'labelSelector=watch%3Dwanted');
  await create('relabelled', { watch: 'wanted' });
  await expect(watch, 'ADDED', 'relabelled');
  await set('relabelled', '1');
  await expect(watch, 'MODIFIED', 'relabelled', '1');
  await relabel('other');
  await expect(watch, 'DELETED', 'relabelled', '1');
  await set('relabelled', '2');
  await relabel('wanted');
  await expect(watch, 'ADDED', 'relabelled', '2');
  await set('relabelled', '3');
  await expect(watch, 'MODIFIED', 'relabelled', '3');
  await remove('relabelled');
  await expect(watch, 'DELETED', 'relabelled', '3');
  watch.close();
});

behaviour('watch-consistency', async () => {
  const eventsMax = 60;
  const query = 'labelSelector=watch%3Dconsistency';
  const first = await suite.api.watch(collection, query);
  const writes = (async () => {
    for (let index = 0; index < eventsMax / 3; index++) {
      await create(`consistency-${index}`, { watch: 'consistency' });
      await set(`consistency-${index}`, '1');
      await remove(`consistency-${index}`);
    }
  })();
  const others: Watch[] = [];
  for (let index = 0; index < eventsMax; index++) {
    const expected = version((await first.next()).object);
    for (const other of others) assert.equal(version((await other.next()).object), expected);
    if (index % 4 === 0) others.push(await suite.api.watch(collection, `${query}&resourceVersion=${expected}`));
  }
  await writes;
  for (const watch of [first, ...others]) watch.close();
});
