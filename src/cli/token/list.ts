import { connect } from '../connect.ts';
import { kubeconfigOf, type TargetOptions } from '../target.ts';
import { listTokens, rolesAnnotation, tokenField, usesLeftAnnotation } from './bootstrap-token.ts';

/** `roadstead token list`: every token that is still good for something; their secrets are not shown. */
export async function listJoinTokens(options: TargetOptions): Promise<void> {
  const client = await connect(kubeconfigOf(options));
  try {
    const rows = (await listTokens(client)).map((secret) => {
      const { annotations = {} } = secret.metadata;
      const roles = annotations[rolesAnnotation] ?? '';
      return [
        tokenField(secret, 'token-id'),
        annotations[usesLeftAnnotation] ?? 'any',
        roles === '' ? '-' : roles,
        tokenField(secret, 'expiration') || 'never',
      ];
    });
    for (const [id = '', uses = '', roles = '', expires = ''] of [['TOKEN', 'USES-LEFT', 'ROLES', 'EXPIRES'], ...rows])
      console.log(`${id.padEnd(9)} ${uses.padEnd(10)} ${roles.padEnd(16)} ${expires}`);
  } finally {
    await client.close();
  }
}
