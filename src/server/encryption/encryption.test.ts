import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../machinery/logger.ts';
import { runStoreContract } from '../../store/contract-suite.ts';
import { MemoryStore } from '../../store/memory/memory-store.ts';
import { startServer } from '../server.ts';
import { readEncryptionConfiguration } from './configuration.ts';
import { EncryptedStore } from './encrypted-store.ts';
import { protectStore } from './protect-store.ts';
import { aesCbc, aesGcm, type Provider } from './providers.ts';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'encryption-'));
});

after(() => rm(directory, { recursive: true }));

const keyOf = (bytes: number, name = 'one') => ({ name, key: createSecretKey(randomBytes(bytes)) });

runStoreContract(
  'encrypted',
  async () => new EncryptedStore(new MemoryStore(), [{ resources: ['*.*'], providers: [aesGcm(keyOf(32))] }]),
);

for (const [name, make] of [
  ['aesgcm', aesGcm],
  ['aescbc', aesCbc],
] as const) {
  test(`${name} gives back what it took, for every size of key`, () => {
    for (const size of [16, 24, 32]) {
      const provider: Provider = make(keyOf(size));
      for (const length of [0, 1, 15, 16, 17, 1000]) {
        const value = randomBytes(length);
        const stored = provider.encrypt(value, '/registry/core/secrets/a/b');
        assert.ok(Buffer.from(stored).toString('latin1').startsWith(`k8s:enc:${name}:v1:one:`));
        assert.deepEqual(Buffer.from(provider.decrypt(stored, '/registry/core/secrets/a/b')), value);
        assert.notDeepEqual(provider.encrypt(value, '/registry/core/secrets/a/b'), stored);
      }
    }
  });
}

test('aesgcm refuses what was changed, cut, or moved to another key of the store', () => {
  const provider = aesGcm(keyOf(32));
  const stored = Buffer.from(provider.encrypt(Buffer.from('text'), '/a'));
  assert.throws(() => provider.decrypt(stored, '/b'));
  assert.throws(() => provider.decrypt(stored.subarray(0, -1), '/a'));
  assert.throws(() => provider.decrypt(stored.subarray(0, 20 + 8), '/a'));
  const changed = Buffer.from(stored);
  changed[changed.length - 20] = (changed.at(-20) ?? 0) ^ 1;
  assert.throws(() => provider.decrypt(changed, '/a'));
});

async function configuration(providers: object[], resources = ['secrets']): Promise<string> {
  const path = join(directory, `${Math.random()}.yaml`);
  const value = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources, providers }],
  };
  await writeFile(path, JSON.stringify(value));
  return path;
}

const secretOf = (bytes: number): string => randomBytes(bytes).toString('base64');

test('a configuration that cannot be used is refused with the place that is wrong', async () => {
  const cases: [object[], RegExp][] = [
    [[{ secretbox: { keys: [] } }], /providers\[0\] is secretbox, which this program has no cipher for/],
    [[{ kms: {} }], /kms/],
    [
      [{ aesgcm: { keys: [{ name: 'a', secret: secretOf(20) }] } }],
      /keys\[0\]\.secret must be 16, 24, 32 bytes in base64, and is 20/,
    ],
    [[{ aesgcm: { keys: [{ name: 'a:b', secret: secretOf(32) }] } }], /without a colon/],
    [[{ aesgcm: {}, identity: {} }], /exactly one provider/],
    [[], /has no providers/],
  ];
  for (const [providers, message] of cases) {
    await assert.rejects(readEncryptionConfiguration(await configuration(providers)), message);
  }
});

test('a key is replaced by a start with the new one first, and taken away by the next', async () => {
  const store = new MemoryStore();
  const key = '/registry/core/secrets/default/s';
  const other = '/registry/core/configmaps/default/c';
  await store.create(key, Buffer.from('{"secret":1}'));
  await store.create(other, Buffer.from('{"open":1}'));
  const [first, second] = [secretOf(32), secretOf(16)];
  const aesgcm = (name: string, secret: string) => ({ aesgcm: { keys: [{ name, secret }] } });
  const ownFile = join(directory, 'none');
  const open = async (...providers: object[]) =>
    protectStore(store, { configurationFile: await configuration(providers), ownFile, logger: silentLogger });
  const stored = async (): Promise<string> => Buffer.from((await store.get(key))?.value ?? []).toString('latin1');

  const one = await open(aesgcm('first', first), { identity: {} });
  assert.match(await stored(), /^k8s:enc:aesgcm:v1:first:/);
  assert.equal(Buffer.from((await one.get(key))?.value ?? []).toString(), '{"secret":1}');
  await open({ aescbc: { keys: [{ name: 'second', secret: second }] } }, aesgcm('first', first));
  assert.match(await stored(), /^k8s:enc:aescbc:v1:second:/);
  await assert.rejects(
    open(aesgcm('first', first)),
    /Cannot decrypt .*secrets\/default\/s: the key "second" of aescbc wrote it/,
  );
  await assert.rejects(protectStore(store, { ownFile, logger: silentLogger }), /are encrypted; give the configuration/);
  await open({ identity: {} }, { aescbc: { keys: [{ name: 'second', secret: second }] } });
  assert.equal(await stored(), '{"secret":1}');
  assert.equal(Buffer.from((await store.get(other))?.value ?? []).toString(), '{"open":1}');
});

test('a server with encrypted Secrets stores none in clear and serves them as ever, also after a restart', async () => {
  const store = new MemoryStore();
  const start = (encryptSecrets: boolean) =>
    startServer({
      dataDirectory: directory,
      store,
      logger: silentLogger,
      address: '127.0.0.1',
      port: 0,
      encryption: { encryptSecrets },
      loadProse: async () => ({}),
    });
  const path = '/api/v1/namespaces/default/secrets';
  const admin = { name: 'admin', groups: ['system:masters'] };
  let server = await start(true);
  const send = async (method: string, at: string, body?: object): Promise<{ data?: object }> => {
    const answer = await server.localTransport(admin).request({
      method,
      path: at,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body) chunks.push(chunk);
    return JSON.parse(Buffer.concat(chunks).toString());
  };
  await send('POST', path, { metadata: { name: 's' }, data: { password: 'aHVudGVyMg==' } });
  const inStore = async (): Promise<string> =>
    Buffer.from((await store.get('/registry/core/secrets/default/s'))?.value ?? []).toString('latin1');
  assert.match(await inStore(), /^k8s:enc:aesgcm:v1:key1:/);
  assert.doesNotMatch(await inStore(), /aHVudGVyMg/);
  assert.deepEqual((await send('GET', `${path}/s`)).data, { password: 'aHVudGVyMg==' });
  assert.equal((await stat(join(directory, 'pki/encryption-config.json'))).mode & 0o777, 0o600);
  await server.close();
  // Without the flag: what was made once holds.
  server = await start(false);
  assert.deepEqual((await send('GET', `${path}/s`)).data, { password: 'aHVudGVyMg==' });
  await send('PATCH', `${path}/s`, { data: { more: 'eA==' } });
  assert.match(await inStore(), /^k8s:enc:aesgcm:v1:key1:/);
  assert.deepEqual((await send('GET', `${path}/s`)).data, { more: 'eA==', password: 'aHVudGVyMg==' });
  await server.close();
});
