import { createSecretKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isJsonObject, type JsonObject } from '../../machinery/json.ts';
import { StartupError } from '../../machinery/startup-error.ts';
import { aesCbc, aesGcm, type EncryptionKey, identityProvider, type Provider } from './providers.ts';

/** How the objects of some resources are kept: written by the first provider, read by whichever wrote them. */
export interface EncryptionRule {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group), `*.*`. */
  readonly resources: readonly string[];
  readonly providers: readonly [Provider, ...Provider[]];
}

/** Reads an apiserver.config.k8s.io/v1 EncryptionConfiguration. Throws a StartupError that says what is wrong. */
export async function readEncryptionConfiguration(path: string): Promise<readonly EncryptionRule[]> {
  try {
    const { parse } = await import('yaml');
    return rulesOf(parse(await readFile(path, 'utf8')));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartupError(`Encryption configuration ${path} cannot be used: ${why}`, { cause: error });
  }
}

function rulesOf(value: unknown): EncryptionRule[] {
  if (!isJsonObject(value) || value['kind'] !== 'EncryptionConfiguration')
    throw new Error('it is no EncryptionConfiguration');
  if (value['apiVersion'] !== 'apiserver.config.k8s.io/v1')
    throw new Error('its apiVersion is not apiserver.config.k8s.io/v1');
  const rules = listOf(value, 'resources', 'it').map((entry, at) => ruleOf(entry, `resources[${at}]`));
  if (rules.length === 0) throw new Error('it names no resources');
  return rules;
}

function ruleOf(entry: JsonObject, path: string): EncryptionRule {
  const { resources } = entry;
  const isList =
    Array.isArray(resources) && resources.length > 0 && resources.every((name) => typeof name === 'string');
  if (!isList) throw new Error(`${path}.resources is no list of resources`);
  const [first, ...rest] = listOf(entry, 'providers', path).flatMap((provider, at) =>
    providersOf(provider, `${path}.providers[${at}]`),
  );
  if (first === undefined) throw new Error(`${path} has no providers`);
  return { resources: resources as string[], providers: [first, ...rest] };
}

/** One provider a key: each is tried by its prefix. */
function providersOf(entry: JsonObject, path: string): Provider[] {
  const [kind, ...more] = Object.keys(entry);
  if (kind === undefined || more.length > 0) throw new Error(`${path} must be exactly one provider`);
  switch (kind) {
    case 'identity':
      return [identityProvider];
    case 'aesgcm':
      return keysOf(entry[kind], `${path}.aesgcm`, [16, 24, 32]).map(aesGcm);
    case 'aescbc':
      return keysOf(entry[kind], `${path}.aescbc`, [16, 24, 32]).map(aesCbc);
    case 'secretbox':
      throw new Error(`${path} is secretbox, which this program has no cipher for; use aesgcm`);
    case 'kms':
      throw new Error(`${path} is kms, which this program does not speak; use aesgcm`);
    default:
      throw new Error(`${path} is ${JSON.stringify(kind)}, which is no provider; use aesgcm, aescbc or identity`);
  }
}

function keysOf(value: unknown, path: string, sizes: readonly number[]): EncryptionKey[] {
  if (!isJsonObject(value)) throw new Error(`${path} is no object`);
  const names = new Set<string>();
  const keys = listOf(value, 'keys', path).map(({ name, secret }, at): EncryptionKey => {
    const isName = typeof name === 'string' && name !== '' && !name.includes(':');
    if (!isName) throw new Error(`${path}.keys[${at}].name must be a text without a colon`);
    if (names.has(name)) throw new Error(`${path}.keys has two keys of the name ${JSON.stringify(name)}`);
    names.add(name);
    const bytes = Buffer.from(typeof secret === 'string' ? secret : '', 'base64');
    if (!sizes.includes(bytes.length)) {
      throw new Error(`${path}.keys[${at}].secret must be ${sizes.join(', ')} bytes in base64, and is ${bytes.length}`);
    }
    return { name, key: createSecretKey(bytes) };
  });
  if (keys.length === 0) throw new Error(`${path} has no keys`);
  return keys;
}

function listOf(value: JsonObject, field: string, path: string): JsonObject[] {
  const list = value[field];
  if (!Array.isArray(list) || !list.every(isJsonObject)) throw new Error(`${path} has no list of objects in ${field}`);
  return list;
}
