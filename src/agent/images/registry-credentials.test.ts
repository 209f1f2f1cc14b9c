import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../api/core/v1/types.generated.ts';
import { credentialsFor } from './registry-credentials.ts';

function secret(auths: object): Secret {
  const text = Buffer.from(JSON.stringify({ auths })).toString('base64');
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull' }, data: { '.dockerconfigjson': text } };
}

const auth = Buffer.from('user:pa:ss').toString('base64');
const all = [
  secret({
    'https://index.docker.io/v1/': { auth },
    'registry.example:5000': { username: 'r', password: 'p' },
    'registry.example:5000/team': { username: 'team', password: 'p' },
    '*.wild.example': { username: 'w', password: 'p' },
  }),
];

const cases: [string, string[]][] = [
  ['busybox', ['user']],
  ['library/busybox:1', ['user']],
  ['registry.example:5000/other/x:1', ['r']],
  ['registry.example:5000/team/x@sha256:00', ['team', 'r']],
  ['registry.example:5000/teamwork/x', ['r']],
  ['a.wild.example/x', ['w']],
  ['a.b.wild.example/x', []],
  ['elsewhere.example/x', []],
];

for (const [image, users] of cases) {
  test(`credentials for ${image}`, () => {
    assert.deepEqual(
      credentialsFor(image, all).map(({ username }) => username),
      users,
    );
  });
}

test('a password may hold a colon', () => {
  assert.equal(credentialsFor('busybox', all)[0]?.password, 'pa:ss');
});
