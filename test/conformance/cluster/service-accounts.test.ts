import assert from 'node:assert/strict';
import { pod, sleepForever } from '../../e2e/manifests.ts';
import { at } from '../api.ts';
import { behaviour } from '../behaviour.ts';
import { clusterSuite } from '../cluster-suite.ts';

const suite = clusterSuite('accounts');
const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';

behaviour('Service Account Tokens Must AutoMount', async () => {
  await suite.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'mounted' } });
  await suite.create(pod('mounted', sleepForever, { spec: { serviceAccountName: 'mounted' } }));
  await suite.ready('mounted');
  const read = (file: string): Promise<string> => suite.kubectl('exec', 'mounted', '--', 'cat', `${mountPath}/${file}`);
  const review = await suite.api.create('/apis/authentication.k8s.io/v1/tokenreviews', {
    spec: { token: (await read('token')).trim() },
  });
  assert.equal(at(review, 'status.user.username'), `system:serviceaccount:${suite.namespace}:mounted`);
  assert.equal(await read('namespace'), suite.namespace);
  const root = await suite.api.get(`${suite.core}/configmaps/kube-root-ca.crt`);
  assert.equal(await read('ca.crt'), (root['data'] as Record<string, string>)['ca.crt']);
});

behaviour('Service account tokens auto mount optionally', async () => {
  const accounts = { default: undefined, mount: true, nomount: false };
  const pods = { defaultspec: undefined, mountspec: true, nomountspec: false };
  for (const [account, automount] of Object.entries(accounts)) {
    await suite.api.create(`${suite.core}/serviceaccounts`, {
      metadata: { name: `optional-${account}` },
      ...(automount === undefined ? {} : { automountServiceAccountToken: automount }),
    });
    for (const [spec, wanted] of Object.entries(pods)) {
      const created = await suite.api.create(`${suite.core}/pods`, {
        metadata: { name: `optional-${account}-${spec}` },
        spec: {
          serviceAccountName: `optional-${account}`,
          // Only what admission makes of it matters.
          nodeSelector: { 'example.com/none': 'true' },
          containers: [{ name: 'main', image: 'example.test/none' }],
          ...(wanted === undefined ? {} : { automountServiceAccountToken: wanted }),
        },
      });
      const mounts = (at(created, 'spec.containers.0.volumeMounts') ?? []) as { mountPath: string }[];
      const expected = wanted ?? automount ?? true;
      assert.equal(
        mounts.some((mount) => mount.mountPath === mountPath),
        expected,
        `${account} ${spec}`,
      );
      await suite.api.delete(`${suite.core}/pods/${created.metadata.name}`);
    }
  }
});

behaviour('TokenRequestProjection should mount a projected volume with token using TokenRequest API.', async () => {
  const printed = await suite.outputOf('projected', 'ls -ln /token/path; cut -d. -f2 /token/path', {
    container: { volumeMounts: [{ name: 'token', mountPath: '/token' }] },
    spec: {
      volumes: [
        {
          name: 'token',
          projected: {
            sources: [{ serviceAccountToken: { path: 'path', audience: 'someone', expirationSeconds: 3600 } }],
          },
        },
      ],
    },
  });
  const [listing, payload = ''] = printed.trim().split('\n');
  assert.match(listing ?? '', /^-rw-r--r--|^lrwxrwxrwx/);
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  assert.deepEqual(claims['aud'], ['someone']);
  assert.equal(at(claims['kubernetes.io'], 'pod.name'), 'projected');
});

/** What upstream's tester does in a pod: finds the keys through discovery and verifies the pod's own token. */
const verifyOwnToken = `
const { readFileSync } = require('node:fs');
const { createPublicKey, verify } = require('node:crypto');
const https = require('node:https');
const root = '${mountPath}';
const token = readFileSync('/oidc/token', 'utf8');
const bearer = readFileSync(root + '/token', 'utf8');
const get = (path) => new Promise((resolve, reject) => https.get(
  'https://kubernetes.default.svc' + path,
  { ca: readFileSync(root + '/ca.crt'), headers: { authorization: 'Bearer ' + bearer } },
  (answer) => { let text = ''; answer.on('data', (c) => text += c); answer.on('end', () => answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(path + ' ' + answer.statusCode + text))); },
).on('error', reject));
(async () => {
  const [head, body, signature] = token.trim().split('.');
  const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  const discovery = await get('/.well-known/openid-configuration');
  if (discovery.issuer !== claims.iss) throw new Error('issuer ' + discovery.issuer + ' is not ' + claims.iss);
  if (!discovery.jwks_uri.endsWith('/openid/v1/jwks')) throw new Error('jwks_uri ' + discovery.jwks_uri);
  const jwk = (await get('/openid/v1/jwks')).keys.find((key) => key.kid === kid);
  const good = verify('sha256', Buffer.from(head + '.' + body), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  if (!good || claims.aud[0] !== 'oidc-discovery-test') throw new Error('the token is not good');
  console.log('verified ' + claims.sub);
})();
`;

behaviour('OIDC Discovery (ServiceAccountIssuerDiscovery)', async () => {
  const printed = await suite.outputOf('oidc', '', {
    container: { command: ['node', '-e', verifyOwnToken], volumeMounts: [{ name: 'oidc', mountPath: '/oidc' }] },
    spec: {
      volumes: [
        {
          name: 'oidc',
          projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'oidc-discovery-test' } }] },
        },
      ],
    },
  });
  assert.equal(printed.trim(), `verified system:serviceaccount:${suite.namespace}:default`);
});
