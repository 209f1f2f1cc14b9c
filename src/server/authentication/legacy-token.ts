import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { Secret } from '../../api/core/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { unauthorized } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import type { TokenVerifier, VerifiedToken } from './bearer-token.ts';
import { decodeTokenPart, encodeTokenPart, keyIdOf } from './service-account-token.ts';

const issuer = 'kubernetes/serviceaccount';
const prefix = 'kubernetes.io/serviceaccount';
const serviceAccounts = { group: '', resource: 'serviceaccounts' };
const secrets = { group: '', resource: 'secrets' };

export interface LegacyTokenSubject {
  readonly namespace: string;
  readonly secret: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
}

/** Tokens kept in Secrets of the type `kubernetes.io/service-account-token`: without end, as long as the Secret is there. */
export class LegacyTokens implements TokenVerifier {
  readonly #key: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #head: string;
  readonly #objects: ObjectAccess;
  readonly #audiences: readonly string[];

  constructor(options: { key: KeyObject; objects: ObjectAccess; audiences: readonly string[] }) {
    this.#key = options.key;
    this.#publicKey = createPublicKey(options.key);
    this.#head = encodeTokenPart({ alg: 'ES256', kid: keyIdOf(this.#publicKey) });
    this.#objects = options.objects;
    this.#audiences = options.audiences;
  }

  sign({ namespace, secret, serviceAccount }: LegacyTokenSubject): string {
    const body = encodeTokenPart({
      iss: issuer,
      [`${prefix}/namespace`]: namespace,
      [`${prefix}/secret.name`]: secret,
      [`${prefix}/service-account.name`]: serviceAccount.name,
      [`${prefix}/service-account.uid`]: serviceAccount.uid,
      sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    });
    const signed = `${this.#head}.${body}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  async verify(token: string, audiences = this.#audiences): Promise<VerifiedToken | undefined> {
    const subject = this.#read(token);
    if (subject === undefined) return undefined;
    const shared = audiences.filter((audience) => this.#audiences.includes(audience));
    if (shared.length === 0) throw unauthorized();
    const { namespace, secret, serviceAccount } = subject;
    const [account, kept] = await Promise.all([
      this.#objects.getFresh(serviceAccounts, namespace, serviceAccount.name),
      this.#objects.getFresh(secrets, namespace, secret),
    ]);
    const data = kept === undefined ? undefined : as<Secret>(kept).data?.['token'];
    const isKept = data !== undefined && Buffer.from(data, 'base64').toString() === token;
    if (account?.metadata.uid !== serviceAccount.uid || !isKept) throw unauthorized();
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    const name = `system:serviceaccount:${namespace}:${serviceAccount.name}`;
    return { user: { name, uid: serviceAccount.uid, groups }, audiences: shared };
  }

  /** Undefined for a token of another kind; throws 401 for one that says it is of this kind and is not ours. */
  #read(token: string): LegacyTokenSubject | undefined {
    const [head = '', body, signature, ...more] = token.split('.');
    if (body === undefined || signature === undefined || more.length > 0) return undefined;
    const claims = decodeTokenPart(body) as Record<string, string> | undefined;
    if (claims?.['iss'] !== issuer) return undefined;
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' as const };
    const isOurs =
      head === this.#head && verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
    if (!isOurs) throw unauthorized();
    const claim = (name: string): string => claims[`${prefix}/${name}`] ?? '';
    return {
      namespace: claim('namespace'),
      secret: claim('secret.name'),
      serviceAccount: { name: claim('service-account.name'), uid: claim('service-account.uid') },
    };
  }
}
