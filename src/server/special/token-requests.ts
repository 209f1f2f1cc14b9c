import type { TokenRequest, TokenRequestSpec } from '../../api/authentication/v1/types.generated.ts';
import type { Pod } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import type { UnknownObject } from '../../machinery/meta.ts';
import { badRequest, conflict, type FieldError, invalid, notFound } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import type {
  BoundObject,
  ServiceAccountClaims,
  ServiceAccountTokens,
} from '../authentication/service-account-token.ts';
import type { AdmissionChain, Api, ObjectAccess } from '../contract.ts';
import { readReview, sendCreated } from './object-body.ts';

const serviceAccounts = { group: '', resource: 'serviceaccounts' };
const tokenRequest = { group: 'authentication.k8s.io', kind: 'TokenRequest', schema: 'authentication/v1.TokenRequest' };
const defaultSeconds = 3600;
const secondsMin = 600;
const secondsMax = 2 ** 32;
/** What the token volume of a pod asks for. Clients that never read the file again keep working for a year. */
const podVolumeSeconds = 3607;
const extendedSeconds = 365 * 24 * 3600;

export interface TokenRequestOptions {
  readonly tokens: ServiceAccountTokens;
  readonly admission: AdmissionChain;
  readonly audiences: readonly string[];
  readonly now: () => number;
}

/** `serviceaccounts/<name>/token`: a token bound to the account and, when asked, to a pod, secret or node. */
export function serveTokenRequests(api: Api, { tokens, admission, audiences, now }: TokenRequestOptions): void {
  api.serve({ ...serviceAccounts, subresource: 'token' }, async (context) => {
    const { namespace, name } = context.info;
    const object = await readReview(context, tokenRequest);
    const account = await api.objects.getFresh(serviceAccounts, namespace, name);
    if (account === undefined) throw notFound(serviceAccounts, name);
    const attributes = {
      operation: 'CREATE' as const,
      user: context.user,
      ...serviceAccounts,
      version: 'v1',
      kind: 'TokenRequest',
      subresource: 'token',
      namespace,
      name,
      dryRun: false,
      object,
      options: {},
      warnings: context.warnings,
    };
    await admission.admit(attributes);
    await admission.validate(attributes);
    const request = as<TokenRequest>(object);
    const spec = withDefaults(request.spec, audiences);
    requireValid(name, spec);
    const bound = await findBound(api.objects, namespace, { account, spec });
    const isExtended =
      spec.expirationSeconds === podVolumeSeconds &&
      bound.pod !== undefined &&
      sameAudiences(spec.audiences, audiences);
    const token = tokens.sign({
      namespace,
      serviceAccount: { name, uid: account.metadata.uid ?? '' },
      ...bound,
      audiences: spec.audiences,
      lifetimeSeconds: isExtended ? extendedSeconds : spec.expirationSeconds,
      ...(isExtended ? { warnAfterSeconds: spec.expirationSeconds } : {}),
    });
    const metadata = { ...request.metadata, name, namespace, creationTimestamp: rfc3339(now()) };
    const status = { token, expirationTimestamp: rfc3339(now() + spec.expirationSeconds * 1000) };
    await sendCreated(context, {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata,
      spec,
      status,
    });
  });
}

type CompleteSpec = TokenRequestSpec & { audiences: string[]; expirationSeconds: number };

function withDefaults(spec: TokenRequestSpec | undefined, audiences: readonly string[]): CompleteSpec {
  const asked = spec?.audiences ?? [];
  return {
    ...spec,
    audiences: asked.length === 0 ? [...audiences] : asked,
    expirationSeconds: spec?.expirationSeconds ?? defaultSeconds,
  };
}

function requireValid(name: string, { expirationSeconds: value }: CompleteSpec): void {
  const field = 'spec.expirationSeconds';
  const errors: FieldError[] = [];
  if (value < secondsMin)
    errors.push({ type: 'invalid', field, value, detail: 'may not specify a duration less than 10 minutes' });
  if (value > secondsMax)
    errors.push({ type: 'invalid', field, value, detail: 'may not specify a duration larger than 2^32 seconds' });
  if (errors.length > 0) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, name, errors);
}

type Bound = Pick<ServiceAccountClaims, 'pod' | 'secret' | 'node'>;

async function findBound(
  objects: ObjectAccess,
  namespace: string,
  { account, spec }: { account: UnknownObject; spec: CompleteSpec },
): Promise<Bound> {
  const ref = spec.boundObjectRef;
  if (ref === undefined) return {};
  const { kind = '', apiVersion = '', name = '', uid = '' } = ref;
  const resource = boundKinds[kind];
  if (resource === undefined || apiVersion !== 'v1') {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to ${apiVersion}, Kind=${kind}`,
    );
  }
  const of = { group: '', resource };
  const object = await objects.getFresh(of, kind === 'Node' ? '' : namespace, name);
  if (object === undefined) throw notFound(of, name);
  const found: BoundObject = { name, uid: object.metadata.uid ?? '' };
  if (uid !== '' && uid !== found.uid) {
    throw conflict(
      of,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  if (kind === 'Node') return { node: found };
  if (kind === 'Secret') return { secret: found };
  const pod = as<Pod>(object);
  if ((pod.spec?.serviceAccountName ?? '') !== account.metadata.name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
    );
  }
  const node = nodeOf(objects, pod.spec?.nodeName);
  return node === undefined ? { pod: found } : { pod: found, node };
}

const boundKinds: Readonly<Record<string, string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' };

function nodeOf(objects: ObjectAccess, name: string | undefined): BoundObject | undefined {
  const node = name === undefined || name === '' ? undefined : objects.get({ group: '', resource: 'nodes' }, '', name);
  return node === undefined ? undefined : { name: node.metadata.name, uid: node.metadata.uid ?? '' };
}

function sameAudiences(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((audience) => b.includes(audience));
}
