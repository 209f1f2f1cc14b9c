import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../api/certificates/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { Logger } from '../../machinery/logger.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type { ObjectAccess } from '../contract.ts';
import { type RequestedNames, readCertificateRequest } from '../pki/certificate-requests.ts';
import type { Pki } from '../pki/pki.ts';
import type { Authorizer } from '../request.ts';
import { isKubeletClientRequest, signers } from './signers.ts';

const requests = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const lifetimeSecondsMax = 365 * 24 * 3600;
const lifetimeSecondsMin = 600;
/** What failed is tried again, and what is old is forgotten, this often. */
const sweepIntervalMs = 60_000;
const hourMs = 3_600_000;
const pendingLifetimeMs = 24 * hourMs;

const nodePrefix = 'system:node:';
const nameTakenMessage =
  'a host or node of this name has joined already; remove it first (roadstead host remove), or join under another name';

export interface CertificateControllerOptions {
  readonly objects: ObjectAccess;
  readonly pki: Pki;
  readonly authorizer: Authorizer;
  readonly logger: Logger;
  /** ms since the epoch */
  readonly now: () => number;
}

/**
 * The built-in signers, in this process because the authority's key never leaves it: approves the requests of nodes for
 * themselves, signs what is approved, and forgets what is done. Runs until the answer is called.
 */
export function startCertificateController(options: CertificateControllerOptions): () => void {
  const { objects, logger } = options;
  /** One after the other: requests are few, and none is worked on twice at once. */
  let last: Promise<void> = Promise.resolve();
  const enqueue = (name: string): void => {
    last = last
      .then(() => reconcile(options, name))
      .catch((error: unknown) => {
        if (!isNotFound(error)) logger.warn({ err: error, request: name }, 'Certificate request was not worked on');
      });
  };
  const stop = objects.onChange(requests, ({ type, name, object }) => {
    if (type === 'put' && needsWork(as<CertificateSigningRequest>(object))) enqueue(name);
  });
  const sweep = (): void => {
    for (const { metadata } of objects.list(requests)) enqueue(metadata.name);
  };
  sweep();
  const timer = setInterval(sweep, sweepIntervalMs);
  timer.unref();
  return () => {
    stop();
    clearInterval(timer);
  };
}

function needsWork(request: CertificateSigningRequest): boolean {
  return !isIssued(request) && !has(request, 'Denied') && !has(request, 'Failed');
}

async function reconcile(options: CertificateControllerOptions, name: string): Promise<void> {
  const found = options.objects.get(requests, '', name);
  if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
  const request = as<CertificateSigningRequest>(found);
  if (isOver(request, options.now())) {
    await options.objects.delete(requests, '', name);
    return;
  }
  const check = signers[request.spec.signerName];
  if (check === undefined || !needsWork(request)) return;
  const pem = Buffer.from(request.spec.request, 'base64').toString();
  const names = await readCertificateRequest(pem);
  // Its write brings the request back here, approved.
  if (!has(request, 'Approved')) await approveOwn(options, request, names);
  else await sign(options, request, { pem, names, problem: check(names, request.spec) });
}

/** A bootstrapping host, or a node whose certificate comes to its end, if policy lets it. */
async function approveOwn(
  options: CertificateControllerOptions,
  request: CertificateSigningRequest,
  names: RequestedNames,
): Promise<void> {
  const { spec } = request;
  if (!isKubeletClientRequest(names, spec)) return;
  const taken = isTaken(options.objects, names.commonName.slice(nodePrefix.length));
  if (taken && (spec.username ?? '').startsWith('system:bootstrap:')) {
    await addCondition(
      options,
      request,
      { type: 'Denied', reason: 'NameTaken', message: nameTakenMessage },
      'approval',
    );
    return;
  }
  const isSelf = spec.username === names.commonName;
  const ways = [
    ...(isSelf
      ? [
          {
            subresource: 'selfnodeclient',
            message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
          },
        ]
      : []),
    { subresource: 'nodeclient', message: 'Auto approving kubelet client certificate after SubjectAccessReview.' },
  ];
  for (const { subresource, message } of ways) {
    if (!(await mayCreate(options.authorizer, request, subresource))) continue;
    await addCondition(options, request, { type: 'Approved', reason: 'AutoApproved', message }, 'approval');
    return;
  }
}

/** A token must not make its holder a host that is there already. */
function isTaken(objects: ObjectAccess, name: string): boolean {
  const nodes = { group: '', resource: 'nodes' };
  const hosts = { group: 'fleet.roadstead.dev', resource: 'hosts' };
  return [nodes, hosts].some((of) => objects.names(of).includes(name));
}

async function mayCreate(
  authorizer: Authorizer,
  { spec }: CertificateSigningRequest,
  subresource: string,
): Promise<boolean> {
  const { username = '', uid, groups = [], extra } = spec;
  const { decision } = await authorizer.authorize({
    user: { name: username, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) },
    verb: 'create',
    isResourceRequest: true,
    ...requests,
    version: '*',
    subresource,
    namespace: '',
    name: '',
    path: '',
  });
  return decision === 'allow';
}

async function sign(
  options: CertificateControllerOptions,
  request: CertificateSigningRequest,
  { pem, names, problem }: { pem: string; names: RequestedNames; problem: string | undefined },
): Promise<void> {
  if (problem !== undefined) {
    await fail(options, request, problem);
    return;
  }
  const { usages = [], expirationSeconds = lifetimeSecondsMax } = request.spec;
  const lifetimeSeconds = Math.min(Math.max(expirationSeconds, lifetimeSecondsMin), lifetimeSecondsMax);
  let certificate: string;
  try {
    certificate = await options.pki.signRequest(pem, {
      ...names,
      usage: usages.includes('server auth') ? 'server' : 'client',
      usages,
      lifetimeMs: lifetimeSeconds * 1000,
    });
  } catch (error) {
    // Its own signature does not hold, or its key is of a kind that nobody can certify: it never will be signed.
    await fail(options, request, error instanceof Error ? error.message : String(error));
    return;
  }
  await options.objects.modify(
    requests,
    '',
    request.metadata.name,
    (object) => {
      const current = as<CertificateSigningRequest>(object);
      if (isIssued(current)) return false;
      current.status = { ...current.status, certificate: Buffer.from(certificate).toString('base64') };
      return true;
    },
    'status',
  );
}

function fail(
  options: CertificateControllerOptions,
  request: CertificateSigningRequest,
  message: string,
): Promise<void> {
  return addCondition(options, request, { type: 'Failed', reason: 'SignerValidationFailure', message }, 'status');
}

async function addCondition(
  { objects, now }: CertificateControllerOptions,
  request: CertificateSigningRequest,
  condition: Pick<CertificateSigningRequestCondition, 'type' | 'reason' | 'message'>,
  subresource: 'approval' | 'status',
): Promise<void> {
  const at = rfc3339(now());
  await objects.modify(
    requests,
    '',
    request.metadata.name,
    (object) => {
      const current = as<CertificateSigningRequest>(object);
      if (has(current, condition.type)) return false;
      const added = { ...condition, status: 'True', lastUpdateTime: at, lastTransitionTime: at };
      current.status = { ...current.status, conditions: [...(current.status?.conditions ?? []), added] };
      return true;
    },
    subresource,
  );
}

/** As upstream's cleaner: what was decided stays for an hour, what nobody decided for a day. */
function isOver(request: CertificateSigningRequest, now: number): boolean {
  const { creationTimestamp = '' } = request.metadata;
  const age = (timestamp: string | undefined): number => now - Date.parse(timestamp ?? creationTimestamp);
  const decisions = request.status?.conditions ?? [];
  const decided = decisions.filter(({ type }) => ['Approved', 'Denied', 'Failed'].includes(type));
  if (decided.length === 0) return age(creationTimestamp) > pendingLifetimeMs;
  if (has(request, 'Approved') && !isIssued(request) && !has(request, 'Failed')) {
    return age(creationTimestamp) > pendingLifetimeMs;
  }
  return decided.every(({ lastUpdateTime }) => age(lastUpdateTime) > hourMs);
}

function has({ status }: CertificateSigningRequest, type: string): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type && condition.status !== 'False');
}

function isIssued({ status }: CertificateSigningRequest): boolean {
  return (status?.certificate ?? '') !== '';
}
