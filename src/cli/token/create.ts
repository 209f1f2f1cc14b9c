import { createHash, randomInt, X509Certificate } from 'node:crypto';
import type { Endpoints } from '../../api/core/v1/types.generated.ts';
import { endpoints, secrets } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { connect } from '../connect.ts';
import { kubeconfigOf, type TargetOptions } from '../target.ts';
import { UserError } from '../user-error.ts';
import {
  hostsGroup,
  rolesAnnotation,
  secretName,
  tokenNamespace,
  tokenType,
  usesLeftAnnotation,
} from './bootstrap-token.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface TokenCreateOptions extends TargetOptions {
  /** `24h` */
  readonly ttl: string;
  readonly uses: number;
  /** Comma-separated; empty: into the pool. */
  readonly roles: string;
  /** Where hosts reach the server; default: the address that it tells the cluster. */
  readonly server?: string;
}

/** `roadstead token create`: prints the one line that makes a machine a host. */
export async function createToken(options: TokenCreateOptions): Promise<void> {
  const lifetimeMs = parseDuration(options.ttl);
  const client = await connect(kubeconfigOf(options));
  try {
    const server = options.server ?? (await serverUrl(client));
    const [script, authority] = await Promise.all([read(client, '/join/install.sh'), read(client, '/join/ca.crt')]);
    const token = { id: randomText(6), secret: randomText(16) };
    await client.resource(secrets).create({
      apiVersion: 'v1',
      kind: 'Secret',
      type: tokenType,
      metadata: {
        name: secretName(token.id),
        namespace: tokenNamespace,
        annotations: { [usesLeftAnnotation]: String(options.uses), [rolesAnnotation]: options.roles },
      },
      stringData: {
        'token-id': token.id,
        'token-secret': token.secret,
        expiration: rfc3339(Date.now() + lifetimeMs),
        description: `Hosts join with it (${options.roles === '' ? 'into the pool' : options.roles})`,
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': hostsGroup,
      },
    });
    console.log(
      joinLine({
        server,
        token: `${token.id}.${token.secret}`,
        roles: options.roles,
        scriptDigest: createHash('sha256').update(script).digest('hex'),
        caHash: authorityHash(authority),
      }),
    );
  } finally {
    await client.close();
  }
}

/** The digest of the authority's public key, as kubeadm writes it. */
export function authorityHash(pem: string): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

interface JoinLine {
  readonly server: string;
  readonly token: string;
  readonly roles: string;
  readonly scriptDigest: string;
  readonly caHash: string;
}

/** For a POSIX shell, as root. Nothing of what it fetches runs before its digest is checked. */
function joinLine({ server, token, roles, scriptDigest, caHash }: JoinLine): string {
  const flags = `--server ${server} --token ${token} --ca-hash ${caHash} --roles '${roles}'`;
  return (
    `f=$(mktemp) && curl -fsSk -o "$f" ${server}/join/install.sh && ` +
    `echo "${scriptDigest}  $f" | sha256sum --check --quiet - && sh "$f" ${flags}; s=$?; rm -f "$f"; (exit $s)`
  );
}

async function read(client: Client, path: string): Promise<string> {
  const { body } = await client.request({ method: 'GET', path });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function serverUrl(client: Client): Promise<string> {
  const { subsets = [] }: Endpoints = await client
    .resource(endpoints)
    .get({ namespace: 'default', name: 'kubernetes' });
  const [address] = subsets[0]?.addresses ?? [];
  const [port] = subsets[0]?.ports ?? [];
  if (address === undefined || port === undefined)
    throw new UserError('The server tells no address of its own; name one that hosts reach with --server');
  return `https://${address.ip}:${port.port}`;
}

function parseDuration(text: string): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  if (match === null || Number(match[1]) === 0)
    throw new UserError(`"${text}" is not a time to live; write it as 30m, 24h or 7d`);
  return Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
}

function randomText(length: number): string {
  return Array.from({ length }, () => letters[randomInt(letters.length)]).join('');
}
