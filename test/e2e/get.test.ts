import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, eventually, kubectl, kubectlFails, startKubectl } from './kubectl.ts';
import { configMap, pod, sleepForever } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const get = (...args: string[]): Promise<string> => kubectl(['get', '-n', namespace.name, ...args]);

before(async () => {
  namespace = await createNamespace('get');
  const labelled = (name: string, tier: string): string => pod(name, sleepForever, { labels: { app: 'get', tier } });
  const input = `${labelled('one', 'front')}\n${labelled('two', 'back')}`;
  await kubectl(['create', '-n', namespace.name, '-f', '-'], { input });
  await kubectl(['wait', '-n', namespace.name, '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
});
after(() => namespace.remove());

test('the plain table has the columns of a pod', async () => {
  const [head = '', first = ''] = (await get('pods')).split('\n');
  assert.match(head, /^NAME +READY +STATUS +RESTARTS +AGE$/);
  assert.match(first, /^one +1\/1 +Running +0 +\d+s$/);
});

test('wide adds address and node', async () => {
  const [head = '', first = ''] = (await get('pods', '-o', 'wide')).split('\n');
  assert.match(head, /AGE +IP +NODE +NOMINATED NODE +READINESS GATES$/);
  assert.match(first, /10\.244\.\d+\.\d+ +\S+ +<none> +<none>/);
});

test('yaml, json and name', async () => {
  const yaml = await get('pod', 'one', '-o', 'yaml');
  assert.match(yaml, /^apiVersion: v1\nkind: Pod\nmetadata:\n/);
  assert.doesNotMatch(yaml, /managedFields/);
  assert.equal(JSON.parse(await get('pod', 'one', '-o', 'json')).metadata.name, 'one');
  assert.equal(await get('pods', '-o', 'name'), 'pod/one\npod/two\n');
});

test('jsonpath, go-template and custom columns', async () => {
  assert.equal(await get('pods', '-o', 'jsonpath={range .items[*]}{.metadata.name} {end}'), 'one two ');
  assert.equal(await get('pod', 'two', '-o', 'go-template={{.metadata.labels.tier}}'), 'back');
  const columns = await get('pods', '-o', 'custom-columns=NAME:.metadata.name,TIER:.metadata.labels.tier');
  assert.match(columns, /one +front\ntwo +back/);
});

test('label and field selectors', async () => {
  assert.equal(await get('pods', '-l', 'tier=front', '-o', 'name'), 'pod/one\n');
  assert.equal(await get('pods', '-l', 'tier in (back,side)', '-o', 'name'), 'pod/two\n');
  assert.equal(await get('pods', '-l', 'tier!=front', '-o', 'name'), 'pod/two\n');
  assert.equal(await get('pods', '-l', '!app', '-o', 'name'), '');
  assert.equal(await get('pods', '--field-selector', 'metadata.name=two', '-o', 'name'), 'pod/two\n');
  assert.equal(await get('pods', '--field-selector', 'status.phase!=Running', '-o', 'name'), '');
  assert.match(
    await kubectlFails(['get', 'pods', '--field-selector', 'spec.nonsense=1']),
    /field label not supported: spec\.nonsense/,
  );
});

test('sorting, labels as columns, all namespaces, several kinds', async () => {
  assert.equal(await get('pods', '--sort-by=.metadata.labels.tier', '-o', 'name'), 'pod/two\npod/one\n');
  assert.match(await get('pods', '--show-labels'), /app=get,tier=front/);
  assert.match(await get('pods', '-L', 'tier'), /TIER\n/);
  assert.match(await kubectl(['get', 'pods', '-A']), new RegExp(`^NAMESPACE +NAME[\\s\\S]*${namespace.name} +one`));
  assert.match(await get('pod,serviceaccount'), /pod\/one[\s\S]*serviceaccount\/default/);
  assert.match(await get('all'), /pod\/one/);
});

test('a list in chunks is the same list', async () => {
  const names = Array.from({ length: 12 }, (_, index) => `chunk-${String(index).padStart(2, '0')}`);
  await kubectl(['create', '-n', namespace.name, '-f', '-'], {
    input: names.map((name) => configMap(name, {})).join('\n'),
  });
  const listed = await get('configmaps', '--chunk-size=5', '-o', 'name');
  assert.equal(listed, [...names, 'kube-root-ca.crt'].map((name) => `configmap/${name}\n`).join(''));
});

test('a watch shows what comes and goes', async () => {
  const watch = startKubectl(['get', '-n', namespace.name, 'configmaps', '-w', '--output-watch-events']);
  try {
    await eventually('the first list', () => watch.output().includes('kube-root-ca.crt'));
    await kubectl(['create', '-n', namespace.name, '-f', '-'], { input: configMap('watched', {}) });
    await eventually('the new object', () => /ADDED +watched/.test(watch.output()));
    await kubectl(['delete', '-n', namespace.name, 'configmap', 'watched']);
    await eventually('its end', () => /DELETED +watched/.test(watch.output()));
  } finally {
    await watch.stop();
  }
});

test('what is not there is said as upstream says it', async () => {
  assert.match(
    await kubectlFails(['get', 'pod', 'nobody', '-n', namespace.name]),
    /Error from server \(NotFound\): pods "nobody" not found/,
  );
  assert.match(await kubectlFails(['get', 'nonsense']), /the server doesn't have a resource type "nonsense"/);
});
