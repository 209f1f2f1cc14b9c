import type { Secret } from '../../api/core/v1/types.generated.ts';
import type { RegistryAuth } from '../runtime/contract.ts';

const dockerHub = 'docker.io';

interface AuthEntry {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
}

/** The credentials in a pod's pull secrets that fit the image's registry, the most specific first. */
export function credentialsFor(image: string, secrets: readonly Secret[]): RegistryAuth[] {
  const { registry, path } = splitImage(image);
  const found: { length: number; auth: RegistryAuth }[] = [];
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(entriesOf(secret))) {
      const location = normalize(key);
      const fits = location.path === '' || path === location.path || path.startsWith(`${location.path}/`);
      if (!hostMatches(location.host, registry) || !fits) continue;
      const auth = authOf(entry, registry);
      if (auth !== undefined) found.push({ length: location.host.length + location.path.length, auth });
    }
  }
  return found.sort((a, b) => b.length - a.length).map(({ auth }) => auth);
}

function splitImage(image: string): { registry: string; path: string } {
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const hasRegistry = first.includes('.') || first.includes(':') || first === 'localhost';
  const rest = hasRegistry ? image.slice(slash + 1) : image;
  return { registry: hasRegistry ? first : dockerHub, path: rest.replace(/@.*$/, '').replace(/:[^/]*$/, '') };
}

function entriesOf(secret: Secret): Record<string, AuthEntry> {
  const decode = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64').toString());
  const config = secret.data?.['.dockerconfigjson'];
  const legacy = secret.data?.['.dockercfg'];
  try {
    if (config !== undefined) return (decode(config) as { auths?: Record<string, AuthEntry> }).auths ?? {};
    if (legacy !== undefined) return decode(legacy) as Record<string, AuthEntry>;
  } catch {
    return {};
  }
  return {};
}

function normalize(key: string): { host: string; path: string } {
  const bare = key.replace(/^https?:\/\//, '').replace(/\/$/, '');
  const slash = bare.indexOf('/');
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/^v[12]$/, '');
  return { host: host === 'index.docker.io' ? dockerHub : host, path };
}

/** `*.example.com` matches one label in place of the star. */
function hostMatches(pattern: string, host: string): boolean {
  const [wanted, given] = [pattern.split('.'), host.split('.')];
  return wanted.length === given.length && wanted.every((part, index) => part === '*' || part === given[index]);
}

function authOf(entry: AuthEntry, serverAddress: string): RegistryAuth | undefined {
  const { username, password } = entry;
  if (username !== undefined && password !== undefined) return { username, password, serverAddress };
  if (entry.auth === undefined) return undefined;
  const text = Buffer.from(entry.auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1), serverAddress };
}
