import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createNamespace, kubectl, kubectlFails, kubectlJson, tryKubectl } from './kubectl.ts';
import { configMap, deployment, pod } from './manifests.ts';

interface ConfigMap {
  data: Record<string, string>;
  metadata: { managedFields?: { manager: string; operation: string }[]; resourceVersion: string };
}

let namespace: Awaited<ReturnType<typeof createNamespace>>;
before(async () => {
  namespace = await createNamespace('apply');
});
after(() => namespace.remove());

const apply = (manifest: string, ...args: string[]): Promise<string> =>
  kubectl(['apply', '-n', namespace.name, '-f', '-', ...args], { input: manifest });

test('client-side apply creates, leaves alone, changes and removes', async () => {
  assert.match(await apply(configMap('plain', { a: '1', b: '2' })), /configmap\/plain created/);
  assert.match(await apply(configMap('plain', { a: '1', b: '2' })), /configmap\/plain unchanged/);
  assert.match(await apply(configMap('plain', { a: '3' })), /configmap\/plain configured/);
  const { data } = await kubectlJson<ConfigMap>(['get', 'configmap', 'plain', '-n', namespace.name]);
  assert.deepEqual(data, { a: '3' });
});

test('client-side apply of a Deployment keeps what others wrote', async () => {
  await apply(deployment('kept', { replicas: 0 }));
  await kubectl(['annotate', 'deployment', 'kept', '-n', namespace.name, 'owner=me']);
  await apply(deployment('kept', { replicas: 0, container: { env: [{ name: 'A', value: '1' }] } }));
  const kept = await kubectlJson<{
    metadata: { annotations: Record<string, string>; generation: number };
    spec: { template: { spec: { containers: { env: unknown[] }[] } } };
  }>(['get', 'deployment', 'kept', '-n', namespace.name]);
  assert.equal(kept.metadata.annotations['owner'], 'me');
  assert.ok(kept.metadata.generation > 1);
  assert.deepEqual(kept.spec.template.spec.containers[0]?.env, [{ name: 'A', value: '1' }]);
});

test('server-side apply shares an object between managers and refuses conflicts', async () => {
  const one = ['--server-side', '--field-manager=one'];
  const two = ['--server-side', '--field-manager=two'];
  assert.match(await apply(configMap('shared', { a: '1' }), ...one), /serverside-applied/);
  await apply(configMap('shared', { b: '2' }), ...two);
  let shared = await kubectlJson<ConfigMap>([
    'get',
    'configmap',
    'shared',
    '-n',
    namespace.name,
    '--show-managed-fields',
  ]);
  assert.deepEqual(shared.data, { a: '1', b: '2' });
  assert.deepEqual(shared.metadata.managedFields?.map(({ manager }) => manager).sort(), ['one', 'two']);

  const refused = await kubectlFails(['apply', '-n', namespace.name, '-f', '-', ...two], {
    input: configMap('shared', { a: 'mine', b: '2' }),
  });
  assert.match(refused, /Apply failed with 1 conflict: conflict with "one"/);
  assert.match(refused, /\.data\.a/);

  await apply(configMap('shared', { a: 'mine', b: '2' }), ...two, '--force-conflicts');
  await apply(configMap('shared', {}), ...one);
  shared = await kubectlJson<ConfigMap>(['get', 'configmap', 'shared', '-n', namespace.name]);
  assert.deepEqual(shared.data, { a: 'mine', b: '2' }, 'what two took over stays when one lets go');

  await apply(configMap('shared', { b: '2' }), ...two);
  shared = await kubectlJson<ConfigMap>(['get', 'configmap', 'shared', '-n', namespace.name]);
  assert.deepEqual(shared.data, { b: '2' }, 'what its only owner stops applying goes');
});

test('server-side apply takes over a pod that was applied by the client, with what admission gave it', async () => {
  const manifest = pod('taken-over', 'sleep 600');
  await apply(manifest);
  assert.match(await apply(manifest, '--server-side'), /serverside-applied/);
  const { spec, metadata } = await kubectlJson<{
    spec: { volumes: unknown[]; tolerations: unknown[] };
    metadata: { managedFields: { manager: string; operation: string }[] };
  }>(['get', 'pod', 'taken-over', '-n', namespace.name, '--show-managed-fields']);
  assert.equal(spec.volumes.length, 1);
  assert.equal(spec.tolerations.length, 2);
  assert.ok(metadata.managedFields.some(({ manager, operation }) => manager === 'kubectl' && operation === 'Apply'));
});

test('server-side apply changes one item of a keyed list', async () => {
  const ports = (...list: object[]): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'keyed' },
      spec: { selector: { app: 'keyed' }, ports: list },
    });
  await apply(ports({ name: 'a', port: 80 }), '--server-side', '--field-manager=one');
  await apply(ports({ name: 'b', port: 81 }), '--server-side', '--field-manager=two');
  const service = await kubectlJson<{ spec: { ports: { name: string }[] } }>([
    'get',
    'service',
    'keyed',
    '-n',
    namespace.name,
  ]);
  assert.deepEqual(service.spec.ports.map(({ name }) => name).sort(), ['a', 'b']);
});

test('diff says what would change by its exit code and its text', async () => {
  await apply(configMap('differs', { a: '1' }));
  const same = await tryKubectl(['diff', '-n', namespace.name, '-f', '-'], { input: configMap('differs', { a: '1' }) });
  assert.equal(same.code, 0, same.stdout + same.stderr);
  const other = await tryKubectl(['diff', '-n', namespace.name, '-f', '-'], {
    input: configMap('differs', { a: '2' }),
  });
  assert.equal(other.code, 1, other.stderr);
  assert.match(other.stdout, /^-\s+a: "1"/m);
  assert.match(other.stdout, /^\+\s+a: "2"/m);
});

test('a dry run on the server changes nothing', async () => {
  assert.match(await apply(configMap('dry', { a: '1' }), '--dry-run=server'), /created \(server dry run\)/);
  assert.match(await kubectlFails(['get', 'configmap', 'dry', '-n', namespace.name]), /configmaps "dry" not found/);
});

test('strict validation names every unknown field', async () => {
  const manifest = deployment('strict', { replicas: 0, spec: { replica: 3 }, container: { imagee: 'x' } });
  const said = await kubectlFails(['apply', '-n', namespace.name, '--validate=strict', '-f', '-'], { input: manifest });
  assert.match(said, /unknown field "spec\.replica"/);
  assert.match(said, /unknown field "spec\.template\.spec\.containers\[0\]\.imagee"/);
});

test('validation as a warning lets the object through', async () => {
  const manifest = JSON.stringify({ ...JSON.parse(configMap('warned', {})), dat: {} });
  const result = await tryKubectl(['apply', '-n', namespace.name, '--validate=warn', '-f', '-'], { input: manifest });
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stderr, /unknown field "dat"/);
});

test('an invalid object is refused with every error at once', async () => {
  const manifest = deployment('Bad_Name', { replicas: -1 });
  const said = await kubectlFails(['create', '-n', namespace.name, '-f', '-'], { input: manifest });
  assert.match(said, /The Deployment "Bad_Name" is invalid/);
  assert.match(said, /metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/);
  assert.match(said, /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/);
});

test('a malformed manifest is refused before anything is written', async () => {
  const said = await kubectlFails(['apply', '-n', namespace.name, '-f', '-'], { input: 'kind: Pod\n  apiVersion: [' });
  assert.match(said, /error parsing|mapping values|yaml/i);
});

test('replace, and create of what is there', async () => {
  await apply(configMap('replaced', { a: '1' }));
  const replaced = await kubectl(['replace', '-n', namespace.name, '-f', '-'], {
    input: configMap('replaced', { z: '9' }),
  });
  assert.match(replaced, /configmap\/replaced replaced/);
  const { data } = await kubectlJson<ConfigMap>(['get', 'configmap', 'replaced', '-n', namespace.name]);
  assert.deepEqual(data, { z: '9' });
  const said = await kubectlFails(['create', '-n', namespace.name, '-f', '-'], { input: configMap('replaced', {}) });
  assert.match(
    said,
    /Error from server \(AlreadyExists\): error when creating "STDIN": configmaps "replaced" already exists/,
  );
});

test('prune by applyset removes what the manifest no longer names', async () => {
  const list = (...names: string[]): string => names.map((name) => configMap(name, {})).join('\n');
  const args = ['apply', '-n', namespace.name, '--prune', '--applyset=set', '-f', '-'];
  const env = { KUBECTL_APPLYSET: 'true' };
  await kubectl(args, { input: list('left', 'right'), env });
  await kubectl(args, { input: list('left'), env });
  assert.match(await kubectlFails(['get', 'configmap', 'right', '-n', namespace.name]), /not found/);
});
