import { timingSafeEqual } from 'node:crypto';
import { unauthorized } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import type { TokenVerifier } from './bearer-token.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const secrets = { group: '', resource: 'secrets' };

/** Tokens with which a new host says hello: Secrets `kube-system/bootstrap-token-<id>`. */
export function bootstrapTokenVerifier(objects: ObjectAccess, now: () => number): TokenVerifier {
  return {
    async verify(token) {
      const match = form.exec(token);
      if (match?.[1] === undefined || match[2] === undefined) return undefined;
      const [, id, secret] = match;
      const data = secretData(objects, id);
      if (data === undefined) throw unauthorized();
      const usable =
        sameText(data['token-secret'], secret) &&
        data['token-id'] === id &&
        data['usage-bootstrap-authentication'] === 'true' &&
        !isExpired(data['expiration'], now());
      if (!usable) throw unauthorized();
      const user = {
        name: `system:bootstrap:${id}`,
        groups: ['system:bootstrappers', ...extraGroups(data['auth-extra-groups'])],
      };
      return { user, audiences: [] };
    },
  };
}

function secretData(objects: ObjectAccess, id: string): Record<string, string> | undefined {
  const secret = objects.get(secrets, 'kube-system', `bootstrap-token-${id}`);
  if (secret?.['type'] !== 'bootstrap.kubernetes.io/token') return undefined;
  if (secret.metadata.deletionTimestamp !== undefined) return undefined;
  const data = (secret['data'] ?? {}) as Record<string, string>;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

function sameText(a: string | undefined, b: string): boolean {
  if (a === undefined || a.length !== b.length) return false;
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function isExpired(expiration: string | undefined, now: number): boolean {
  if (expiration === undefined || expiration === '') return false;
  const at = Date.parse(expiration);
  return Number.isNaN(at) || at <= now;
}

function extraGroups(text: string | undefined): string[] {
  return (text ?? '').split(',').filter((group) => /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
}
