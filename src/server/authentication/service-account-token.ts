import { createHash, createPublicKey, type KeyObject, randomUUID, sign, verify } from 'node:crypto';
import type { UnknownObject } from '../../machinery/meta.ts';
import { unauthorized } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import type { UserInfo } from '../request.ts';
import type { TokenVerifier, VerifiedToken } from './bearer-token.ts';

/** Verified tokens remembered, so that the signature is checked once; objects and expiry are checked every time. */
const rememberedMax = 4096;

export interface BoundObject {
  readonly name: string;
  readonly uid: string;
}

/** What a token says besides who signed it. */
export interface ServiceAccountClaims {
  readonly namespace: string;
  readonly serviceAccount: BoundObject;
  readonly pod?: BoundObject;
  readonly secret?: BoundObject;
  readonly node?: BoundObject;
  readonly audiences: readonly string[];
  readonly lifetimeSeconds: number;
  /** Seconds after which a client still using the token is late to renew it. */
  readonly warnAfterSeconds?: number;
}

interface Payload {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly iss: string;
  readonly jti: string;
  readonly sub: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: BoundObject;
    readonly pod?: BoundObject;
    readonly secret?: BoundObject;
    readonly node?: BoundObject;
    readonly warnafter?: number;
  };
}

export interface ServiceAccountTokensOptions {
  /** ECDSA P-256 private key. */
  readonly key: KeyObject;
  readonly issuer: string;
  /** What a token is for when nobody says: the issuer itself, as upstream's --api-audiences. */
  readonly audiences: readonly string[];
  readonly objects: ObjectAccess;
  readonly now: () => number;
}

const serviceAccounts = { group: '', resource: 'serviceaccounts' };
const pods = { group: '', resource: 'pods' };
const secrets = { group: '', resource: 'secrets' };
const nodes = { group: '', resource: 'nodes' };

/** Signs and verifies the tokens of service accounts: ES256, bound to objects that must still be there. */
export class ServiceAccountTokens implements TokenVerifier {
  readonly #options: ServiceAccountTokensOptions;
  readonly #publicKey: KeyObject;
  readonly #keyId: string;
  readonly #head: string;
  readonly #verified = new Map<string, { payload: Payload; user: UserInfo }>();

  constructor(options: ServiceAccountTokensOptions) {
    this.#options = options;
    this.#publicKey = createPublicKey(options.key);
    this.#keyId = keyIdOf(this.#publicKey);
    this.#head = encodeTokenPart({ alg: 'ES256', kid: this.#keyId });
  }

  sign(claims: ServiceAccountClaims): string {
    const { issuer, now, key } = this.#options;
    const issuedAt = Math.floor(now() / 1000);
    const { namespace, serviceAccount, pod, secret, node } = claims;
    const payload: Payload = {
      aud: claims.audiences,
      exp: issuedAt + claims.lifetimeSeconds,
      iat: issuedAt,
      iss: issuer,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace,
        ...(node === undefined ? {} : { node }),
        ...(pod === undefined ? {} : { pod }),
        ...(secret === undefined ? {} : { secret }),
        serviceaccount: serviceAccount,
        ...(claims.warnAfterSeconds === undefined ? {} : { warnafter: issuedAt + claims.warnAfterSeconds }),
      },
      nbf: issuedAt,
      sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    };
    const signed = `${this.#head}.${encodeTokenPart(payload)}`;
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  async verify(token: string, audiences = this.#options.audiences): Promise<VerifiedToken | undefined> {
    const known = this.#verified.get(token) ?? this.#verifySignature(token);
    if (known === undefined) return undefined;
    const { payload, user } = known;
    const now = this.#options.now() / 1000;
    if (now > payload.exp || now < payload.nbf - 60) throw unauthorized();
    const shared = audiences.filter((audience) => payload.aud.includes(audience));
    if (shared.length === 0) throw unauthorized();
    await this.#requireObjects(payload);
    return { user, audiences: shared };
  }

  /** The document at `/openid/v1/jwks`. */
  keySet(): object {
    const { kty, crv, x, y } = this.#publicKey.export({ format: 'jwk' });
    return { keys: [{ use: 'sig', kty, kid: this.#keyId, crv, alg: 'ES256', x, y }] };
  }

  /** Undefined for what is not one of our tokens at all, so that another verifier may know it. */
  #verifySignature(token: string): { payload: Payload; user: UserInfo } | undefined {
    const [head, body, signature, ...more] = token.split('.');
    if (head === undefined || body === undefined || signature === undefined || more.length > 0) return undefined;
    const payload = decodeTokenPart(body) as Partial<Payload> | undefined;
    if (payload?.iss !== this.#options.issuer) return undefined;
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' as const };
    const isOurs =
      head === this.#head && verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
    if (!isOurs) throw unauthorized();
    // The signature is ours, so the payload is what sign() wrote.
    const trusted = payload as Payload;
    const known = { payload: trusted, user: userOf(trusted) };
    if (this.#verified.size >= rememberedMax) {
      const oldest = this.#verified.keys().next();
      if (oldest.done !== true) this.#verified.delete(oldest.value);
    }
    this.#verified.set(token, known);
    return known;
  }

  async #requireObjects(payload: Payload): Promise<void> {
    const { namespace, serviceaccount, pod, secret, node } = payload['kubernetes.io'];
    await this.#requireObject(serviceAccounts, namespace, serviceaccount);
    if (pod !== undefined) await this.#requireObject(pods, namespace, pod);
    if (secret !== undefined) await this.#requireObject(secrets, namespace, secret);
    if (pod === undefined && node !== undefined) await this.#requireObject(nodes, '', node);
  }

  async #requireObject(of: { group: string; resource: string }, namespace: string, bound: BoundObject): Promise<void> {
    const { objects, now } = this.#options;
    // A miss may only mean that the cache has not caught up with a write that was just acknowledged.
    const object = objects.get(of, namespace, bound.name) ?? (await objects.getFresh(of, namespace, bound.name));
    if (object === undefined || object.metadata.uid !== bound.uid || isLongDeleted(object, now())) throw unauthorized();
  }
}

/** Upstream lets a token live for a minute past the deletion of what it is bound to. */
function isLongDeleted({ metadata }: UnknownObject, now: number): boolean {
  const { deletionTimestamp } = metadata;
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + 60_000 < now;
}

function userOf(payload: Payload): UserInfo {
  const { namespace, serviceaccount, pod, node } = payload['kubernetes.io'];
  const prefix = 'authentication.kubernetes.io/';
  const extra: Record<string, string[]> = { [`${prefix}credential-id`]: [`JTI=${payload.jti}`] };
  if (node !== undefined) {
    extra[`${prefix}node-name`] = [node.name];
    extra[`${prefix}node-uid`] = [node.uid];
  }
  if (pod !== undefined) {
    extra[`${prefix}pod-name`] = [pod.name];
    extra[`${prefix}pod-uid`] = [pod.uid];
  }
  return {
    name: payload.sub,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
}

export function keyIdOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

export function encodeTokenPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

export function decodeTokenPart(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}
