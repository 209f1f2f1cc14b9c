import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { get } from 'node:https';
import { isJsonObject, type JsonObject } from '../../../machinery/json.ts';
import type { IssuerConfiguration } from './configuration.ts';

const documentBytesMax = 1024 * 1024;
const fetchTimeoutMs = 10_000;
/** Tokens of unknown keys make the keys be read again, but no more often than this. */
const refetchMs = 10_000;
/** How long keys are used without asking whether they still hold. */
const keysLifetimeMs = 60 * 60 * 1000;

interface Key {
  readonly id: string | undefined;
  readonly key: KeyObject;
}

type IssuerAddress = Pick<IssuerConfiguration, 'url' | 'discoveryUrl' | 'certificateAuthority'>;

/** The public keys of one issuer: read when first needed, and again when a token names one that is not there. */
export class IssuerKeys {
  readonly #issuer: IssuerAddress;
  readonly #now: () => number;
  #keys: readonly Key[] = [];
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(issuer: IssuerAddress, now: () => number) {
    this.#issuer = issuer;
    this.#now = now;
  }

  /** Those that may have signed a token that names `keyId`. Rejects when there are none since they cannot be read. */
  async find(keyId: string | undefined): Promise<readonly KeyObject[]> {
    const isOld = this.#now() - this.#fetchedAt > keysLifetimeMs;
    const known = this.#named(keyId);
    if (known.length > 0 && !isOld) return known;
    // While the issuer is away, what was read before still verifies.
    await this.#fetch().catch((error: unknown) => {
      if (known.length === 0) throw error;
    });
    return this.#named(keyId);
  }

  #named(keyId: string | undefined): KeyObject[] {
    const keys = keyId === undefined ? this.#keys : this.#keys.filter(({ id }) => id === keyId || id === undefined);
    return keys.map(({ key }) => key);
  }

  async #fetch(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (this.#now() - this.#triedAt < refetchMs) return;
    this.#triedAt = this.#now();
    this.#fetching = this.#read().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #read(): Promise<void> {
    const { url, discoveryUrl, certificateAuthority } = this.#issuer;
    const address = discoveryUrl ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const discovery = await fetchJson(address, certificateAuthority);
    if (discovery['issuer'] !== url) {
      throw new Error(`${address} is of the issuer ${JSON.stringify(discovery['issuer'])}, and not of ${url}`);
    }
    const { jwks_uri: keysAddress } = discovery;
    if (typeof keysAddress !== 'string' || !keysAddress.startsWith('https://')) {
      throw new Error(`${address} has no jwks_uri with https`);
    }
    const { keys } = await fetchJson(keysAddress, certificateAuthority);
    if (!Array.isArray(keys)) throw new Error(`${keysAddress} has no keys`);
    this.#keys = keys.filter(isJsonObject).flatMap(readKey);
    this.#fetchedAt = this.#now();
  }
}

/** Nothing for a key that is not for signatures, or of a kind that is not known here. */
function readKey(jwk: JsonObject): Key[] {
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return [];
  if (jwk['kty'] !== 'RSA' && jwk['kty'] !== 'EC') return [];
  try {
    const key = createPublicKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' });
    return [{ id: typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined, key }];
  } catch {
    return [];
  }
}

function fetchJson(url: string, ca: string | undefined): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(new Error(`Cannot read ${url}`, { cause: error }));
    const options = { signal: AbortSignal.timeout(fetchTimeoutMs), agent: false, ...(ca === undefined ? {} : { ca }) };
    const request = get(url, options, (answer) => {
      if (answer.statusCode !== 200) {
        answer.destroy();
        fail(new Error(`the answer is ${answer.statusCode}`));
        return;
      }
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > documentBytesMax) answer.destroy(new Error(`it is larger than ${documentBytesMax} bytes`));
        else chunks.push(chunk);
      });
      answer.on('error', fail);
      answer.on('end', () => {
        try {
          const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
          if (!isJsonObject(value)) throw new Error('it is no JSON object');
          resolve(value);
        } catch (error) {
          fail(error);
        }
      });
    });
    request.on('error', fail);
  });
}
