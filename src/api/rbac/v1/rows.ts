import { isPathSegmentName } from '../../../machinery/names.ts';
import { ageColumn, column, nameColumn } from '../../columns.ts';
import type { Column, ResourceDefinition } from '../../resource.ts';
import { defineResource } from '../../strategy.ts';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding, Subject } from './types.generated.ts';
import {
  applyBindingDefaults,
  validateBinding,
  validateBindingUpdate,
  validateClusterRole,
  validateRole,
} from './validation.ts';

const group = 'rbac.authorization.k8s.io';

const createdColumn: Column = column<Role>('Created At', ({ metadata }) => metadata.creationTimestamp ?? null, {
  type: 'date',
});

const bindingColumns: readonly Column[] = [
  nameColumn,
  column<RoleBinding>('Role', ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`),
  ageColumn,
  column<RoleBinding>('Users', (binding) => subjectNames(binding, 'User'), { wide: true }),
  column<RoleBinding>('Groups', (binding) => subjectNames(binding, 'Group'), { wide: true }),
  column<RoleBinding>('ServiceAccounts', (binding) => subjectNames(binding, 'ServiceAccount'), { wide: true }),
];

/** Names of roles and bindings may hold what a path segment may: `system:node`. */
const shared = {
  group,
  version: 'v1',
  validateName: (name: string): string | undefined => isPathSegmentName(name)[0],
  allowCreateOnUpdate: true,
} as const;

export const rbacResources: readonly ResourceDefinition[] = [
  defineResource<ClusterRoleBinding>({
    ...shared,
    kind: 'ClusterRoleBinding',
    resource: 'clusterrolebindings',
    namespaced: false,
    schema: 'rbac/v1.ClusterRoleBinding',
    columns: bindingColumns,
    defaults: applyBindingDefaults,
    validate: (binding) => validateBinding(binding, false),
    validateUpdate: (binding, old) => validateBindingUpdate(binding, old, false),
  }),
  defineResource<ClusterRole>({
    ...shared,
    kind: 'ClusterRole',
    resource: 'clusterroles',
    namespaced: false,
    schema: 'rbac/v1.ClusterRole',
    columns: [nameColumn, createdColumn],
    validate: validateClusterRole,
  }),
  defineResource<RoleBinding>({
    ...shared,
    kind: 'RoleBinding',
    resource: 'rolebindings',
    schema: 'rbac/v1.RoleBinding',
    columns: bindingColumns,
    defaults: applyBindingDefaults,
    validate: (binding) => validateBinding(binding, true),
    validateUpdate: (binding, old) => validateBindingUpdate(binding, old, true),
  }),
  defineResource<Role>({
    ...shared,
    kind: 'Role',
    resource: 'roles',
    schema: 'rbac/v1.Role',
    columns: [nameColumn, createdColumn],
    validate: validateRole,
  }),
];

function subjectNames({ subjects }: { subjects?: Subject[] }, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}
