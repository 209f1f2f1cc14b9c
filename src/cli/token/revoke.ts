import { secrets } from '../../api/resource-types.ts';
import { isNotFound } from '../../machinery/status-error.ts';
import { connect } from '../connect.ts';
import { kubeconfigOf, type TargetOptions } from '../target.ts';
import { UserError } from '../user-error.ts';
import { secretName, tokenNamespace } from './bootstrap-token.ts';

/** `roadstead token revoke ID`: nobody joins with it any more; hosts that did stay. */
export async function revokeToken(token: string, options: TargetOptions): Promise<void> {
  const [id = ''] = token.split('.');
  const client = await connect(kubeconfigOf(options));
  try {
    await client.resource(secrets).delete({ namespace: tokenNamespace, name: secretName(id) });
    console.log(`Revoked the token ${id}`);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new UserError(`There is no token "${id}"; "roadstead token list" shows those there are`);
  } finally {
    await client.close();
  }
}
