import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectAccessReviewSpec,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../api/authorization/v1/types.generated.ts';
import type { PolicyRule } from '../../api/rbac/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { badRequest, type FieldError, invalid } from '../../machinery/status-error.ts';
import type { Rbac } from '../authorization/rbac.ts';
import type { Api } from '../contract.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../request.ts';
import { readReview, sendCreated } from './object-body.ts';

const group = 'authorization.k8s.io';
const apiVersion = `${group}/v1`;
const of = (kind: string) => ({ group, kind, schema: `authorization/v1.${kind}` });

/** What `kubectl auth can-i` and delegating servers ask. */
export function serveAccessReviews(api: Api, authorizer: Authorizer, rbac: Rbac): void {
  const serve = (resource: string, handler: Parameters<Api['serve']>[1]): void =>
    api.serve({ group, resource, subresource: '' }, handler);

  serve('selfsubjectaccessreviews', async (context) => {
    const review = as<SelfSubjectAccessReview>(await readReview(context, of('SelfSubjectAccessReview')));
    requireOneTarget('SelfSubjectAccessReview', review.spec);
    const status = await decide(authorizer, context.user, review.spec);
    await sendCreated(context, { ...review, apiVersion, status });
  });
  serve('subjectaccessreviews', async (context) => {
    const review = as<SubjectAccessReview>(await readReview(context, of('SubjectAccessReview')));
    requireOneTarget('SubjectAccessReview', review.spec);
    const status = await decide(authorizer, subjectOf(review), review.spec);
    await sendCreated(context, { ...review, apiVersion, status });
  });
  serve('localsubjectaccessreviews', async (context) => {
    const review = as<LocalSubjectAccessReview>(await readReview(context, of('LocalSubjectAccessReview')));
    requireOneTarget('LocalSubjectAccessReview', review.spec);
    if ((review.spec.resourceAttributes?.namespace ?? '') !== context.info.namespace) {
      throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${context.info.namespace}`);
    }
    const status = await decide(authorizer, subjectOf(review), review.spec);
    await sendCreated(context, { ...review, apiVersion, status });
  });
  serve('selfsubjectrulesreviews', async (context) => {
    const review = as<SelfSubjectRulesReview>(await readReview(context, of('SelfSubjectRulesReview')));
    const namespace = review.spec?.namespace ?? '';
    if (namespace === '') throw badRequest('no namespace on request');
    const rules = rbac.rulesOf(context.user, namespace).map(({ source }) => source);
    await sendCreated(context, { ...review, apiVersion, status: rulesStatus(rules) });
  });
}

/** A set of users and groups holding one object or one path, never both. */
function requireOneTarget(kind: string, spec: SelfSubjectAccessReviewSpec | undefined): void {
  const hasResource = spec?.resourceAttributes !== undefined;
  const hasPath = spec?.nonResourceAttributes !== undefined;
  if (hasResource !== hasPath) return;
  const error: FieldError = {
    type: 'invalid',
    field: hasResource ? 'spec.nonResourceAttributes' : 'spec.resourceAttributes',
    value: hasResource ? spec?.nonResourceAttributes : undefined,
    detail: hasResource
      ? 'cannot be specified in combination with resourceAttributes'
      : 'exactly one of nonResourceAttributes or resourceAttributes must be specified',
  };
  throw invalid({ group, kind }, '', [error]);
}

function subjectOf({ spec, kind }: SubjectAccessReview | LocalSubjectAccessReview): UserInfo {
  const { user = '', groups = [], uid, extra } = spec;
  if (user === '' && groups.length === 0) {
    const error: FieldError = {
      type: 'invalid',
      field: 'spec.user',
      value: '',
      detail: 'at least one of user or group must be specified',
    };
    throw invalid({ group, kind }, '', [error]);
  }
  return { name: user, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

async function decide(
  authorizer: Authorizer,
  user: UserInfo,
  { resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec,
): Promise<SubjectAccessReviewStatus> {
  const { group: apiGroup = '', version = '', ...rest } = resourceAttributes ?? {};
  const { verb = '', resource = '', subresource = '', namespace = '', name = '' } = rest;
  const attributes: AuthorizationAttributes = {
    user,
    isResourceRequest: resourceAttributes !== undefined,
    verb: nonResourceAttributes?.verb ?? verb,
    path: nonResourceAttributes?.path ?? '',
    group: apiGroup,
    version,
    resource,
    subresource,
    namespace,
    name,
  };
  const { decision, reason } = await authorizer.authorize(attributes);
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
  };
}

function rulesStatus(rules: readonly PolicyRule[]): SelfSubjectRulesReview['status'] {
  const resourceRules = [];
  const nonResourceRules = [];
  for (const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } of rules) {
    if (resources !== undefined && resources.length > 0) {
      resourceRules.push({
        verbs,
        ...(apiGroups === undefined ? {} : { apiGroups }),
        resources,
        ...(resourceNames === undefined ? {} : { resourceNames }),
      });
    }
    if (nonResourceURLs !== undefined && nonResourceURLs.length > 0) nonResourceRules.push({ verbs, nonResourceURLs });
  }
  return { resourceRules, nonResourceRules, incomplete: false };
}
