import { randomBytes, webcrypto } from 'node:crypto';
import type { X509Certificate, X509CertificateGenerator } from '@peculiar/x509';

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface LeafRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly usage: 'server' | 'client';
  /** The usages of a CertificateSigningRequest, in its words; default: those of `usage`. */
  readonly usages?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ips?: readonly string[];
  readonly lifetimeMs: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 24 * 3600 * 1000;
/** Clocks of hosts that join may be a little behind. */
const backdateMs = 5 * 60 * 1000;
const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';

type X509 = typeof import('@peculiar/x509');

/** Loaded on first use: most starts find every certificate on disk and issue none. */
async function loadX509(): Promise<X509> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  return x509;
}

export async function createAuthority(commonName: string, now: number): Promise<KeyPair> {
  const x509 = await loadX509();
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [commonName] }],
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + 3650 * dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys.privateKey) };
}

/** A new key pair and a certificate for it. */
export async function issueLeaf(authority: KeyPair, request: LeafRequest, now: number): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await signLeaf(authority, request, keys.publicKey, now);
  return { certificate, key: await privateKeyPem(keys.privateKey) };
}

/** A certificate for the key of a PEM certificate signing request whose own signature must hold; names come from `request`. */
export async function issueForCsr(
  authority: KeyPair,
  csrPem: string,
  request: LeafRequest,
  now: number,
): Promise<string> {
  const x509 = await loadX509();
  const csr = new x509.Pkcs10CertificateRequest(csrPem);
  if (!(await csr.verify())) throw new Error('The signature of the certificate signing request does not hold');
  return signLeaf(authority, request, await csr.publicKey.export(), now);
}

async function signLeaf(
  authority: KeyPair,
  request: LeafRequest,
  publicKey: webcrypto.CryptoKey,
  now: number,
): Promise<string> {
  const x509 = await loadX509();
  const issuer = new x509.X509Certificate(authority.certificate);
  const names = [
    ...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ips ?? []).map((value) => ({ type: 'ip' as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // Each organization is an attribute of its own: that is where Kubernetes reads the groups.
    subject: [...(request.organizations ?? []).map((name) => ({ O: [name] })), { CN: [request.commonName] }],
    issuer: issuer.subjectName,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + request.lifetimeMs),
    signingAlgorithm: algorithm,
    publicKey,
    signingKey: await importPrivateKey(x509, authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(keyUsageFlags(x509, request), true),
      new x509.ExtendedKeyUsageExtension(extendedUsages(request), false),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names, false)]),
    ],
  } satisfies Parameters<(typeof X509CertificateGenerator)['create']>[0]);
  return pem(certificate);
}

function keyUsageFlags({ KeyUsageFlags }: X509, { usages = [] }: LeafRequest): number {
  const flags = usages.includes('key encipherment') ? KeyUsageFlags.keyEncipherment : 0;
  return flags | KeyUsageFlags.digitalSignature;
}

function extendedUsages({ usage, usages }: LeafRequest): string[] {
  if (usages === undefined) return [usage === 'server' ? serverAuth : clientAuth];
  const purposes = { 'server auth': serverAuth, 'client auth': clientAuth };
  return Object.entries(purposes).flatMap(([name, id]) => (usages.includes(name) ? [id] : []));
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const { PemConverter } = await loadX509();
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function importPrivateKey(x509: X509, keyPem: string): Promise<webcrypto.CryptoKey> {
  const bytes = x509.PemConverter.decodeFirst(keyPem);
  return webcrypto.subtle.importKey('pkcs8', bytes, algorithm, false, ['sign']);
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

/** 16 random bytes, positive and without a leading zero. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}
