import { constants, type KeyObject, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { isJsonObject, type JsonObject } from '../../../machinery/json.ts';
import { decodeTokenPart } from '../service-account-token.ts';

/** Longer texts are no tokens that any provider makes. */
const tokenLengthMax = 32 * 1024;

interface Algorithm {
  readonly hash: string;
  readonly keyType: 'rsa' | 'ec';
  /** Of an `ec` key. */
  readonly curve?: string;
  readonly options: Omit<VerifyKeyObjectInput, 'key'>;
}

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const ieee = { dsaEncoding: 'ieee-p1363' } as const;

/** Asymmetric ones only: with `none` or a MAC, whoever verifies could sign. */
export const knownAlgorithms: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['RS256', { hash: 'sha256', keyType: 'rsa', options: {} }],
  ['RS384', { hash: 'sha384', keyType: 'rsa', options: {} }],
  ['RS512', { hash: 'sha512', keyType: 'rsa', options: {} }],
  ['PS256', { hash: 'sha256', keyType: 'rsa', options: pss }],
  ['PS384', { hash: 'sha384', keyType: 'rsa', options: pss }],
  ['PS512', { hash: 'sha512', keyType: 'rsa', options: pss }],
  ['ES256', { hash: 'sha256', keyType: 'ec', curve: 'prime256v1', options: ieee }],
  ['ES384', { hash: 'sha384', keyType: 'ec', curve: 'secp384r1', options: ieee }],
  ['ES512', { hash: 'sha512', keyType: 'ec', curve: 'secp521r1', options: ieee }],
]);

/** A token that has been taken apart and not verified. */
export interface ParsedToken {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly claims: JsonObject;
  readonly signed: string;
  readonly signature: Buffer;
}

/** Undefined for what is no JWT. */
export function parseToken(token: string): ParsedToken | undefined {
  if (token.length > tokenLengthMax) return undefined;
  const [head, body, signature, ...more] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || more.length > 0) return undefined;
  const header = decodeTokenPart(head);
  const claims = decodeTokenPart(body);
  if (!isJsonObject(header) || !isJsonObject(claims)) return undefined;
  const { alg, kid, crit } = header;
  // Extensions that must be understood, and are not.
  if (typeof alg !== 'string' || crit !== undefined) return undefined;
  return {
    algorithm: alg,
    keyId: typeof kid === 'string' ? kid : undefined,
    claims,
    signed: `${head}.${body}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** The key must be of the algorithm's own kind, whatever the token's header says. */
export function isSignedBy({ algorithm, signed, signature }: ParsedToken, key: KeyObject): boolean {
  const known = knownAlgorithms.get(algorithm);
  if (known === undefined || key.asymmetricKeyType !== known.keyType) return false;
  if (known.curve !== undefined && key.asymmetricKeyDetails?.namedCurve !== known.curve) return false;
  return verify(known.hash, Buffer.from(signed), { key, ...known.options }, signature);
}
