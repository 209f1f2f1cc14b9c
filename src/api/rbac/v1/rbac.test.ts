import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FieldError, fieldErrorMessage } from '../../../machinery/status-error.ts';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from './types.generated.ts';
import {
  applyBindingDefaults,
  validateBinding,
  validateBindingUpdate,
  validateClusterRole,
  validateRole,
} from './validation.ts';

const texts = (errors: readonly FieldError[]): string[] =>
  errors.map((error) => `${error.field}: ${fieldErrorMessage(error)}`);

const role = (rule: PolicyRule): ClusterRole => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'reader' },
  rules: [rule],
});

function binding(subject: Subject, roleName = 'reader'): RoleBinding {
  const object: RoleBinding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'readers', namespace: 'default' },
    roleRef: { apiGroup: '', kind: 'Role', name: roleName },
    subjects: [subject],
  };
  applyBindingDefaults(object);
  return object;
}

describe('rbac validation', () => {
  it('takes rules for resources and, in a ClusterRole, for paths', () => {
    assert.deepEqual(validateRole({ ...role({ verbs: ['get'], apiGroups: [''], resources: ['pods'] }) }), []);
    assert.deepEqual(validateClusterRole(role({ verbs: ['get'], nonResourceURLs: ['/healthz'] })), []);
  });

  it('refuses rules without verbs, groups or resources', () => {
    assert.deepEqual(texts(validateRole({ ...role({ verbs: [] }) })), [
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ]);
  });

  it('refuses paths in a Role', () => {
    assert.deepEqual(texts(validateRole({ ...role({ verbs: ['get'], nonResourceURLs: ['/x'] }) })), [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ]);
  });

  it('defaults the group of users and of the role', () => {
    const object = binding({ kind: 'User', name: 'jane' });
    assert.equal(object.subjects?.[0]?.apiGroup, 'rbac.authorization.k8s.io');
    assert.equal(object.roleRef.apiGroup, 'rbac.authorization.k8s.io');
    assert.deepEqual(validateBinding(object, true), []);
  });

  it('demands the namespace of a service account', () => {
    assert.deepEqual(texts(validateBinding(binding({ kind: 'ServiceAccount', name: 'default' }), true)), [
      'subjects[0].namespace: Required value',
    ]);
  });

  it('refuses a Role in a ClusterRoleBinding', () => {
    assert.deepEqual(texts(validateBinding(binding({ kind: 'User', name: 'jane' }), false)), [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ]);
  });

  it('never changes the role of a binding', () => {
    const old = binding({ kind: 'User', name: 'jane' });
    const errors = validateBindingUpdate(binding({ kind: 'User', name: 'jane' }, 'writer'), old, true);
    assert.deepEqual(
      errors.map(({ field, detail }) => `${field}: ${detail}`),
      ['roleRef: cannot change roleRef'],
    );
  });
});
