import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '../../../machinery/logger.ts';
import { isApiError } from '../../../machinery/status-error.ts';
import { MemoryStore } from '../../../store/memory/memory-store.ts';
import { createAuthority, issueLeaf, type KeyPair } from '../../pki/certificates.ts';
import { startServer } from '../../server.ts';
import { encodeTokenPart } from '../service-account-token.ts';
import { configurationOfFlags, type IssuerConfiguration, readAuthenticationConfiguration } from './configuration.ts';
import { OidcTokens } from './oidc-tokens.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });

let directory: string;
let authority: KeyPair;
let issuer: Server;
let issuerUrl: string;
let keySet: { kid: string; key: KeyObject }[] = [];
let keyReads = 0;
let isAway = false;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'oidc-'));
  authority = await createAuthority('issuer-ca', Date.now());
  const leaf = { commonName: 'localhost', usage: 'server', dnsNames: ['localhost'], lifetimeMs: 3_600_000 } as const;
  const { certificate, key } = await issueLeaf(authority, leaf, Date.now());
  issuer = createServer({ cert: certificate, key }, ({ url }, response) => {
    if (isAway) response.writeHead(503).end();
    else if (url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` }));
    } else {
      keyReads += 1;
      const keys = keySet.map(({ kid, key: one }) => ({ ...one.export({ format: 'jwk' }), kid, use: 'sig' }));
      response.end(JSON.stringify({ keys }));
    }
  });
  await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
  issuerUrl = `https://localhost:${(issuer.address() as AddressInfo).port}`;
  keySet = [
    { kid: 'rsa', key: rsa.publicKey },
    { kid: 'ec', key: ec.publicKey },
  ];
});

after(async () => {
  issuer.closeAllConnections();
  await new Promise((resolve) => issuer.close(resolve));
  await rm(directory, { recursive: true });
});

const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

function claimsOf(more: object = {}): object {
  return { iss: issuerUrl, aud: 'kubernetes', sub: 'ann', exp: inAnHour(), ...more };
}

function tokenOf(
  claims: object,
  header: object = { alg: 'RS256', kid: 'rsa' },
  key: KeyObject = rsa.privateKey,
): string {
  const signed = `${encodeTokenPart(header)}.${encodeTokenPart(claims)}`;
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function tokens(change: Partial<IssuerConfiguration> = {}, now: () => number = Date.now): OidcTokens {
  const configuration: IssuerConfiguration = {
    url: issuerUrl,
    certificateAuthority: authority.certificate,
    audiences: ['kubernetes'],
    algorithms: ['RS256', 'ES256'],
    username: { claim: 'sub', prefix: 'oidc:' },
    groups: { claim: 'groups', prefix: 'oidc:' },
    extra: [],
    claimRules: [],
    userRules: [],
    ...change,
  };
  return new OidcTokens(configuration, { apiAudiences: ['api'], logger: silentLogger, now });
}

const refused = (error: unknown): boolean => isApiError(error) && error.code === 401;

test('a token that its issuer signed says who its bearer is', async () => {
  const verifier = tokens();
  const one = await verifier.verify(tokenOf(claimsOf({ groups: ['dev', 'ops'] })));
  assert.deepEqual(one, { user: { name: 'oidc:ann', groups: ['oidc:dev', 'oidc:ops'] }, audiences: [] });
  const two = await verifier.verify(
    tokenOf(claimsOf({ aud: ['x', 'kubernetes'], groups: 'dev' }), { alg: 'ES256', kid: 'ec' }, ec.privateKey),
  );
  assert.deepEqual(two?.user, { name: 'oidc:ann', groups: ['oidc:dev'] });
  assert.deepEqual((await verifier.verify(tokenOf(claimsOf()), ['api', 'other']))?.audiences, ['api']);
  await assert.rejects(verifier.verify(tokenOf(claimsOf()), ['other']), refused);
});

test('what no such token is, is left to others or refused', async () => {
  const verifier = tokens();
  assert.equal(await verifier.verify('opaque'), undefined);
  assert.equal(await verifier.verify(tokenOf(claimsOf({ iss: 'https://elsewhere' }))), undefined);
  const head = (alg: string): string => `${encodeTokenPart({ alg, kid: 'rsa' })}.${encodeTokenPart(claimsOf())}`;
  const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const mac = createHmac('sha256', publicPem).update(head('HS256')).digest('base64url');
  const good = tokenOf(claimsOf());
  const cases: Record<string, string> = {
    'no signature': `${head('none')}.`,
    'a MAC with the public key': `${head('HS256')}.${mac}`,
    'another key': tokenOf(claimsOf(), { alg: 'RS256', kid: 'rsa' }, stranger.privateKey),
    'the algorithm of another key': tokenOf(claimsOf(), { alg: 'ES256', kid: 'rsa' }, ec.privateKey),
    'an algorithm that is not allowed': tokenOf(claimsOf(), { alg: 'PS256', kid: 'rsa' }),
    'a key nobody knows': tokenOf(claimsOf(), { alg: 'RS256', kid: 'nobody' }),
    'other claims': [good.split('.')[0], encodeTokenPart(claimsOf({ sub: 'root' })), good.split('.')[2]].join('.'),
    'an expiry that has passed': tokenOf(claimsOf({ exp: Math.floor(Date.now() / 1000) - 1 })),
    'no expiry': tokenOf(claimsOf({ exp: undefined })),
    'a beginning to come': tokenOf(claimsOf({ nbf: inAnHour() })),
    'another audience': tokenOf(claimsOf({ aud: ['somebody'] })),
    'no audience': tokenOf(claimsOf({ aud: undefined })),
    'no name': tokenOf(claimsOf({ sub: undefined })),
    'a name of an odd type': tokenOf(claimsOf({ sub: { a: 1 } })),
  };
  for (const [name, token] of Object.entries(cases)) {
    await assert.rejects(verifier.verify(token), refused, name);
  }
  const byEmail = tokens({ username: { claim: 'email', prefix: '' } });
  await assert.rejects(byEmail.verify(tokenOf(claimsOf({ email: 'a@b', email_verified: false }))), refused);
  assert.equal((await byEmail.verify(tokenOf(claimsOf({ email: 'a@b', email_verified: true }))))?.user.name, 'a@b');
});

test('a remembered token ends with its expiry', async () => {
  let now = Date.now();
  const verifier = tokens({}, () => now);
  const token = tokenOf(claimsOf({ exp: Math.floor(now / 1000) + 5 }));
  assert.equal((await verifier.verify(token))?.user.name, 'oidc:ann');
  now += 6000;
  await assert.rejects(verifier.verify(token), refused);
});

test('keys are read when first needed, again for one that is new, and outlast an absence of the issuer', async () => {
  let now = Date.now();
  keyReads = 0;
  const verifier = tokens({}, () => now);
  await verifier.verify(tokenOf(claimsOf({ n: 1 })));
  await verifier.verify(tokenOf(claimsOf({ n: 2 })));
  assert.equal(keyReads, 1);
  const added = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  keySet.push({ kid: 'added', key: added.publicKey });
  const token = tokenOf(claimsOf(), { alg: 'ES256', kid: 'added' }, added.privateKey);
  // A flood of unknown keys is not passed on to the issuer.
  await assert.rejects(verifier.verify(token), refused);
  assert.equal(keyReads, 1);
  now += 11_000;
  assert.equal((await verifier.verify(token))?.user.name, 'oidc:ann');
  assert.equal(keyReads, 2);
  isAway = true;
  now += 2 * 3600 * 1000;
  const later = tokenOf(claimsOf({ exp: inAnHour() + 7200 }));
  assert.equal((await verifier.verify(later))?.user.name, 'oidc:ann');
  await assert.rejects(tokens().verify(later), refused);
  isAway = false;
});

test('expressions map claims and refuse users', async () => {
  const verifier = tokens({
    username: { expression: 'claims.sub + "@" + claims.tenant' },
    groups: { expression: 'claims.roles.split(",")' },
    uid: { claim: 'id', prefix: '' },
    extra: [{ key: 'example.org/tenant', valueExpression: 'claims.tenant' }],
    claimRules: [
      { claim: 'hd', requiredValue: 'example.org' },
      { expression: 'claims.level > 2', message: 'too low' },
    ],
    userRules: [{ expression: '!user.username.startsWith("system:")', message: 'reserved' }],
  });
  const claims = { tenant: 't', roles: 'a,b', id: 'u1', hd: 'example.org', level: 3 };
  const { user } = (await verifier.verify(tokenOf(claimsOf(claims)))) ?? {};
  assert.deepEqual(user, { name: 'ann@t', uid: 'u1', groups: ['a', 'b'], extra: { 'example.org/tenant': ['t'] } });
  const bad = [{ hd: 'other' }, { level: 1 }, { sub: 'system:x' }, { roles: 1 }, { tenant: undefined }];
  for (const change of bad) await assert.rejects(verifier.verify(tokenOf(claimsOf({ ...claims, ...change }))), refused);
  assert.throws(
    () => tokens({ username: { expression: 'claims.' } }),
    /An expression for the issuer .* cannot be used/,
  );
});

async function configurationFile(text: string): Promise<string> {
  const path = join(directory, `${Math.random()}.yaml`);
  await writeFile(path, text);
  return path;
}

test('a configuration that cannot be used is refused with the place that is wrong', async () => {
  const head = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n';
  const cases: [string, RegExp][] = [
    ['kind: Other', /is no AuthenticationConfiguration/],
    [`${head}jwt: [{issuer: {url: "http://x", audiences: [a]}, claimMappings: {username: {claim: sub}}}]`, /https:/],
    [
      `${head}jwt: [{issuer: {url: "https://x", audiences: []}, claimMappings: {username: {claim: sub}}}]`,
      /audiences is empty/,
    ],
    [`${head}jwt: [{issuer: {url: "https://x", audiences: [a]}, claimMappings: {}}]`, /username is missing/],
    [
      `${head}jwt: [{issuer: {url: "https://x", audiences: [a]}, claimMappings: {username: {claim: a, expression: b}}}]`,
      /either claim or expression/,
    ],
    [`${head}anonymous: {}`, /anonymous.enabled is no boolean/],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(readAuthenticationConfiguration(await configurationFile(text)), message);
  }
  await assert.rejects(
    configurationOfFlags({ issuerUrl: 'ftp://x', clientId: 'a' }),
    /--oidc-issuer-url must be an https/,
  );
  const { issuers } = await configurationOfFlags({ issuerUrl: 'https://x', clientId: 'a' });
  assert.deepEqual(issuers[0]?.username, { claim: 'sub', prefix: 'https://x#' });
});

test('a server takes the tokens of its issuers over TLS, and anonymous requests only where it is told', async () => {
  const file = await configurationFile(
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [
        {
          issuer: { url: issuerUrl, audiences: ['kubernetes'], certificateAuthority: authority.certificate },
          claimMappings: { username: { claim: 'sub', prefix: '' }, groups: { expression: '["system:masters"]' } },
        },
      ],
      anonymous: { enabled: true, conditions: [{ path: '/healthz' }] },
    }),
  );
  const server = await startServer({
    dataDirectory: directory,
    store: new MemoryStore(),
    logger: silentLogger,
    address: '127.0.0.1',
    port: 0,
    authentication: { configurationFile: file },
    loadProse: async () => ({}),
  });
  const ask = (method: string, path: string, token?: string, body?: object): Promise<[number, string]> =>
    new Promise((resolve, reject) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const headers = { 'content-type': 'application/json', ...authorization };
      const outgoing = request(
        `${server.url}${path}`,
        { method, ca: server.caCertificate, headers, agent: false },
        (answer) => {
          let text = '';
          answer.on('data', (chunk) => {
            text += chunk;
          });
          answer.on('end', () => resolve([answer.statusCode ?? 0, text]));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  try {
    const token = tokenOf(claimsOf());
    const review = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const [status, text] = await ask('POST', review, token, {});
    assert.equal(status, 201);
    assert.deepEqual(JSON.parse(text).status.userInfo, {
      username: 'ann',
      groups: ['system:masters', 'system:authenticated'],
    });
    const asked = await ask('POST', '/apis/authentication.k8s.io/v1/tokenreviews', token, { spec: { token } });
    assert.equal(JSON.parse(asked[1]).status.user.username, 'ann');
    assert.equal((await ask('GET', '/api/v1/nodes', tokenOf(claimsOf({ aud: 'x' }))))[0], 401);
    assert.equal((await ask('GET', '/healthz'))[0], 200);
    assert.equal((await ask('GET', '/version'))[0], 401);
  } finally {
    await server.close();
  }
});
