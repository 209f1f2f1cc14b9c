import { apiError, forbidden } from '../../machinery/status-error.ts';
import { ServerContext } from '../http/context.ts';
import type { AuthorizationAttributes, Authorizer, Filter, RequestContext } from '../request.ts';

export function authorizationFilter(authorizer: Authorizer): Filter {
  return async (context, next) => {
    const attributes = attributesOf(context);
    const { decision, reason } = await authorizer.authorize(attributes);
    if (context instanceof ServerContext && context.isAudited) {
      context.annotations.set('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid');
      context.annotations.set('authorization.k8s.io/reason', reason);
    }
    if (decision !== 'allow') throw forbiddenRequest(attributes, reason);
    context.authorizer = authorizer;
    return next();
  };
}

/** An update or apply that finds nothing to change creates, which its user must be allowed as well. Throws 403. */
export async function requireCreate(context: RequestContext): Promise<void> {
  if (context.authorizer === undefined) return;
  const attributes = { ...attributesOf(context), verb: 'create' };
  const { decision, reason } = await context.authorizer.authorize(attributes);
  if (decision !== 'allow') throw forbiddenRequest(attributes, reason);
}

export function attributesOf(context: RequestContext): AuthorizationAttributes {
  const { info, user, path } = context;
  const labelSelector = context.query.get('labelSelector');
  const fieldSelector = context.query.get('fieldSelector');
  return {
    user,
    verb: info.verb,
    isResourceRequest: info.isResourceRequest,
    group: info.apiGroup,
    version: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path,
    ...(labelSelector === null ? {} : { labelSelector }),
    ...(fieldSelector === null ? {} : { fieldSelector }),
  };
}

/** One authorizer out of many: the first that allows or denies decides. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    name: 'union',
    async authorize(attributes) {
      let reasons = '';
      for (const authorizer of authorizers) {
        const answer = await authorizer.authorize(attributes);
        if (answer.decision !== 'noOpinion') return answer;
        if (answer.reason !== '') reasons = reasons === '' ? answer.reason : `${reasons}\n${answer.reason}`;
      }
      return { decision: 'noOpinion', reason: reasons };
    },
  };
}

/** The words of k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.ForbiddenStatusError. */
export function forbiddenRequest(attributes: AuthorizationAttributes, reason: string): Error {
  const why = `${forbiddenMessage(attributes)}${reason === '' ? '' : `: ${reason}`}`;
  const { group, resource, name } = attributes;
  if (!attributes.isResourceRequest) return apiError(403, 'Forbidden', `forbidden: ${why}`, {});
  return forbidden({ group, resource }, name, why);
}

function forbiddenMessage(attributes: AuthorizationAttributes): string {
  const { user, verb, group, namespace, subresource } = attributes;
  const who = user.name === '' ? '' : `User ${JSON.stringify(user.name)} `;
  if (!attributes.isResourceRequest) return `${who}cannot ${verb} path ${JSON.stringify(attributes.path)}`;
  const resource = subresource === '' ? attributes.resource : `${attributes.resource}/${subresource}`;
  const what = `${who}cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)}`;
  return namespace === '' ? `${what} at the cluster scope` : `${what} in the namespace ${JSON.stringify(namespace)}`;
}
