import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';

export interface EncryptionKey {
  readonly name: string;
  readonly key: KeyObject;
}

/** Turns values into what is stored and back, as k8s.io/apiserver/pkg/storage/value/encrypt does, byte for byte. */
export interface Provider {
  /** Of everything that `encrypt` makes; a stored value with it is this provider's. `''` for values in clear. */
  readonly prefix: string;
  encrypt(value: Uint8Array, storeKey: string): Uint8Array;
  /** Throws for a value that was made with another key, or changed, or moved from another store key. */
  decrypt(stored: Uint8Array, storeKey: string): Uint8Array;
}

export const identityProvider: Provider = { prefix: '', encrypt: (value) => value, decrypt: (stored) => stored };

const gcmNonceBytes = 12;
const gcmTagBytes = 16;

/** AES-GCM, bound to the store key, so that no value can be put in another's place. */
export function aesGcm({ name, key }: EncryptionKey): Provider {
  const cipherName = `aes-${(key.symmetricKeySize ?? 0) * 8}-gcm` as 'aes-256-gcm';
  const prefix = `k8s:enc:aesgcm:v1:${name}:`;
  const head = Buffer.from(prefix);
  return {
    prefix,
    encrypt(value, storeKey) {
      const nonce = randomBytes(gcmNonceBytes);
      const cipher = createCipheriv(cipherName, key, nonce).setAAD(Buffer.from(storeKey));
      const sealed = cipher.update(value);
      return Buffer.concat([head, nonce, sealed, cipher.final(), cipher.getAuthTag()]);
    },
    decrypt(stored, storeKey) {
      const body = stored.subarray(head.length);
      if (body.length < gcmNonceBytes + gcmTagBytes) throw new Error('the stored data is too short');
      const decipher = createDecipheriv(cipherName, key, body.subarray(0, gcmNonceBytes), {
        authTagLength: gcmTagBytes,
      });
      decipher.setAAD(Buffer.from(storeKey)).setAuthTag(body.subarray(-gcmTagBytes));
      return Buffer.concat([decipher.update(body.subarray(gcmNonceBytes, -gcmTagBytes)), decipher.final()]);
    },
  };
}

const cbcBlockBytes = 16;

/** AES-CBC with PKCS #7 padding. Not authenticated; kept for stores that were written with it. */
export function aesCbc({ name, key }: EncryptionKey): Provider {
  const cipherName = `aes-${(key.symmetricKeySize ?? 0) * 8}-cbc`;
  const prefix = `k8s:enc:aescbc:v1:${name}:`;
  const head = Buffer.from(prefix);
  return {
    prefix,
    encrypt(value) {
      const vector = randomBytes(cbcBlockBytes);
      const cipher = createCipheriv(cipherName, key, vector);
      return Buffer.concat([head, vector, cipher.update(value), cipher.final()]);
    },
    decrypt(stored) {
      const body = stored.subarray(head.length);
      if (body.length < cbcBlockBytes) throw new Error('the stored data is too short');
      const decipher = createDecipheriv(cipherName, key, body.subarray(0, cbcBlockBytes));
      return Buffer.concat([decipher.update(body.subarray(cbcBlockBytes)), decipher.final()]);
    },
  };
}
