/** Stock kubectl against an API server without nodes: what it asks and prints beyond the conformance suite. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { type CommandResult, command } from '../e2e/kubectl.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

let plane: ControlPlane;
before(async () => {
  plane = await startControlPlane();
});
after(() => plane.close());

const run = (args: readonly string[], input = ''): Promise<CommandResult> =>
  command('kubectl', args, { input, env: { KUBECONFIG: plane.kubeconfig } });

async function kubectl(args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await run(args, input);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

const configMap = (name: string, rest: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '1' }, ...rest });

it('create --validate refuses, warns of, or ignores an unknown field', async () => {
  const odd = (name: string): string => configMap(name, { oddField: true });
  const strict = await run(['create', '--validate=strict', '-f', '-'], odd('strict'));
  assert.equal(strict.code, 1);
  assert.match(strict.stderr, /strict decoding error: unknown field "oddField"/);
  const warned = await run(['create', '--validate=warn', '-f', '-'], odd('warned'));
  assert.deepEqual([warned.code, warned.stderr.trim()], [0, 'Warning: unknown field "oddField"']);
  const ignored = await run(['create', '--validate=ignore', '-f', '-'], odd('ignored'));
  assert.deepEqual([ignored.code, ignored.stderr], [0, '']);
});

it('explain marks what is required', async () => {
  const text = await kubectl(['explain', 'pod.spec']);
  assert.match(text, /containers\s+<\[\]Container> -required-/);
  assert.match(text, /volumes\s+<\[\]Volume>\n/);
  assert.match(await kubectl(['explain', 'deployment.spec']), /selector\s+<LabelSelector> -required-/);
});

it('apply view-last-applied and set-last-applied', async () => {
  await kubectl(['apply', '-f', '-'], configMap('applied'));
  assert.match(await kubectl(['apply', 'view-last-applied', 'configmap/applied']), /^data:\n {2}a: "1"$/m);
  await kubectl(['apply', 'set-last-applied', '-f', '-'], configMap('applied', { data: { a: '2' } }));
  assert.match(await kubectl(['apply', 'view-last-applied', 'configmap/applied', '-o', 'json']), /"a": "2"/);
  assert.equal(await kubectl(['get', 'configmap', 'applied', '-o', 'jsonpath={.data.a}']), '1');
  await kubectl(['create', '-f', '-'], configMap('created'));
  const refused = await run(['apply', 'set-last-applied', '-f', '-'], configMap('created'));
  assert.match(refused.stderr, /no last-applied-configuration annotation found/);
});

it('generateName gives every object a name of its own', async () => {
  const names = new Set<string>();
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-' } });
  for (let count = 0; count < 5; count++) {
    names.add(await kubectl(['create', '-f', '-', '-o', 'jsonpath={.metadata.name}'], body));
  }
  assert.equal(names.size, 5);
  for (const name of names) assert.match(name, /^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

it('cluster-info dump writes every namespace', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'cluster-info-'));
  try {
    await kubectl(['cluster-info', 'dump', '--all-namespaces', `--output-directory=${directory}`]);
    const files = await readdir(directory);
    assert.ok(files.includes('nodes.json') && files.includes('kube-system'), files.join(' '));
  } finally {
    await rm(directory, { recursive: true });
  }
});

it('a list over all namespaces names them, and one namespace hides the others', async () => {
  for (const namespace of ['left', 'right']) {
    await kubectl(['create', 'namespace', namespace]);
    await kubectl(['create', 'configmap', 'same', '-n', namespace]);
  }
  const all = await kubectl(['get', 'configmaps', '-A', '--field-selector=metadata.name=same', '--no-headers']);
  assert.deepEqual(
    all
      .trim()
      .split('\n')
      .map((line) => line.split(/ +/)[0]),
    ['left', 'right'],
  );
  assert.equal((await kubectl(['get', 'configmaps', '-n', 'left', '-o', 'name'])).includes('same'), true);
});
