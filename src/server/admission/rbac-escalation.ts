import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../../api/rbac/v1/types.generated.ts';
import { as } from '../../api/resource.ts';
import { notFound } from '../../machinery/status-error.ts';
import type { Rbac } from '../authorization/rbac.ts';
import { formatRules, formatStrings, rulesNotCovered } from '../authorization/rules.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer, UserInfo } from '../request.ts';
import { refuse } from './refusals.ts';

const group = 'rbac.authorization.k8s.io';

/** Nobody grants more than they hold, unless the verbs `escalate` (roles) or `bind` (bindings) say they may. */
export function rbacEscalation(rbac: Rbac, authorizer: Authorizer): AdmissionPlugin {
  const mayUse = async (user: UserInfo, verb: string, of: { resource: string; namespace: string; name: string }) => {
    const asked = { user, verb, isResourceRequest: true, group, version: 'v1', subresource: '', path: '', ...of };
    return (await authorizer.authorize(asked)).decision === 'allow';
  };
  return {
    name: 'RBACEscalation',
    handles: ({ group: of, operation }) => of === group && (operation === 'CREATE' || operation === 'UPDATE'),
    async validate(attributes) {
      const { object, oldObject, user, resource, namespace, name } = attributes;
      if (object === undefined || user.groups.includes('system:masters')) return;
      const isBinding = resource.endsWith('bindings');
      if (!changes(object, oldObject, isBinding ? ['subjects', 'roleRef'] : ['rules', 'aggregationRule'])) return;
      if (!isBinding) {
        if (await mayUse(user, 'escalate', { resource, namespace, name })) return;
        refuseUncovered(attributes, rbac, wantedByRole(as<ClusterRole>(object)));
        return;
      }
      const { roleRef } = as<ClusterRoleBinding>(object);
      const roles = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
      if (await mayUse(user, 'bind', { resource: roles, namespace, name: roleRef.name })) return;
      const rules = rbac.rulesOfRole(roleRef, namespace);
      if (rules === undefined) throw notFound({ group, resource: roles }, roleRef.name);
      refuseUncovered(
        attributes,
        rbac,
        rules.map(({ source }) => source),
      );
    },
  };
}

function changes(
  object: Record<string, unknown> | object,
  old: object | undefined,
  fields: readonly string[],
): boolean {
  if (old === undefined) return true;
  const of = (holder: object, field: string): string =>
    JSON.stringify((holder as Record<string, unknown>)[field] ?? null);
  return fields.some((field) => of(object, field) !== of(old, field));
}

/** Whoever writes an aggregation rule decides about rules not yet written: that needs everything. */
function wantedByRole({ rules, aggregationRule }: ClusterRole): readonly PolicyRule[] {
  if (aggregationRule === undefined) return rules ?? [];
  return [
    ...(rules ?? []),
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ];
}

function refuseUncovered(attributes: AdmissionAttributes, rbac: Rbac, wanted: readonly PolicyRule[]): void {
  const { user, namespace } = attributes;
  const missing = rulesNotCovered(rbac.rulesOf(user, namespace), wanted);
  if (missing.length === 0) return;
  const who = `user ${JSON.stringify(user.name)} (groups=${formatStrings(user.groups)})`;
  throw refuse(
    attributes,
    `${who} is attempting to grant RBAC permissions not currently held:\n${formatRules(missing)}`,
  );
}
