import { forbidden, isNotFound } from '../../machinery/status-error.ts';
import type { ObjectAccess } from '../contract.ts';
import type { AdmissionPlugin } from '../request.ts';

/** On the Secret of a bootstrap token: how many more certificates may be asked for with it; absent: any number. */
export const usesLeftAnnotation = 'fleet.roadstead.dev/uses-left';

const requests = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const secrets = { group: '', resource: 'secrets' };
const userPrefix = 'system:bootstrap:';
/** A token that is used up lives on for this long, for its last host to fetch the certificate. */
const fetchTimeMs = 15 * 60_000;

/** Counts down a token with every certificate that is asked for with it, and refuses when none is left. */
export function bootstrapTokenUses(objects: ObjectAccess, now: () => number): AdmissionPlugin {
  return {
    name: 'BootstrapTokenUses',
    handles: ({ operation, group, resource, subresource }) =>
      operation === 'CREATE' && group === requests.group && resource === requests.resource && subresource === '',
    // The last word before the write: what others refuse does not use up a token.
    async validate({ user, dryRun, name }) {
      if (!user.name.startsWith(userPrefix)) return;
      const id = user.name.slice(userPrefix.length);
      const left = await takeUse(objects, id, { now: now(), dryRun });
      if (left < 0) throw forbidden(requests, name, `the token ${JSON.stringify(id)} has been used up`);
    },
  };
}

/** The number left afterwards; -1: there was none. One after the other, since each write is checked by revision. */
async function takeUse(
  objects: ObjectAccess,
  id: string,
  { now, dryRun }: { now: number; dryRun: boolean },
): Promise<number> {
  let left = -1;
  try {
    await objects.modify(secrets, 'kube-system', `bootstrap-token-${id}`, (secret) => {
      const text = secret.metadata.annotations?.[usesLeftAnnotation];
      if (text === undefined) {
        left = 0;
        return false;
      }
      const before = Number(text);
      left = Number.isInteger(before) ? Math.max(before - 1, -1) : -1;
      if (left < 0 || dryRun) return false;
      secret.metadata.annotations = { ...secret.metadata.annotations, [usesLeftAnnotation]: String(left) };
      if (left === 0) endSoon(secret as { data?: Record<string, string> }, now);
      return true;
    });
  } catch (error) {
    // Revoked in this very moment.
    if (!isNotFound(error)) throw error;
  }
  return left;
}

function endSoon(secret: { data?: Record<string, string> }, now: number): void {
  const end = now + fetchTimeMs;
  const known = Date.parse(Buffer.from(secret.data?.['expiration'] ?? '', 'base64').toString());
  if (known < end) return;
  const text = new Date(end).toISOString().replace(/\.\d+/, '');
  secret.data = { ...secret.data, expiration: Buffer.from(text).toString('base64') };
}
