import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../machinery/startup-error.ts';
import { createAuthority, issueForCsr, issueLeaf, type KeyPair, type LeafRequest } from './certificates.ts';

const dayMs = 24 * 3600 * 1000;
const leafLifetimeMs = 365 * dayMs;
/** A certificate found with less than this left is issued anew. */
const renewBeforeMs = 90 * dayMs;

export interface PkiOptions {
  /** `<data>/pki`; made when absent, files 0600. */
  readonly directory: string;
  readonly clusterDomain: string;
  /** The first address of the service network. */
  readonly serviceIp: string;
  /** Further names or addresses under which clients reach the server. */
  readonly extraNames?: readonly string[];
  readonly now: () => number;
}

/** The cluster's own authority and what it has issued, kept on disk and reused. */
export interface Pki {
  /** PEM. */
  readonly caCertificate: string;
  /** PEM; an authority of its own, since who shows its certificate is believed to speak for others. */
  readonly frontProxyCaCertificate: string;
  /** As it was at the start. */
  readonly serving: KeyPair;
  /** The same while it is good, a new one when its end comes near or this host has got other addresses. */
  currentServing(): Promise<KeyPair>;
  /** Signs service-account tokens. */
  readonly serviceAccountKey: KeyObject;
  /** `system:masters`; issued on first use, then kept on disk. */
  adminCredentials(): Promise<KeyPair>;
  /** `system:node:<name>` in `system:nodes`; issued on first use, then kept on disk. */
  nodeCredentials(nodeName: string): Promise<KeyPair>;
  /** What extension servers know this server by; issued on first use, then kept on disk. */
  frontProxyCredentials(): Promise<KeyPair>;
  /** A client certificate with a new key, kept nowhere. */
  issueClient(commonName: string, organizations: readonly string[], lifetimeMs?: number): Promise<KeyPair>;
  /** Signs the key of a PEM certificate signing request under the names given here. */
  signRequest(csrPem: string, request: LeafRequest): Promise<string>;
}

export async function openPki(options: PkiOptions): Promise<Pki> {
  const { directory, now } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const authority = await authorityIn(directory, 'ca', now());
  const frontProxy = await authorityIn(directory, 'front-proxy-ca', now());
  const leaf = (name: string, request: LeafRequest): Promise<KeyPair> =>
    leafIn(directory, name, { authority, request, now: now() });
  return {
    caCertificate: authority.certificate,
    serving: await leaf('apiserver', servingRequest(options)),
    currentServing: () => leaf('apiserver', servingRequest(options)),
    serviceAccountKey: await serviceAccountKeyIn(directory),
    adminCredentials: () => leaf('admin', clientRequest('kubernetes-admin', ['system:masters'])),
    nodeCredentials: (nodeName) => leaf(`node-${nodeName}`, clientRequest(`system:node:${nodeName}`, ['system:nodes'])),
    frontProxyCaCertificate: frontProxy.certificate,
    frontProxyCredentials: () =>
      leafIn(directory, 'front-proxy-client', {
        authority: frontProxy,
        request: clientRequest('front-proxy-client', []),
        now: now(),
      }),
    issueClient: (commonName, organizations, lifetimeMs = leafLifetimeMs) =>
      issueLeaf(authority, { ...clientRequest(commonName, organizations), lifetimeMs }, now()),
    signRequest: (csrPem, request) => issueForCsr(authority, csrPem, request, now()),
  };
}

function clientRequest(commonName: string, organizations: readonly string[]): LeafRequest {
  return { commonName, organizations, usage: 'client', lifetimeMs: leafLifetimeMs };
}

function servingRequest({ clusterDomain, serviceIp, extraNames = [] }: PkiOptions): LeafRequest {
  const isIp = (name: string): boolean => /^[\d.]+$|:/.test(name);
  const service = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${clusterDomain}`,
  ];
  return {
    commonName: 'kube-apiserver',
    usage: 'server',
    dnsNames: [...new Set(['localhost', hostname(), ...service, ...extraNames.filter((name) => !isIp(name))])],
    ips: [...new Set(['127.0.0.1', '::1', serviceIp, ...hostAddresses(), ...extraNames.filter(isIp)])],
    lifetimeMs: leafLifetimeMs,
  };
}

function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address }) => address);
}

async function authorityIn(directory: string, name: string, now: number): Promise<KeyPair> {
  const kept = await readPair(directory, name);
  if (kept !== undefined) return usableAuthority(kept, join(directory, `${name}.crt`), now);
  if ((await readOptional(join(directory, `${name}.crt`))) !== undefined) {
    throw new StartupError(`${join(directory, `${name}.key`)} is missing; restore it from a backup`);
  }
  const made = await createAuthority(`roadstead-${name}`, now);
  await writePair(directory, name, made);
  return made;
}

/** Everything in the cluster hangs on it, so it is never replaced without being asked. */
function usableAuthority(kept: KeyPair, path: string, now: number): KeyPair {
  const certificate = readCertificate(kept);
  if (certificate === undefined) {
    throw new StartupError(`${path} or its key is damaged; restore both from a backup`);
  }
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (now < from || now > to) {
    const span = `from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
    throw new StartupError(
      `The clock of this host says ${new Date(now).toISOString()}, but ${path} is valid ${span}; set the clock right`,
    );
  }
  return kept;
}

/** Undefined when it cannot be read, or is not the one of the key. */
function readCertificate({ certificate, key }: KeyPair): X509Certificate | undefined {
  try {
    const read = new X509Certificate(certificate);
    return read.checkPrivateKey(createPrivateKey(key)) ? read : undefined;
  } catch {
    return undefined;
  }
}

interface LeafNeed {
  readonly authority: KeyPair;
  readonly request: LeafRequest;
  readonly now: number;
}

async function leafIn(directory: string, name: string, { authority, request, now }: LeafNeed): Promise<KeyPair> {
  const kept = await readPair(directory, name);
  if (kept !== undefined && isStillGood(kept, authority, request, now)) return kept;
  const issued = await issueLeaf(authority, request, now);
  await writePair(directory, name, issued);
  return issued;
}

/** From our authority, not near its end, and for every name that is asked for now (a host's addresses change). */
function isStillGood(kept: KeyPair, authority: KeyPair, request: LeafRequest, now: number): boolean {
  const certificate = readCertificate(kept);
  if (certificate === undefined || Date.parse(certificate.validFrom) > now) return false;
  if (Date.parse(certificate.validTo) - now < renewBeforeMs) return false;
  if (!certificate.verify(new X509Certificate(authority.certificate).publicKey)) return false;
  return (
    (request.dnsNames ?? []).every((name) => certificate.checkHost(name) !== undefined) &&
    (request.ips ?? []).every((ip) => certificate.checkIP(ip) !== undefined)
  );
}

async function serviceAccountKeyIn(directory: string): Promise<KeyObject> {
  const path = join(directory, 'sa.key');
  const kept = await readOptional(path);
  if (kept !== undefined) return readPrivateKey(kept, path);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeSecret(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return privateKey;
}

function readPrivateKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new StartupError(
      `${path} is damaged; restore it from a backup, or remove it to invalidate every service account token`,
      { cause: error },
    );
  }
}

async function readPair(directory: string, name: string): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all([
    readOptional(join(directory, `${name}.crt`)),
    readOptional(join(directory, `${name}.key`)),
  ]);
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

async function writePair(directory: string, name: string, pair: KeyPair): Promise<void> {
  // The key first: a certificate on disk then always has its key.
  await writeSecret(join(directory, `${name}.key`), pair.key);
  await writeSecret(join(directory, `${name}.crt`), pair.certificate);
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`Cannot read ${path}`, { cause: error });
  }
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export async function writeSecret(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}
