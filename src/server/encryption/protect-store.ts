import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '../../machinery/logger.ts';
import { StartupError } from '../../machinery/startup-error.ts';
import { isStoreError, type Store } from '../../store/contract.ts';
import { writeSecret } from '../pki/pki.ts';
import { readEncryptionConfiguration } from './configuration.ts';
import { EncryptedStore, encryptedMark, startsWith } from './encrypted-store.ts';

export interface EncryptionOptions {
  /** An EncryptionConfiguration of the operator's. */
  readonly configurationFile?: string | undefined;
  /** Without one: makes a configuration of its own that encrypts Secrets. Once made, it holds in later starts too. */
  readonly encryptSecrets?: boolean | undefined;
}

const secretsPrefix = '/registry/core/secrets/';

/**
 * The store as the server uses it. Throws a StartupError when what is stored cannot be read with the keys at hand, before
 * anything is served.
 */
export async function protectStore(
  store: Store,
  options: EncryptionOptions & { readonly ownFile: string; readonly logger: Logger },
): Promise<Store> {
  const { ownFile, logger } = options;
  if (options.configurationFile === undefined && options.encryptSecrets === true && !existsSync(ownFile)) {
    await mkdir(dirname(ownFile), { recursive: true });
    await writeSecret(ownFile, ownConfiguration());
  }
  const file = options.configurationFile ?? (existsSync(ownFile) ? ownFile : undefined);
  if (file === undefined) {
    await requireReadable(store);
    return store;
  }
  const encrypted = new EncryptedStore(store, await readEncryptionConfiguration(file));
  const rewritten = await rewrite(encrypted, file);
  if (rewritten > 0) {
    // The history still holds them as they were, and would want the old key for as long.
    await encrypted.compact(await encrypted.currentRevision());
    logger.info({ rewritten }, 'Stored objects were encrypted anew');
  }
  return encrypted;
}

async function rewrite(store: EncryptedStore, file: string): Promise<number> {
  try {
    return await store.rewriteStale();
  } catch (error) {
    if (!isStoreError(error, 'corrupt')) throw error;
    throw new StartupError(`${error.message}; add the key it was written with to ${file}`, { cause: error });
  }
}

/** A server that has lost its configuration must not take ciphertext for objects. */
async function requireReadable(store: Store): Promise<void> {
  const { entries } = await store.range(secretsPrefix, { limit: 1 });
  if (entries.every(({ value }) => !startsWith(value, encryptedMark))) return;
  throw new StartupError(
    'Secrets in the store are encrypted; give the configuration with --encryption-provider-config',
  );
}

/** JSON, which is YAML too. */
function ownConfiguration(): string {
  const keys = [{ name: 'key1', secret: randomBytes(32).toString('base64') }];
  const resources = [{ resources: ['secrets'], providers: [{ aesgcm: { keys } }, { identity: {} }] }];
  const configuration = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources };
  return `${JSON.stringify(configuration, null, 2)}\n`;
}
