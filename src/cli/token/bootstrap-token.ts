import type { Secret } from '../../api/core/v1/types.generated.ts';
import { secrets } from '../../api/resource-types.ts';
import type { Client } from '../../client/contract.ts';

/** Counted down by the server's admission with every certificate that is asked for. */
export const usesLeftAnnotation = 'fleet.roadstead.dev/uses-left';
export const rolesAnnotation = 'fleet.roadstead.dev/roles';
/** The group that may ask for the certificates of hosts, and has them at once. */
export const hostsGroup = 'system:bootstrappers:roadstead:hosts';

export const tokenType = 'bootstrap.kubernetes.io/token';
export const tokenNamespace = 'kube-system';

export function secretName(id: string): string {
  return `bootstrap-token-${id}`;
}

/** Every token by which hosts may join. */
export async function listTokens(client: Client): Promise<readonly Secret[]> {
  const { items } = await client
    .resource(secrets)
    .list({ namespace: tokenNamespace, fieldSelector: `type=${tokenType}` });
  return items;
}

export function tokenField({ data }: Secret, name: string): string {
  return Buffer.from(data?.[name] ?? '', 'base64').toString();
}
