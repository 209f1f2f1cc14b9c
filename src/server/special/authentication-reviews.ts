import type { TokenReview, TokenReviewStatus } from '../../api/authentication/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { badRequest } from '../../machinery/status-error.ts';
import { rfc3339 } from '../../machinery/time.ts';
import { type TokenVerifier, verifyToken } from '../authentication/bearer-token.ts';
import type { Api } from '../contract.ts';
import type { UserInfo } from '../request.ts';
import { readReview, sendCreated } from './object-body.ts';

const group = 'authentication.k8s.io';
const apiVersion = `${group}/v1`;
const of = (kind: string) => ({ group, kind, schema: `authentication/v1.${kind}` });

/** Who is this token, and who am I. */
export function serveAuthenticationReviews(api: Api, verifiers: readonly TokenVerifier[], now: () => number): void {
  api.serve({ group, resource: 'tokenreviews', subresource: '' }, async (context) => {
    const review = as<TokenReview>(await readReview(context, of('TokenReview')));
    const { token = '', audiences } = review.spec ?? {};
    if (token === '') throw badRequest('token is required for TokenReview in authentication');
    await sendCreated(context, { ...review, apiVersion, status: await reviewToken(verifiers, token, audiences) });
  });
  api.serve({ group, resource: 'selfsubjectreviews', subresource: '' }, async (context) => {
    const review = await readReview(context, of('SelfSubjectReview'));
    const metadata = { creationTimestamp: rfc3339(now()) };
    await sendCreated(context, { ...review, apiVersion, metadata, status: { userInfo: describeUser(context.user) } });
  });
}

async function reviewToken(
  verifiers: readonly TokenVerifier[],
  token: string,
  audiences: readonly string[] | undefined,
): Promise<TokenReviewStatus> {
  try {
    const asked = audiences === undefined || audiences.length === 0 ? undefined : audiences;
    const verified = await verifyToken(verifiers, token, asked);
    if (verified === undefined) return { authenticated: false };
    const user = withAuthenticated(verified.user);
    return { authenticated: true, user: describeUser(user), audiences: [...verified.audiences] };
  } catch (error) {
    // A bad token is the answer here, not a failure of the request.
    return {
      authenticated: false,
      error: `[invalid bearer token, ${error instanceof Error ? error.message : String(error)}]`,
    };
  }
}

function withAuthenticated(user: UserInfo): UserInfo {
  return user.groups.includes('system:authenticated')
    ? user
    : { ...user, groups: [...user.groups, 'system:authenticated'] };
}

function describeUser({ name, uid, groups, extra }: UserInfo): NonNullable<TokenReviewStatus['user']> {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined
      ? {}
      : { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }),
  };
}
