import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, kubectl, kubectlFails, kubectlJson } from './kubectl.ts';
import { configMap, deployment } from './manifests.ts';

let namespace: Awaited<ReturnType<typeof createNamespace>>;
const inNamespace = (...args: string[]): string[] => ['-n', namespace.name, ...args];
const patch = (kind: string, name: string, body: unknown, ...args: string[]): Promise<string> =>
  kubectl(inNamespace('patch', kind, name, '-p', JSON.stringify(body), ...args));

interface Deployment {
  metadata: { labels: Record<string, string>; annotations?: Record<string, string> };
  spec: { replicas: number; template: { spec: { containers: { name: string; image: string; args?: string[] }[] } } };
}
const read = (): Promise<Deployment> => kubectlJson<Deployment>(inNamespace('get', 'deployment', 'web'));

before(async () => {
  namespace = await createNamespace('edit');
  await kubectl(inNamespace('apply', '-f', '-'), { input: deployment('web', { replicas: 0 }) });
  await kubectl(inNamespace('create', '-f', '-'), { input: configMap('plain', { a: '1', b: '2' }) });
});
after(() => namespace.remove());

test('label and annotate set, refuse to overwrite, and remove', async () => {
  await kubectl(inNamespace('label', 'deployment', 'web', 'tier=front'));
  assert.match(
    await kubectlFails(inNamespace('label', 'deployment', 'web', 'tier=back')),
    /already has a value \(front\)/,
  );
  await kubectl(inNamespace('label', 'deployment', 'web', 'tier=back', '--overwrite'));
  assert.equal((await read()).metadata.labels['tier'], 'back');
  await kubectl(inNamespace('label', 'deployment', 'web', 'tier-'));
  assert.equal((await read()).metadata.labels['tier'], undefined);
  await kubectl(inNamespace('annotate', 'deployment', 'web', 'note=x'));
  assert.equal((await read()).metadata.annotations?.['note'], 'x');
  assert.match(await kubectlFails(inNamespace('label', 'deployment', 'web', 'bad=a b')), /a valid label must be/i);
});

test('a strategic merge patch merges containers by name', async () => {
  await patch('deployment', 'web', {
    spec: {
      template: {
        spec: {
          containers: [
            { name: 'side', image: 'side:1' },
            { name: 'main', args: ['a'] },
          ],
        },
      },
    },
  });
  const { containers } = (await read()).spec.template.spec;
  assert.deepEqual(containers.map(({ name }) => name).sort(), ['main', 'side']);
  assert.deepEqual(containers.find(({ name }) => name === 'main')?.args, ['a']);
  await patch('deployment', 'web', {
    spec: { template: { spec: { containers: [{ name: 'side', $patch: 'delete' }] } } },
  });
  assert.deepEqual(
    (await read()).spec.template.spec.containers.map(({ name }) => name),
    ['main'],
  );
});

test('a merge patch replaces lists and removes by null', async () => {
  await patch('configmap', 'plain', { data: { a: null, c: '3' } }, '--type=merge');
  const { data } = await kubectlJson<{ data: Record<string, string> }>(inNamespace('get', 'configmap', 'plain'));
  assert.deepEqual(data, { b: '2', c: '3' });
});

test('a JSON patch tests, adds, replaces and removes', async () => {
  const operations = [
    { op: 'test', path: '/spec/replicas', value: 0 },
    { op: 'replace', path: '/spec/paused', value: true },
    { op: 'add', path: '/metadata/labels/a~1b', value: 'slash' },
  ];
  await patch('deployment', 'web', [{ op: 'add', path: '/spec/paused', value: false }], '--type=json');
  await patch('deployment', 'web', operations, '--type=json');
  assert.equal((await read()).metadata.labels['a/b'], 'slash');
  const wrong = JSON.stringify([{ op: 'test', path: '/spec/replicas', value: 9 }]);
  assert.match(
    await kubectlFails(inNamespace('patch', 'deployment', 'web', '--type=json', '-p', wrong)),
    /the server rejected our request|test/i,
  );
});

test('a patch of status and of scale touches only that', async () => {
  await patch(
    'deployment',
    'web',
    { spec: { replicas: 7 }, status: { observedGeneration: 1 } },
    '--subresource=status',
    '--type=merge',
  );
  assert.equal((await read()).spec.replicas, 0);
  await patch('deployment', 'web', { spec: { paused: true } }, '--type=merge');
  await patch('deployment', 'web', { spec: { replicas: 0 } }, '--subresource=scale', '--type=merge');
  const scale = await kubectlJson<{ kind: string; status: { selector: string } }>(
    inNamespace('get', 'deployment', 'web', '--subresource=scale'),
  );
  assert.equal(scale.kind, 'Scale');
  assert.match(scale.status.selector, /app=web/);
});

test('a patch that breaks a rule is refused in upstream words', async () => {
  const said = await kubectlFails(
    inNamespace(
      'patch',
      'deployment',
      'web',
      '--type=merge',
      '-p',
      '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}',
    ),
  );
  assert.match(said, /spec\.selector: Invalid value: .*field is immutable/);
});

test('edit opens, changes and writes back', async () => {
  const env = { KUBE_EDITOR: `sed -i 's/c: "3"/c: "4"/'` };
  await kubectl(inNamespace('edit', 'configmap', 'plain'), { env });
  const { data } = await kubectlJson<{ data: Record<string, string> }>(inNamespace('get', 'configmap', 'plain'));
  assert.equal(data['c'], '4');
});

test('a node is tainted, cordoned and uncordoned', async () => {
  const node = (await kubectl(['get', 'nodes', '-o', 'name'])).trim();
  const name = node.replace('node/', '');
  await kubectl(['taint', 'node', name, 'e2e=edit:PreferNoSchedule']);
  await kubectl(['taint', 'node', name, 'e2e-']);
  await kubectl(['cordon', name]);
  assert.match(await kubectl(['get', node]), /Ready,SchedulingDisabled/);
  await kubectl(['uncordon', name]);
  assert.doesNotMatch(await kubectl(['get', node]), /SchedulingDisabled/);
});
