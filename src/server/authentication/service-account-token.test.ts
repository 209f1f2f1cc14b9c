import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { UnknownObject } from '../../machinery/meta.ts';
import { ServiceAccountTokens } from './service-account-token.ts';

const issuer = 'https://issuer';
const account = { name: 'a', uid: 'u1' };
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

/** Tokens over a world of one service account, which a test may change. */
function world(signingKey = key): { tokens: ServiceAccountTokens; clock: { now: number }; account: { uid: string } } {
  const clock = { now: Date.parse('2026-01-01T00:00:00Z') };
  const held = { uid: account.uid };
  const find = (of: { resource: string }): UnknownObject | undefined =>
    of.resource === 'serviceaccounts'
      ? { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a', namespace: 'ns', uid: held.uid } }
      : undefined;
  const never = (): never => {
    throw new Error('Tokens only read');
  };
  const objects = {
    get: find,
    getFresh: async (of: { resource: string }) => find(of),
    list: never,
    names: never,
    create: never,
    modify: never,
    delete: never,
    onChange: never,
  };
  const tokens = new ServiceAccountTokens({
    key: signingKey,
    issuer,
    audiences: [issuer],
    objects,
    now: () => clock.now,
  });
  return { tokens, clock, account: held };
}

const claims = { namespace: 'ns', serviceAccount: account, audiences: [issuer], lifetimeSeconds: 600 };
const unauthorized = { message: 'Unauthorized' };

test('a token is who it was signed for', async () => {
  const { tokens } = world();
  const verified = await tokens.verify(tokens.sign(claims));
  assert.equal(verified?.user.name, 'system:serviceaccount:ns:a');
  assert.deepEqual(verified?.user.groups.slice(0, 2), ['system:serviceaccounts', 'system:serviceaccounts:ns']);
  assert.deepEqual(verified?.audiences, [issuer]);
});

test('a token ends with its time, also when it was verified before', async () => {
  const { tokens, clock } = world();
  const token = tokens.sign(claims);
  await tokens.verify(token);
  clock.now += 601_000;
  await assert.rejects(tokens.verify(token), unauthorized);
});

test('a token of an account that was made anew is refused, also when it was verified before', async () => {
  const { tokens, account: held } = world();
  const token = tokens.sign(claims);
  await tokens.verify(token);
  held.uid = 'u2';
  await assert.rejects(tokens.verify(token), unauthorized);
});

test('a token for another audience is refused', async () => {
  const { tokens } = world();
  const token = tokens.sign({ ...claims, audiences: ['vault'] });
  await assert.rejects(tokens.verify(token), unauthorized);
  assert.deepEqual((await tokens.verify(token, ['vault', 'x']))?.audiences, ['vault']);
});

test('a token bound to a pod that is gone is refused', async () => {
  const { tokens } = world();
  await assert.rejects(tokens.verify(tokens.sign({ ...claims, pod: { name: 'p', uid: 'x' } })), unauthorized);
});

test('a forged token is refused, and one of another issuer is left to others', async () => {
  const { tokens } = world();
  const [head = '', , signature = ''] = tokens.sign(claims).split('.');
  const payload = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  await assert.rejects(tokens.verify(`${head}.${payload({ iss: issuer, sub: 'x' })}.${signature}`), unauthorized);
  const none = payload({ alg: 'none' });
  await assert.rejects(tokens.verify(`${none}.${payload({ iss: issuer, sub: 'x' })}.`), unauthorized);
  const other = world(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  await assert.rejects(tokens.verify(other.tokens.sign(claims)), unauthorized);
  assert.equal(await tokens.verify(`${head}.${payload({ iss: 'https://other' })}.${signature}`), undefined);
  assert.equal(await tokens.verify('not-a-token'), undefined);
});
