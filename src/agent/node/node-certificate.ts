import { webcrypto, X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../api/certificates/v1/types.generated.ts';
import { certificateSigningRequests } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import type { Logger } from '../../machinery/logger.ts';
import { pause } from '../pause.ts';

/** Part of a certificate's life after which a new one is asked for: upstream's 70 to 90 %, so that a fleet spreads out. */
const renewAfter = { from: 0.7, to: 0.9 };
/** How long a wait is at most before the clock is looked at again. */
const checkMsMax = 60 * 60 * 1000;
const retryMs = 60_000;
const issuePollMs = 1000;
/** Approval may need a person; then the next request comes with the next retry. */
const issuePatienceMs = 15 * 60 * 1000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM. */
export interface NodeCredentials {
  readonly certificate: string;
  readonly key: string;
}

export interface NodeCertificateOptions {
  readonly client: Client;
  readonly nodeName: string;
  /** PEM of the certificate in use. */
  readonly certificate: string;
  /** Keeps the new credentials for the next start and uses them from now on. */
  readonly install: (credentials: NodeCredentials) => Promise<void>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Renews the certificate by which the server knows this node, again and again, until the signal aborts. */
export async function keepNodeCertificate(options: NodeCertificateOptions): Promise<void> {
  const { now, random, logger, signal } = options;
  let { certificate } = options;
  let renewAt = renewalTime(certificate, random());
  while (!signal.aborted) {
    const left = renewAt - now();
    if (left > 0) {
      await pause(Math.min(left, checkMsMax), signal);
      continue;
    }
    try {
      const renewed = await requestCertificate(options);
      await options.install(renewed);
      certificate = renewed.certificate;
      renewAt = renewalTime(certificate, random());
      logger.info({ renewAt: new Date(renewAt) }, 'Certificate of the node was renewed');
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'Certificate of the node could not be renewed');
      await pause(retryMs, signal);
    }
  }
}

function renewalTime(certificate: string, random: number): number {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  return from + (to - from) * (renewAfter.from + (renewAfter.to - renewAfter.from) * random);
}

/** A certificate for a new key, from the server's signer. */
export async function requestCertificate(
  options: Pick<NodeCertificateOptions, 'client' | 'nodeName' | 'now' | 'signal'>,
): Promise<NodeCredentials> {
  const { client, nodeName, now, signal } = options;
  const { request, key } = await newRequest(nodeName);
  const requests = client.resource(certificateSigningRequests);
  const created = await requests.create({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: '', generateName: 'csr-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    },
  });
  const name = created.metadata.name ?? '';
  for (const deadline = now() + issuePatienceMs; now() < deadline && !signal.aborted; ) {
    const certificate = issued(await requests.get({ name }, signal));
    if (certificate !== undefined) return { certificate, key };
    await pause(issuePollMs, signal);
  }
  throw new Error(`CertificateSigningRequest ${name} was not signed in time`);
}

function issued({ metadata, status }: CertificateSigningRequest): string | undefined {
  const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (refusal !== undefined) {
    throw new Error(`CertificateSigningRequest ${metadata.name} was refused: ${refusal.message ?? refusal.type}`);
  }
  const { certificate } = status ?? {};
  return certificate === undefined || certificate === '' ? undefined : Buffer.from(certificate, 'base64').toString();
}

async function newRequest(nodeName: string): Promise<{ request: string; key: string }> {
  // Loaded when needed: once in months.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: ['system:nodes'] }, { CN: [`system:node:${nodeName}`] }],
    keys,
    signingAlgorithm: algorithm,
  });
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { request: request.toString('pem'), key: `${key}\n` };
}
