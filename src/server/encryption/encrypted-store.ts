import {
  type RangeOptions,
  type RangeResult,
  type Store,
  type StoredValue,
  StoreError,
  type StoreEvent,
} from '../../store/contract.ts';
import { registryPrefix } from '../watch-cache/cache-hub.ts';
import type { EncryptionRule } from './configuration.ts';
import type { Provider } from './providers.ts';

/** What every provider's values begin with; JSON never does. */
export const encryptedMark = 'k8s:enc:';

type Providers = readonly [Provider, ...Provider[]];

/** A store whose values are encrypted on their way in and decrypted on their way out, where a rule says so. */
export class EncryptedStore implements Store {
  readonly #store: Store;
  readonly #rules: readonly EncryptionRule[];
  readonly #ofResource = new Map<string, Providers | undefined>();

  constructor(store: Store, rules: readonly EncryptionRule[]) {
    this.#store = store;
    this.#rules = rules;
  }

  async get(key: string): Promise<StoredValue | undefined> {
    const stored = await this.#store.get(key);
    return stored === undefined ? undefined : { ...stored, value: this.#decrypt(key, stored.value) };
  }

  async range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    const result = await this.#store.range(prefix, options);
    return {
      ...result,
      entries: result.entries.map((entry) => ({ ...entry, value: this.#decrypt(entry.key, entry.value) })),
    };
  }

  create(key: string, value: Uint8Array): Promise<number> {
    return this.#store.create(key, this.#encrypt(key, value));
  }

  update(key: string, value: Uint8Array, expected: number): Promise<number> {
    return this.#store.update(key, this.#encrypt(key, value), expected);
  }

  delete(key: string, expected: number): Promise<number> {
    return this.#store.delete(key, expected);
  }

  async *watch(prefix: string, afterRevision: number, signal: AbortSignal): AsyncGenerator<readonly StoreEvent[]> {
    for await (const events of this.#store.watch(prefix, afterRevision, signal)) {
      yield events.map((event) => {
        if (event.type === 'delete') return event;
        const value = this.#decrypt(event.key, event.value);
        // The very same event where nothing was encrypted: its bytes tell the writer's cache which object they are.
        return value === event.value ? event : { ...event, value };
      });
    }
  }

  compact(revision: number): Promise<void> {
    return this.#store.compact(revision);
  }

  currentRevision(): Promise<number> {
    return this.#store.currentRevision();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** Writes again what another provider than the first has written, so that a key that is replaced can be taken away. */
  async rewriteStale(pageSize = 500): Promise<number> {
    let rewritten = 0;
    let after: string | undefined;
    for (;;) {
      const page = await this.#store.range(registryPrefix, {
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
      });
      for (const { key, value, revision } of page.entries) {
        const writer = this.#providersOf(key)?.[0];
        if (!isStale(value, writer)) continue;
        await this.update(key, this.#decrypt(key, value), revision);
        rewritten += 1;
      }
      after = page.entries.at(-1)?.key;
      if (!page.more || after === undefined) return rewritten;
    }
  }

  #encrypt(key: string, value: Uint8Array): Uint8Array {
    return this.#providersOf(key)?.[0].encrypt(value, key) ?? value;
  }

  #decrypt(key: string, stored: Uint8Array): Uint8Array {
    if (!startsWith(stored, encryptedMark)) return stored;
    const provider = this.#providersOf(key)?.find(({ prefix }) => prefix !== '' && startsWith(stored, prefix));
    if (provider === undefined) {
      throw new StoreError(
        'corrupt',
        `Cannot decrypt ${key}: ${whoWrote(stored)}, which the configuration does not hold`,
        key,
      );
    }
    try {
      return provider.decrypt(stored, key);
    } catch (error) {
      const message = `Cannot decrypt ${key}: it was written with another key, or has been changed`;
      throw new StoreError('corrupt', message, key, { cause: error });
    }
  }

  #providersOf(key: string): Providers | undefined {
    const end = key.indexOf('/', key.indexOf('/', registryPrefix.length) + 1);
    const id = key.slice(registryPrefix.length, end);
    if (this.#ofResource.has(id)) return this.#ofResource.get(id);
    const [group = '', resource = ''] = id.split('/');
    const providers = this.#rules.find((rule) =>
      rule.resources.some((name) => covers(name, group, resource)),
    )?.providers;
    this.#ofResource.set(id, providers);
    return providers;
  }
}

/** Stored under another key or in another form than what is written now. */
function isStale(stored: Uint8Array, writer: Provider | undefined): boolean {
  const isEncrypted = startsWith(stored, encryptedMark);
  if (writer === undefined || writer.prefix === '') return isEncrypted && writer !== undefined;
  return !startsWith(stored, writer.prefix);
}

function covers(name: string, group: string, resource: string): boolean {
  const dot = name.indexOf('.');
  const ofGroup = dot < 0 ? '' : name.slice(dot + 1);
  const ofResource = dot < 0 ? name : name.slice(0, dot);
  const isGroup = ofGroup === '*' || (ofGroup === '' ? 'core' : ofGroup) === group;
  return isGroup && (ofResource === '*' || ofResource === resource);
}

/** `the key "one" of aesgcm`, from the prefix. */
function whoWrote(stored: Uint8Array): string {
  const [, , provider, , name] = Buffer.from(stored.subarray(0, 512)).toString('latin1').split(':');
  return `the key ${JSON.stringify(name ?? '')} of ${provider} wrote it`;
}

export function startsWith(bytes: Uint8Array, text: string): boolean {
  if (bytes.length < text.length) return false;
  for (let at = 0; at < text.length; at += 1) if (bytes[at] !== text.charCodeAt(at)) return false;
  return true;
}
