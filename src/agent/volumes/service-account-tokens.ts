import type { TokenRequest } from '../../api/authentication/v1/types.generated.ts';
import type { Pod, ServiceAccountTokenProjection } from '../../api/core/v1/types.generated.ts';
import { serviceAccounts } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';
import { askServer } from '../server-away.ts';

const defaultExpirationSeconds = 3607;
/** Renewed after this share of its life, or after a day. */
const renewAtShare = 0.8;
const renewAfterMsMax = 24 * 3600 * 1000;

interface HeldToken {
  readonly token: string;
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** Tokens bound to pods, asked of the API and kept until it is time to renew them. */
export class ServiceAccountTokens {
  readonly #client: Client;
  readonly #held = new Map<string, HeldToken>();

  constructor(client: Client) {
    this.#client = client;
  }

  async token(pod: Pod, source: ServiceAccountTokenProjection): Promise<string> {
    const uid = pod.metadata.uid ?? '';
    const account = pod.spec?.serviceAccountName ?? 'default';
    const key = `${uid}/${account}/${source.audience ?? ''}/${source.expirationSeconds ?? 0}`;
    const now = Date.now();
    const held = this.#held.get(key);
    if (held !== undefined && now < held.renewAt) return held.token;
    try {
      const fresh = await askServer((signal) => this.#request(pod, account, source, { now, signal }));
      this.#held.set(key, fresh);
      return fresh.token;
    } catch (error) {
      // An old token that still holds is better than none while the server is away.
      if (held !== undefined && now < held.expiresAt) return held.token;
      throw error;
    }
  }

  forget(podUid: string): void {
    for (const key of this.#held.keys()) if (key.startsWith(`${podUid}/`)) this.#held.delete(key);
  }

  async #request(
    pod: Pod,
    account: string,
    source: ServiceAccountTokenProjection,
    { now, signal }: { now: number; signal: AbortSignal },
  ): Promise<HeldToken> {
    const answer = await this.#client.resource(serviceAccounts).createSubresource<TokenRequest>(
      { namespace: pod.metadata.namespace ?? '', name: account },
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: source.audience === undefined || source.audience === '' ? [] : [source.audience],
          expirationSeconds: source.expirationSeconds ?? defaultExpirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid },
        },
      },
      { signal },
    );
    const expiresAt = Date.parse(answer.status?.expirationTimestamp ?? '') || now + defaultExpirationSeconds * 1000;
    const renewAt = Math.min(now + (expiresAt - now) * renewAtShare, now + renewAfterMsMax);
    return { token: answer.status?.token ?? '', renewAt, expiresAt };
  }
}
